//! What a user has that others must not reach.

use serde_json::{Value, json};

use crate::harness::app::{Caller, TestApp};

/// What belongs to somebody: by the first word of the path that names it.
pub(super) struct Belongings {
    pub(super) session: String,
    user: String,
    api_key: String,
    webhook: String,
    delivery: String,
}

impl Belongings {
    pub(super) async fn of(app: &TestApp, owner: &Caller) -> Self {
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
    pub(super) fn fill(&self, path: &str) -> String {
        if !path.contains('{') {
            return path.to_owned();
        }
        let id = match path.split('/').nth(2).unwrap() {
            "sessions" => &self.session,
            "users" | "members" => &self.user,
            "api-keys" => &self.api_key,
            "webhooks" => &self.webhook,
            "deliveries" => &self.delivery,
            new => panic!("{path}: teach this test what {new} a stranger could have"),
        };
        let file = format!("med_{}", "0".repeat(32));
        let mut filled = path.replace("{id}", id).replace("{media_id}", &file);
        while let Some((before, rest)) = filled.split_once('{') {
            let (_, after) = rest.split_once('}').unwrap();
            filled = format!("{before}something{after}");
        }
        filled
    }
}
