//! Says of each shape what serialisation really does, and says it once.
//!
//! A union whose variants have no tag is any of them, since one may have all that another has; what is flattened and may
//! be absent leaves the rest alone; and where a list repeats the schema of a component, it refers to that instead, which
//! would else make a second type for whoever generates one. Knows no schema by name. Called once, when the document is made.

use std::collections::BTreeMap;

use utoipa::openapi::{
    AllOf, OneOf, OpenApi, Ref, RefOr, Schema, Type,
    schema::{AnyOf, AnyOfBuilder, ArrayItems, SchemaType},
};

/// Corrects the schemas of all components.
pub(super) fn complete(document: &mut OpenApi) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for schema in schemas.values_mut() {
        let RefOr::T(shape) = schema else {
            continue;
        };
        let corrected = match &*shape {
            Schema::OneOf(union) if is_untagged(union) => any_of(union),
            Schema::AllOf(whole) => match optional(whole) {
                Some((place, part)) => with_or_without(whole, place, part),
                None => continue,
            },
            _ => continue,
        };
        *shape = corrected.into();
    }
    let known: BTreeMap<String, Schema> = schemas
        .iter()
        .filter_map(|(name, schema)| match schema {
            RefOr::T(schema) if names_a_shape(schema) => Some((name.clone(), schema.clone())),
            _ => None,
        })
        .collect();
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::Object(object)) = schema else {
            continue;
        };
        for property in object.properties.values_mut() {
            if let RefOr::T(Schema::Array(array)) = property
                && let ArrayItems::RefOrSchema(item) = &mut array.items
                && let RefOr::T(shape) = &**item
                && let Some((name, _)) = known.iter().find(|(_, known)| *known == shape)
            {
                **item = RefOr::Ref(Ref::from_schema_name(name));
            }
        }
    }
}

/// Whether its variants are whole objects without a tag, of which at least one stands here and not in a component.
fn is_untagged(union: &OneOf) -> bool {
    let here = |item: &RefOr<Schema>| match item {
        RefOr::T(Schema::Object(object)) => {
            !object.properties.is_empty() && !object.properties.contains_key("type")
        }
        _ => false,
    };
    let elsewhere = |item: &RefOr<Schema>| matches!(item, RefOr::Ref(_));
    let items = &union.items;
    items.iter().all(|item| here(item) || elsewhere(item)) && items.iter().any(here)
}

fn any_of(union: &OneOf) -> AnyOf {
    let any = AnyOfBuilder::new().description(union.description.clone());
    let items = union.items.iter().cloned();
    items.fold(any, AnyOfBuilder::item).build()
}

/// What may be absent from the whole, and where it stands.
fn optional(whole: &AllOf) -> Option<(usize, &RefOr<Schema>)> {
    let places = whole.items.iter().enumerate();
    let mut found = places.filter_map(|(place, item)| match item {
        RefOr::T(Schema::OneOf(choice)) if choice.items.iter().any(is_null) => {
            let part = choice.items.iter().find(|item| !is_null(item))?;
            Some((place, part))
        }
        _ => None,
    });
    found.next()
}

fn is_null(item: &RefOr<Schema>) -> bool {
    let null = SchemaType::Type(Type::Null);
    matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == null)
}

fn with_or_without(whole: &AllOf, place: usize, part: &RefOr<Schema>) -> AnyOf {
    let (mut with, mut without) = (whole.clone(), whole.clone());
    with.description = None;
    without.description = None;
    with.items[place] = part.clone();
    without.items.remove(place);
    let any = AnyOfBuilder::new().description(whole.description.clone());
    any.item(Schema::from(with))
        .item(Schema::from(without))
        .build()
}

/// A bare text or number is no shape: that two of them are alike means nothing.
fn names_a_shape(schema: &Schema) -> bool {
    match schema {
        Schema::Object(object) => !object.properties.is_empty(),
        Schema::AllOf(_) => true,
        _ => false,
    }
}
