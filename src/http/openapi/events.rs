//! Describes events: each type with its own data, in the log, on a socket and in the body of a webhook.
//!
//! Made from the schema of [`Event`], so that a type or a field cannot be there without being described. Knows an event
//! by name only where its data is a message: which kind of message it is. Called once, when the document is made.

use std::collections::BTreeMap;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        AllOfBuilder, Object, ObjectBuilder, OneOf, OpenApi, Ref, RefOr, Schema, Type,
        schema::{Discriminator, SchemaType},
    },
};

use crate::{
    domain::{event::Event, message::Content},
    http::ws::Hello,
};

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// The kinds of message that are about another, and the event that tells each.
const ABOUT_OTHERS: [(&str, &str); 7] = [
    ("message.reaction", "reaction"),
    ("message.edit", "edit"),
    ("message.delete", "revoke"),
    ("poll.vote", "vote"),
    ("event.response", "response"),
    ("message.pin", "pin"),
    ("message.keep", "keep"),
];

/// Puts the events into the document.
pub(super) fn complete(document: &mut OpenApi) {
    let mut found = Vec::new();
    Event::schemas(&mut found);
    Hello::schemas(&mut found);
    let schemas = &mut document.components.get_or_insert_default().schemas;
    schemas.extend(found);
    schemas.insert("Event".to_owned(), Event::schema());
    schemas.insert("Hello".to_owned(), Hello::schema());
    let kinds = name_each(schemas, "Content", "Content");
    let of_kind = messages(schemas, &kinds);
    let events = name_each(schemas, "Event", "Event");
    let words = events.iter().map(|(word, _)| word.as_str());
    let all = ObjectBuilder::new().schema_type(Type::String);
    let all = all
        .enum_values(Some(words))
        .description(Some("Every event of this version."));
    schemas.insert("EventType".to_owned(), all.into());
    for (word, name) in &events {
        if let Some(kind) = of_kind.get(word)
            && let Some(RefOr::T(Schema::Object(event))) = schemas.get_mut(name)
        {
            event.properties.insert("data".to_owned(), refer(kind));
        }
    }
    logged(schemas);
    frames(schemas);
    bodies(schemas, &events);
    document.webhooks = Some(super::hooks::described());
}

/// Gives each variant of a union that is tagged by `type` a name of its own: the word, then `suffix`.
///
/// It gets no `discriminator`: where the union is a part of something (`allOf`), that would say that the whole is one of
/// its variants. The one word that each `type` can be tells them apart.
fn name_each(schemas: &mut Schemas, union: &str, suffix: &str) -> Vec<(String, String)> {
    let Some(RefOr::T(Schema::OneOf(of))) = schemas.get_mut(union) else {
        return Vec::new();
    };
    let mut named = Vec::new();
    let mut made = Vec::new();
    for item in &mut of.items {
        if let RefOr::T(Schema::Object(object)) = &*item
            && let Some(word) = tag(object)
        {
            let name = format!("{}{suffix}", pascal(&word));
            let whole = std::mem::replace(item, refer(&name));
            made.push((name.clone(), whole));
            named.push((word, name));
        }
    }
    schemas.extend(made);
    named
}

/// Names what stands around the content of a message, and says which content the messages of an event have.
fn messages(schemas: &mut Schemas, kinds: &[(String, String)]) -> BTreeMap<String, String> {
    let mut rest = Vec::new();
    if let Some(RefOr::T(Schema::AllOf(message))) = schemas.get_mut("Message") {
        let head = message
            .items
            .iter_mut()
            .find(|item| matches!(item, RefOr::T(_)));
        let head = head.map(|head| std::mem::replace(head, refer("MessageHead")));
        rest.extend(message.items.iter().skip(1).cloned());
        schemas.extend(head.map(|head| ("MessageHead".to_owned(), head)));
    }
    let of = |kind: &str| kinds.iter().find(|(word, _)| word == kind);
    let listed = Content::LISTED.iter().filter_map(|kind| of(kind).cloned());
    let listed: Vec<(String, String)> = listed.collect();
    let said = "What a message of a chat says, which is not about another message.";
    schemas.insert("ListedContent".to_owned(), union(&listed, said));

    let mut made = BTreeMap::new();
    let mut with = |event: &str, name: String, content: &str, said: &str| {
        let whole = AllOfBuilder::new().item(refer(content));
        let whole = rest.iter().cloned().fold(whole, AllOfBuilder::item);
        schemas.insert(name.clone(), whole.description(Some(said)).into());
        made.insert(event.to_owned(), name);
    };
    let said = "A message of a chat.";
    with("message", "ListedMessage".to_owned(), "ListedContent", said);
    for (event, kind) in ABOUT_OTHERS {
        if let Some((_, content)) = of(kind) {
            let said = "A message about another one.";
            with(event, format!("{}Message", pascal(kind)), content, said);
        }
    }
    made
}

/// An event of the log: the handler's own schema has its place there, without knowing what it is.
fn logged(schemas: &mut Schemas) {
    if let Some(RefOr::T(Schema::Object(place))) = schemas.get_mut("LoggedEvent") {
        let mut place = std::mem::take(place);
        let said = place.description.take();
        for key in ["type", "data"] {
            place.properties.remove(key);
            place.required.retain(|required| required != key);
        }
        let whole = AllOfBuilder::new().item(refer("Event")).item(place);
        schemas.insert("LoggedEvent".to_owned(), whole.description(said).into());
    }
}

