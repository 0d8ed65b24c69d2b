//! A new password.

use serde_json::json;

use crate::harness::app::{PASSWORD, TestApp};

#[tokio::test]
async fn a_new_password_ends_every_sign_in_and_gives_a_new_one() {
    let app = TestApp::start().await;
    let here = app.admin().await;
    let there = app.sign_in("admin").await;
    let body = json!({"current_password": PASSWORD, "new_password": "another long one"});
    let answer = here
        .post("/v1/auth/change-password", body)
        .await
        .expect(200);
    there.get("/v1/me").await.refused(401, "token_invalid");
    here.get("/v1/me").await.refused(401, "token_invalid");
    let caller = app
        .stranger()
        .bearer(answer["access_token"].as_str().unwrap());
    caller.get("/v1/me").await.expect(200);
    let old = json!({"username": "admin", "password": PASSWORD});
    let answer = app.stranger().post("/v1/auth/login", old).await;
    answer.refused(401, "credentials_invalid");
}

#[tokio::test]
async fn the_current_password_is_needed_and_the_new_one_must_be_good() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let body = json!({"current_password": "wrong", "new_password": "another long one"});
    let answer = caller.post("/v1/auth/change-password", body).await;
    answer.refused(401, "credentials_invalid");
    let body = json!({"current_password": PASSWORD, "new_password": "short"});
    let answer = caller.post("/v1/auth/change-password", body).await;
    let body = answer.refused(400, "weak_password");
    assert!(body["errors"]["/new_password"].is_array(), "{body}");
    caller.get("/v1/me").await.expect(200);
}
