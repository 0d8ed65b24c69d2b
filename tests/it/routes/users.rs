//! Users.

use serde_json::{Value, json};

use crate::harness::app::{PASSWORD, TestApp};

#[tokio::test]
async fn an_administrator_adds_changes_and_removes_a_user() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let body = json!({"username": "ann", "password": PASSWORD, "session_limit": 2});
    let made = admin.post("/v1/users", body.clone()).await.expect(201);
    assert_eq!(made["role"], "user");
    assert_eq!(made["session_limit"], 2);
    assert!(made.get("password_hash").is_none());
    admin
        .post("/v1/users", body)
        .await
        .refused(409, "username_taken");

    let path = format!("/v1/users/{}", made["id"].as_str().unwrap());
    let patch = json!({"role": "admin", "session_limit": null});
    let changed = admin.patch(&path, patch).await.expect(200);
    assert_eq!(changed["role"], "admin");
    assert_eq!(changed["session_limit"], Value::Null);
    admin.patch(&path, json!({})).await.expect(200);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.refused(404, "user_not_found");
}

#[tokio::test]
async fn a_user_manages_nobody() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.get("/v1/users").await.refused(403, "scope_missing");
    let body = json!({"username": "bob", "password": PASSWORD});
    ann.post("/v1/users", body)
        .await
        .refused(403, "scope_missing");
    let path = format!("/v1/users/{}", ann.id().await);
    ann.patch(&path, json!({"role": "admin"}))
        .await
        .refused(404, "user_not_found");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let path = format!("/v1/users/{}", admin.id().await);
    admin.delete(&path).await.refused(409, "last_admin");
    admin
        .patch(&path, json!({"role": "user"}))
        .await
        .refused(409, "last_admin");
    admin
        .patch(&path, json!({"is_active": false}))
        .await
        .refused(409, "last_admin");
}

#[tokio::test]
async fn a_user_with_sessions_is_not_removed() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let path = format!("/v1/users/{}", ann.id().await);
    let admin = app.admin().await;
    admin.delete(&path).await.refused(409, "user_has_sessions");
    ann.delete(&format!("/v1/sessions/{session}"))
        .await
        .expect(204);
    admin.delete(&path).await.expect(204);
    ann.get("/v1/me").await.refused(401, "token_invalid");
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for name in ["ann", "bob"] {
        let body = json!({"username": name, "password": PASSWORD});
        admin.post("/v1/users", body).await.expect(201);
    }
    let first = admin.get("/v1/users?limit=2").await.expect(200);
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/v1/users?limit=2&cursor={cursor}");
    let second = admin.get(&path).await.expect(200);
    assert_eq!(second["data"][0]["username"], "bob");
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_session_limit_is_kept() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = format!("/v1/users/{}", ann.id().await);
    app.admin()
        .await
        .patch(&path, json!({"session_limit": 1}))
        .await
        .expect(200);
    ann.session("one").await;
    let answer = ann.post("/v1/sessions", json!({"handle": "two"})).await;
    answer.refused(403, "session_limit_reached");
}