/// What a socket says.
fn frames(schemas: &mut Schemas) {
    let event = AllOfBuilder::new().item(refer("Event")).item(place(false));
    let said =
        "An event on a socket. What a socket begins with, where a session is now, has no `seq`.";
    schemas.insert(
        "EventFrame".to_owned(),
        event.description(Some(said)).into(),
    );
    let nothing = RefOr::T(ObjectBuilder::new().schema_type(Type::Object).into());
    let rest = [
        ("hello", refer("Hello"), "The greeting, first of all."),
        (
            "gap",
            refer("EventGap"),
            "What the log no longer holds of what would have come.",
        ),
        ("pong", nothing, "The answer to a `ping`."),
    ];
    let mut all = OneOf::new();
    all.items.push(refer("EventFrame"));
    for (word, data, said) in rest {
        let name = format!("{}Frame", pascal(word));
        let what = tagged(word).property("data", data).required("data");
        let whole = AllOfBuilder::new().item(what).item(place(true));
        schemas.insert(name.clone(), whole.description(Some(said)).into());
        all.items.push(refer(&name));
    }
    all.description = Some("What a socket says.".to_owned());
    schemas.insert("Frame".to_owned(), RefOr::T(all.into()));
}

/// Where a frame stands.
fn place(is_of_many: bool) -> Object {
    let session = if is_of_many {
        nullable(Type::String)
    } else {
        only(Type::String)
    };
    let place = ObjectBuilder::new()
        .property("seq", nullable(Type::Integer))
        .property("id", nullable(Type::String))
        .property("session", session)
        .property("at", only(Type::String));
    let place = ["seq", "id", "session", "at"]
        .into_iter()
        .fold(place, ObjectBuilder::required);
    place.build()
}

/// What a webhook posts: the data of the event, and in it the session and the place in its log.
fn bodies(schemas: &mut Schemas, events: &[(String, String)]) {
    let origin = |session: Type, said: &str| {
        let origin = ObjectBuilder::new()
            .property("session", only(session))
            .property(
                "seq",
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .description(Some(said)),
            )
            .required("session")
            .required("seq");
        origin.build()
    };
    let place = origin(Type::String, "The place in the log of the session.");
    schemas.insert("WebhookOrigin".to_owned(), RefOr::T(place.into()));
    let mut all = Vec::new();
    for (word, name) in events {
        let Some(RefOr::T(Schema::Object(event))) = schemas.get(name) else {
            continue;
        };
        let (said, data) = (
            event.description.clone(),
            event.properties.get("data").cloned(),
        );
        let data = AllOfBuilder::new().item(data.unwrap_or_else(|| refer("Event")));
        let data = data.item(refer("WebhookOrigin"));
        all.push(body(schemas, word, data.into(), said.as_deref()));
    }
    let said = "The webhook that is tested.";
    let webhook = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(said));
    let tested = ObjectBuilder::new()
        .property("webhook", webhook)
        .required("webhook");
    let nowhere = origin(Type::Null, "Nothing of the log: 0.");
    let data = AllOfBuilder::new().item(tested).item(nowhere);
    let said = "The request of `POST /v1/webhooks/{id}/test`.";
    all.push(body(schemas, "webhook.test", data.into(), Some(said)));
    let mut union = union(&all, "What a webhook posts.");
    if let RefOr::T(Schema::OneOf(of)) = &mut union {
        let paths = all
            .iter()
            .map(|(word, name)| (word, format!("#/components/schemas/{name}")));
        of.discriminator = Some(Discriminator::with_mapping("type", paths));
    }
    schemas.insert("WebhookBody".to_owned(), union);
}

fn body(schemas: &mut Schemas, word: &str, data: Schema, said: Option<&str>) -> (String, String) {
    let name = format!("{}Body", pascal(word));
    let whole = tagged(word)
        .property("timestamp", only(Type::String))
        .property("data", data)
        .required("timestamp")
        .required("data")
        .description(said);
    schemas.insert(name.clone(), whole.into());
    (word.to_owned(), name)
}

fn union(named: &[(String, String)], said: &str) -> RefOr<Schema> {
    let mut union = OneOf::new();
    union.items = named.iter().map(|(_, name)| refer(name)).collect();
    union.description = Some(said.to_owned());
    RefOr::T(union.into())
}

fn tagged(word: &str) -> ObjectBuilder {
    let tag = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([word]));
    ObjectBuilder::new().property("type", tag).required("type")
}

/// The word in `type`, if there is only one.
fn tag(object: &Object) -> Option<String> {
    let Some(RefOr::T(Schema::Object(tag))) = object.properties.get("type") else {
        return None;
    };
    match tag.enum_values.as_deref() {
        Some([word]) => word.as_str().map(str::to_owned),
        _ => None,
    }
}

fn only(kind: Type) -> Object {
    ObjectBuilder::new().schema_type(kind).build()
}

fn nullable(kind: Type) -> Object {
    let kinds = SchemaType::from_iter([kind, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).build()
}

fn refer(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// `message.ack` is `MessageAck`.
pub(super) fn pascal(word: &str) -> String {
    let parts = word.split(['.', '_']).map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}
