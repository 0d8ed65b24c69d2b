//! Signing in, and guessing.

use std::time::Duration;

use serde_json::json;

use crate::harness::app::{PASSWORD, TestApp};

#[tokio::test]
async fn a_sign_in_gives_a_token_that_opens_the_api() {
    let app = TestApp::start().await;
    app.admin().await;
    let answer = app.log_in("admin").await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 900);
    assert_eq!(answer["user"]["role"], "admin");
    let me = app.sign_in("admin").await.get("/v1/me").await.expect(200);
    assert_eq!(me["username"], "admin");
    assert_eq!(me["id"], answer["user"]["id"]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_refusal() {
    let app = TestApp::start().await;
    app.admin().await;
    let mut bodies = Vec::new();
    for (username, password) in [("admin", "wrong"), ("nobody", PASSWORD)] {
        let body = json!({"username": username, "password": password});
        let answer = app.stranger().post("/v1/auth/login", body).await;
        let mut body = answer.refused(401, "credentials_invalid");
        body["request_id"].take();
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn a_flood_of_wrong_passwords_waits_and_the_owner_at_a_fresh_address_gets_in() {
    let app = TestApp::start().await;
    app.admin().await;
    let wrong = || json!({"username": "admin", "password": "wrong"});
    let right = || json!({"username": "admin", "password": PASSWORD});
    let attacker = app.stranger().from(66);
    for _ in 0..5 {
        let answer = attacker.post("/v1/auth/login", wrong()).await;
        answer.refused(401, "credentials_invalid");
    }
    let answer = attacker.post("/v1/auth/login", right()).await;
    let wait = answer.retry_after();
    answer.refused(429, "rate_limited");

    let owner = app.stranger().from(7);
    owner.post("/v1/auth/login", right()).await.expect(200);

    app.clock.advance(Duration::from_secs(wait));
    attacker.post("/v1/auth/login", right()).await.expect(200);
}

#[tokio::test]
async fn a_user_who_was_shut_out_cannot_sign_in() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    app.shut_out(&ann).await;
    ann.get("/v1/me").await.refused(401, "token_invalid");
    let body = json!({"username": "ann", "password": PASSWORD});
    let answer = app.stranger().post("/v1/auth/login", body).await;
    answer.refused(401, "credentials_invalid");
}
