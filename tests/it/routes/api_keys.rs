//! API keys.

use std::time::Duration;

use serde_json::{Value, json};
use wharf::domain::clock::{Clock, rfc3339};

use crate::harness::app::TestApp;

#[tokio::test]
async fn a_key_is_shown_once_and_opens_what_its_scopes_name() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let body = json!({"name": "reader", "scopes": ["sessions:read"]});
    let made = ann.post("/v1/api-keys", body).await.expect(201);
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("wk_"));
    let listed = ann.get("/v1/api-keys").await.expect(200);
    assert!(!listed.to_string().contains(secret));
    assert!(secret.starts_with(listed["data"][0]["hint"].as_str().unwrap()));

    for caller in [
        app.stranger().bearer(secret),
        app.stranger().header("x-api-key", secret),
    ] {
        caller.get("/v1/sessions").await.expect(200);
        let answer = caller.post("/v1/sessions", json!({})).await;
        answer.refused(403, "scope_missing");
    }
}

#[tokio::test]
async fn a_use_is_noted_at_most_once_a_minute() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let body = json!({"name": "reader", "scopes": ["sessions:read"]});
    let made = ann.post("/v1/api-keys", body).await.expect(201);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    let used =
        || async { ann.get("/v1/api-keys").await.expect(200)["data"][0]["last_used_at"].clone() };
    assert_eq!(used().await, Value::Null);
    let first = rfc3339(app.clock.now_ms());
    key.get("/v1/sessions").await.expect(200);
    app.clock.advance(Duration::from_secs(59));
    key.get("/v1/sessions").await.expect(200);
    assert_eq!(used().await, first);
    app.clock.advance(Duration::from_secs(2));
    key.get("/v1/sessions").await.expect(200);
    assert_eq!(used().await, rfc3339(app.clock.now_ms()));
}

#[tokio::test]
async fn a_key_ends_in_time_and_when_it_is_removed() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let end = rfc3339(app.clock.now_ms() + 60_000);
    let body = json!({"name": "short", "scopes": ["sessions:read"], "expires_at": end});
    let made = ann.post("/v1/api-keys", body).await.expect(201);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    key.get("/v1/sessions").await.expect(200);
    app.clock.advance(Duration::from_mins(1));
    key.get("/v1/sessions").await.refused(401, "token_invalid");

    let body = json!({"name": "gone", "scopes": ["sessions:read"]});
    let made = ann.post("/v1/api-keys", body).await.expect(201);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    ann.delete(&path).await.expect(204);
    key.get("/v1/sessions").await.refused(401, "token_invalid");
    ann.delete(&path).await.refused(404, "api_key_not_found");
}

#[tokio::test]
async fn a_key_for_one_session_knows_no_other() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let mine = ann.session("mine").await;
    let other = ann.session("other").await;
    let body =
        json!({"name": "one", "scopes": ["sessions:read", "sessions:write"], "session": "mine"});
    let made = ann.post("/v1/api-keys", body).await.expect(201);
    assert_eq!(made["session_id"], mine);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    key.get(&format!("/v1/sessions/{mine}")).await.expect(200);
    let answer = key.get(&format!("/v1/sessions/{other}")).await;
    answer.refused(404, "session_not_found");
    let listed = key.get("/v1/sessions").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(key.post("/v1/sessions", json!({})).await.status, 403);
}

#[tokio::test]
async fn a_key_gives_no_more_than_its_maker_has_and_makes_no_keys() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let body = json!({"name": "admin", "scopes": ["sessions:read", "users:admin"]});
    let answer = ann.post("/v1/api-keys", body).await;
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/scopes/1"].is_array(), "{body}");
    let body = json!({"name": "all", "scopes": ["sessions:read", "sessions:write"]});
    let made = ann.post("/v1/api-keys", body.clone()).await.expect(201);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    key.post("/v1/api-keys", body)
        .await
        .refused(401, "sign_in_required");
}
