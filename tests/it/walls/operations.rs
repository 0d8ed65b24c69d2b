//! What can be asked of the native face, made from its description: a new path is covered the day it appears.

use std::fmt;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::app::{Answer, Caller};

/// A path and what is asked of it.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// Whether it is there for everybody.
    pub(super) open: bool,
    /// A body that is as the operation wants it.
    pub(super) body: Option<Value>,
}

impl Operation {
    /// Asks it of `path`, which is its own with something filled in.
    pub(super) async fn ask(&self, caller: &Caller, path: &str) -> Answer {
        let body = self.body.as_ref().map(Value::to_string);
        caller.send(self.method.clone(), path, body).await
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// All operations of the native face.
pub(super) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(wharf::http::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            all.push(Operation {
                method: verb.to_uppercase().parse().unwrap(),
                path: path.clone(),
                open: operation["security"] == json!([{}]) || operation["security"] == json!([]),
                body: schema.map(|schema| sample(&document, schema)),
            });
        }
    }
    all
}

/// A value that the schema takes: examples, required fields, and objects that are optional.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        return sample(document, document.pointer(pointer).unwrap());
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(word) = schema.pointer("/enum/0") {
        return word.clone();
    }
    for alternatives in ["oneOf", "anyOf", "allOf"] {
        let mut found = schema[alternatives].as_array().into_iter().flatten();
        if let Some(one) = found.rfind(|one| one["type"] != "null") {
            return sample(document, one);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap(),
        kind => kind.as_str().unwrap_or("object"),
    };
    match kind {
        "string" => json!("something"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "array" => json!([sample(document, &schema["items"])]),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut object = Map::new();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let is_object = field.get("oneOf").is_some();
                if is_object || required.contains(&json!(name)) {
                    object.insert(name.clone(), sample(document, field));
                }
            }
            Value::Object(object)
        }
    }
}
