//! Nobody reaches what is somebody else's: made from the description of the API, so that a new path is covered the
//! day it appears.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::app::{Caller, TestApp};

struct Operation {
    method: Method,
    path: String,
    open: bool,
    body: Option<Value>,
}

fn document() -> Value {
    serde_json::to_value(wharf::http::document()).unwrap()
}

fn operations() -> Vec<Operation> {
    let document = document();
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

/// What belongs to somebody: by the first word of the path that names it.
struct Belongings {
    session: String,
    user: String,
    api_key: String,
    webhook: String,
    delivery: String,
}

impl Belongings {
    async fn of(app: &TestApp, owner: &Caller) -> Self {
        let key = json!({"name": "key", "scopes": ["sessions:read"]});
        let key = owner.post("/v1/api-keys", key).await.expect(201);
        let hook = json!({"url": "http://127.0.0.1:9/hook"});
        let hook = owner.post("/v1/webhooks", hook).await.expect(201);
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let session = owner.session("theirs").await;
        let delivery = app.dead_delivery(&session, &id(&hook)).await;
        Self {
            session,
            webhook: id(&hook),
            delivery: delivery.to_string(),
            user: owner.id().await,
            api_key: id(&key),
        }
    }

    /// The path with the ids filled in. A path of a new kind fails here until it is taught.
    fn fill(&self, path: &str) -> String {
        let id = match path.split('/').nth(2).unwrap() {
            "sessions" => &self.session,
            "users" => &self.user,
            "api-keys" => &self.api_key,
            "webhooks" => &self.webhook,
            "deliveries" => &self.delivery,
            new => panic!("{path}: teach this test what {new} a stranger could have"),
        };
        let mut filled = path.replace("{id}", id);
        while let Some((before, rest)) = filled.split_once('{') {
            let (_, after) = rest.split_once('}').unwrap();
            filled = format!("{before}something{after}");
        }
        filled
    }
}

#[tokio::test]
async fn every_path_with_an_id_of_somebody_else_answers_404() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let stranger = app.user("stranger").await;
    let theirs = Belongings::of(&app, &owner).await;
    let mut tried = 0;
    for operation in operations() {
        if !operation.path.contains('{') {
            continue;
        }
        let path = theirs.fill(&operation.path);
        let body = operation.body.as_ref().map(Value::to_string);
        let answer = stranger.send(operation.method.clone(), &path, body).await;
        let said = answer.json();
        assert_eq!(
            answer.status, 404,
            "{} {}: {said}",
            operation.method, operation.path
        );
        assert!(!said.to_string().contains(&theirs.session));
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
    for own in [
        "/v1/sessions/{id}",
        "/v1/webhooks/{id}",
        "/v1/deliveries/{id}",
    ] {
        owner.get(&theirs.fill(own)).await.expect(200);
    }
}

#[tokio::test]
async fn every_path_but_the_open_ones_answers_401_without_a_token() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let theirs = Belongings::of(&app, &owner).await;
    let mut open = Vec::new();
    for operation in operations() {
        let path = if operation.path.contains('{') {
            theirs.fill(&operation.path)
        } else {
            operation.path.clone()
        };
        if operation.open {
            open.push(operation.path);
            continue;
        }
        let body = operation.body.as_ref().map(Value::to_string);
        let answer = app
            .stranger()
            .send(operation.method.clone(), &path, body)
            .await;
        assert_eq!(
            answer.status, 401,
            "{} {}",
            operation.method, operation.path
        );
    }
    open.sort();
    assert_eq!(
        open,
        [
            "/livez",
            "/readyz",
            "/v1/auth/login",
            "/v1/auth/refresh",
            "/v1/info",
            "/v1/setup"
        ],
        "a path is open only on purpose"
    );
}

#[tokio::test]
async fn sockets_of_somebody_else_answer_404_and_without_a_token_401() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let stranger = app.user("stranger").await;
    let session = owner.session("theirs").await;
    for path in [format!("/ws/{session}"), format!("/ws?sessions={session}")] {
        assert_eq!(
            stranger.socket(&path).await.unwrap_err().status,
            404,
            "{path}"
        );
        assert_eq!(
            app.stranger().socket(&path).await.unwrap_err().status,
            401,
            "{path}"
        );
        assert!(owner.socket(&path).await.is_ok(), "{path}");
    }
}
