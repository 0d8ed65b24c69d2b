//! `/v1/audit`: who has changed what, from where.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::app::{Caller, TestApp};

/// What is noted, newest first, as `action target`.
async fn noted(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(&format!("/v1/audit{query}")).await.expect(200);
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        format!("{} {}", text("action"), text("target"))
    })
    .collect()
}

#[tokio::test]
async fn a_change_on_any_face_is_noted_with_who_made_it_and_from_where() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    let body = json!({"name": "x", "phone_number": "+12345678", "log_messages": true});
    ann.post("/api/whatsapp-sessions?token=secret", body)
        .await
        .expect(201);
    ann.post("/api/sessions", json!({"phone": "three"}))
        .await
        .expect(201);
    let made = ann
        .post(
            "/v1/api-keys",
            json!({"name": "bot", "scopes": ["sessions:read", "sessions:write"]}),
        )
        .await;
    let key = app
        .stranger()
        .bearer(made.expect(201)["key"].as_str().unwrap());
    key.delete("/v1/sessions/three").await.expect(204);

    let wanted = [
        "DELETE /v1/sessions/{id} /v1/sessions/three",
        "POST /v1/api-keys /v1/api-keys",
        "POST /api/sessions /api/sessions",
        "POST /api/whatsapp-sessions /api/whatsapp-sessions",
        "POST /v1/sessions /v1/sessions",
    ];
    assert_eq!(noted(&ann, "").await, wanted);
    let page = ann.get("/v1/audit").await.expect(200);
    let (last, first) = (&page["data"][0], &page["data"][4]);
    assert_eq!(
        (&last["credential"], &first["credential"]),
        (&json!("api_key"), &json!("access_token"))
    );
    assert!(last["credential_id"].as_str().unwrap().starts_with("key_"));
    assert_eq!(
        (&last["address"], &last["status"]),
        (&json!("127.0.0.1"), &json!(204))
    );
    assert!(last["request_id"].as_str().unwrap().starts_with("req_"));
    assert!(!page.to_string().contains("secret"), "a query is not kept");
}

#[tokio::test]
async fn what_fails_what_is_read_and_what_flows_through_a_session_is_not_noted() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    ann.post("/v1/sessions", json!({"handle": "one"}))
        .await
        .expect(409);
    ann.get("/v1/sessions").await.expect(200);
    ann.post("/v1/sessions/one/media", json!({"base64": "aGk="}))
        .await
        .expect(201);
    app.stranger()
        .post("/v1/sessions", json!({}))
        .await
        .expect(401);
    assert_eq!(noted(&ann, "").await, ["POST /v1/sessions /v1/sessions"]);
}

#[tokio::test]
async fn everybody_reads_their_own_and_an_administrator_everything_page_by_page() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let admin = app.admin().await;
    for handle in ["a1", "a2", "a3"] {
        ann.session(handle).await;
    }
    bob.session("b1").await;
    assert_eq!(noted(&bob, "").await.len(), 1);
    assert_eq!(noted(&admin, "").await.len(), 0);
    assert_eq!(noted(&admin, "?everybody=true").await.len(), 4);
    bob.get("/v1/audit?everybody=true")
        .await
        .refused(403, "scope_missing");
    let first = ann.get("/v1/audit?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ann
        .get(&format!("/v1/audit?limit=2&cursor={cursor}"))
        .await
        .expect(200);
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["next_cursor"], Value::Null);
    ann.get("/v1/audit?cursor=x")
        .await
        .refused(400, "validation_failed");
    ann.get("/v1/audit?limit=0")
        .await
        .refused(400, "validation_failed");
    let made = ann
        .post(
            "/v1/api-keys",
            json!({"name": "bot", "scopes": ["sessions:read"]}),
        )
        .await;
    let key = app
        .stranger()
        .bearer(made.expect(201)["key"].as_str().unwrap());
    key.get("/v1/audit").await.refused(401, "sign_in_required");
}

#[tokio::test]
async fn what_is_older_than_it_is_kept_is_forgotten() {
    let settings = wharf::http::Settings {
        audit_days: 30,
        ..Default::default()
    };
    let app = TestApp::start_with(settings).await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    assert_eq!(app.api.audit.sweep().await.unwrap(), 0);
    app.clock.advance(Duration::from_hours(24 * 31));
    assert_eq!(app.api.audit.sweep().await.unwrap(), 1);
}
