//! The first user.

use std::time::Duration;

use serde_json::json;
use wharf::service::{
    Error,
    users::{Bootstrap, bootstrap},
};

use crate::harness::app::{PASSWORD, TestApp};

#[tokio::test]
async fn the_setup_token_makes_the_first_administrator_once() {
    let app = TestApp::start().await;
    let none = bootstrap(&app.api.users, "admin", None).await.unwrap();
    assert!(matches!(none, Bootstrap::NeedsSetup));
    let token = app.api.setup.issue();
    let body = |token: &str| json!({"token": token, "username": "root", "password": PASSWORD});

    let wrong = app.stranger().post("/v1/setup", body("setup_wrong")).await;
    wrong.refused(401, "setup_token_invalid");
    let made = app
        .stranger()
        .post("/v1/setup", body(&token))
        .await
        .expect(201);
    assert_eq!(made["role"], "admin");
    let again = app.stranger().post("/v1/setup", body(&token)).await;
    again.refused(401, "setup_token_invalid");
    let late = app.api.setup.issue();
    let late = app.stranger().post("/v1/setup", body(&late)).await;
    late.refused(409, "already_set_up");
    app.sign_in("root").await.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_setup_token_ends_after_half_an_hour() {
    let app = TestApp::start().await;
    let token = app.api.setup.issue();
    app.clock.advance(Duration::from_mins(30));
    let body = json!({"token": token, "username": "root", "password": PASSWORD});
    let answer = app.stranger().post("/v1/setup", body).await;
    answer.refused(401, "setup_token_invalid");
}

#[tokio::test]
async fn the_configured_administrator_is_made_once() {
    let app = TestApp::start().await;
    let first = bootstrap(&app.api.users, "admin", Some("admin"))
        .await
        .unwrap();
    assert!(
        matches!(first, Bootstrap::Created(_)),
        "on loopback any password will do"
    );
    let second = bootstrap(&app.api.users, "admin", Some("other"))
        .await
        .unwrap();
    assert!(matches!(second, Bootstrap::NotFirst));
}

#[tokio::test]
async fn a_sample_password_is_refused_off_loopback() {
    let app = TestApp::start_public().await;
    for sample in ["admin123", "change-this", "password2"] {
        let refused = bootstrap(&app.api.users, "admin", Some(sample)).await;
        assert!(matches!(
            refused,
            Err(Error::Invalid {
                code: "weak_password",
                ..
            })
        ));
    }
    bootstrap(&app.api.users, "admin", Some(PASSWORD))
        .await
        .unwrap();
}
