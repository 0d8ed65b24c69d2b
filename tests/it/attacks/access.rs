//! V8 and V9, authorization and tokens: each kind of credential opens what it is for, on every face.

use serde_json::{Value, json};

use crate::harness::app::{Caller, OPERATOR, TestApp};

/// One path of each face, which answers 200 to who may.
const FACES: [&str; 4] = [
    "/v1/sessions",
    "/api/sessions",
    "/api/whatsapp-sessions",
    "/v1/users",
];

async fn statuses(caller: &Caller) -> Vec<u16> {
    let mut all = Vec::new();
    for path in FACES {
        all.push(caller.get(path).await.status.as_u16());
    }
    all
}

#[tokio::test]
async fn a_credential_of_one_kind_is_none_of_another() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let id = admin.session("one").await;
    let made = admin.post("/api/auth/pat", json!({})).await.expect(201);
    let account = app.stranger().bearer(made["token"].as_str().unwrap());
    assert_eq!(statuses(&admin).await, [200, 200, 200, 200]);
    // It stands for the account, and not for the administrator.
    assert_eq!(statuses(&account).await, [200, 200, 200, 403]);
    let listed = account.get("/api/whatsapp-sessions").await.expect(200);
    let key = app
        .stranger()
        .bearer(listed["data"][0]["api_key"].as_str().unwrap());
    assert_eq!(statuses(&key).await, [200, 200, 200, 403]);
    let link = admin
        .post(
            &format!("/v1/sessions/{id}/link-tokens"),
            json!({"expires_in_s": 600}),
        )
        .await
        .expect(201);
    let link = app.stranger().bearer(link["token"].as_str().unwrap());
    assert_eq!(statuses(&link).await[1..], [401, 401, 403]);
    let operator = app.stranger().bearer(OPERATOR);
    assert_eq!(statuses(&operator).await, [401, 401, 401, 401]);
    let refresh = app.log_in("admin").await;
    let refresh = app
        .stranger()
        .bearer(refresh["refresh_token"].as_str().unwrap());
    assert_eq!(statuses(&refresh).await, [401, 401, 401, 401]);
}

#[tokio::test]
async fn a_key_makes_no_key_and_a_token_is_not_widened() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = ann.post("/api/auth/pat", json!({})).await.expect(201);
    let account = app.stranger().bearer(made["token"].as_str().unwrap());
    account.post("/api/auth/pat", json!({})).await.expect(403);
    assert_eq!(
        account
            .post(
                "/v1/api-keys",
                json!({"name": "x", "scopes": ["sessions:read"]})
            )
            .await
            .status,
        401
    );
    assert_eq!(
        account.post("/api/auth/api-key", Value::Null).await.status,
        403
    );
    let wide = json!({"name": "x", "scopes": ["users:admin"]});
    ann.post("/v1/api-keys", wide)
        .await
        .refused(400, "validation_failed");
    // What is written into a body is no role.
    let body = json!({"username": "eve", "password": "long enough", "role": "admin"});
    assert_eq!(ann.post("/v1/users", body).await.status, 403);
}

#[tokio::test]
async fn a_key_that_was_ended_is_ended_at_once_on_every_face() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = ann.post("/api/auth/pat", json!({})).await.expect(201);
    let account = app.stranger().bearer(made["token"].as_str().unwrap());
    assert_eq!(statuses(&account).await, [200, 200, 200, 403]);
    let keys = ann.get("/v1/api-keys").await.expect(200);
    let id = keys["data"][0]["id"].as_str().unwrap();
    ann.delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    assert_eq!(statuses(&account).await, [401, 401, 401, 401]);
}
