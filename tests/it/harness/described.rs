//! Whether a value is as the description of the API says: JSON Schema, as far as the description uses it.
//!
//! Stricter than JSON Schema in one thing: a field that the description does not name is a fault as well, since nobody
//! who relies on the description would find it. A keyword that is not understood here is a panic, never a pass.

use std::{collections::BTreeSet, sync::OnceLock};

use serde_json::{Map, Value, json};

/// What says nothing about which values fit.
const SAYINGS: [&str; 7] = [
    "title",
    "description",
    "example",
    "format",
    "default",
    "discriminator",
    "deprecated",
];

/// The keys of a value that a schema names.
type Named = BTreeSet<String>;

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_value(wharf::http::document()).unwrap())
}

/// The schema of this name.
pub(crate) fn schema(name: &str) -> &'static Value {
    let found = &document()["components"]["schemas"][name];
    assert!(found.is_object(), "no schema is called {name}");
    found
}

/// Panics unless `value` is as the schema of this name says.
#[track_caller]
pub(crate) fn is(name: &str, value: &Value) {
    if let Err(fault) = fault(name, value) {
        panic!("not as {name} is described: {fault}, in {value}");
    }
}

/// The first thing about `value` that is not as described.
pub(crate) fn fault(name: &str, value: &Value) -> Result<(), String> {
    whole(schema(name), value, "")
}

/// The value fits, and all its keys are named.
fn whole(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let named = fits(schema, value, at)?;
    let keys = value.as_object().into_iter().flat_map(Map::keys);
    match keys.into_iter().find(|key| !named.contains(*key)) {
        Some(key) => Err(format!("{at}/{key} is not described")),
        None => Ok(()),
    }
}

fn fits(schema: &Value, value: &Value, at: &str) -> Result<Named, String> {
    let mut named = Named::new();
    for (keyword, given) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let name = given.as_str().unwrap().rsplit('/').next().unwrap();
                named.extend(fits(self::schema(name), value, at)?);
            }
            "type" => is_of_type(given, value, at)?,
            "enum" if given.as_array().unwrap().contains(value) => {}
            "enum" => return Err(format!("{at} is none of {given}")),
            "minimum" if value.is_number() && value.as_f64() < given.as_f64() => {
                return Err(format!("{at} is below {given}"));
            }
            "maximum" if value.is_number() && value.as_f64() > given.as_f64() => {
                return Err(format!("{at} is above {given}"));
            }
            "minimum" | "maximum" => {}
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    whole(given, item, &format!("{at}/{place}"))?;
                }
            }
            "properties" => {
                for (key, property) in given.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        whole(property, value, &format!("{at}/{key}"))?;
                        named.insert(key.clone());
                    }
                }
            }
            "required" => {
                let keys = given.as_array().unwrap().iter();
                let mut keys = keys.map(|key| key.as_str().unwrap());
                if let Some(key) = keys.find(|key| value.is_object() && value.get(key).is_none()) {
                    return Err(format!("{at}/{key} is missing"));
                }
            }
            "allOf" => {
                for part in given.as_array().unwrap() {
                    named.extend(fits(part, value, at)?);
                }
            }
            "oneOf" | "anyOf" => named.extend(choice(keyword, given, value, at)?),
            // Whose properties are anybody's.
            "additionalProperties" | "propertyNames" => {
                named.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
            }
            saying if SAYINGS.contains(&saying) => {}
            other => panic!("the keyword {other} is not understood"),
        }
    }
    let kind = &schema["type"];
    let is_object = kind == "object"
        || kind
            .as_array()
            .is_some_and(|of| of.contains(&json!("object")));
    // An object of which nothing is said may have anything.
    if is_object && schema.get("properties").is_none() {
        named.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
    }
    Ok(named)
}

fn choice(keyword: &str, given: &Value, value: &Value, at: &str) -> Result<Named, String> {
    let tried = given.as_array().unwrap().iter();
    let (mut fitting, mut faults) = (Vec::new(), Vec::new());
    for result in tried.map(|choice| fits(choice, value, at)) {
        match result {
            Ok(named) => fitting.push(named),
            Err(fault) => faults.push(fault),
        }
    }
    match fitting.len() {
        0 => Err(format!("{at} is no alternative: {}", faults.join("; "))),
        1 => Ok(fitting.remove(0)),
        _ if keyword == "anyOf" => Ok(fitting.into_iter().flatten().collect()),
        count => Err(format!("{at} is {count} alternatives at once")),
    }
}

fn is_of_type(given: &Value, value: &Value, at: &str) -> Result<(), String> {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not understood"),
    };
    let fits = match given {
        Value::Array(kinds) => kinds.iter().any(is),
        kind => is(kind),
    };
    let fault = || format!("{at} is not of the type {given}");
    fits.then_some(()).ok_or_else(fault)
}
