//! Refresh tokens.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};

async fn exchange(app: &TestApp, token: &Value) -> Answer {
    let body = json!({"refresh_token": token});
    app.stranger().post("/v1/auth/refresh", body).await
}

#[tokio::test]
async fn a_refresh_token_gives_new_tokens_once() {
    let app = TestApp::start().await;
    app.admin().await;
    let first = app.log_in("admin").await;
    let second = exchange(&app, &first["refresh_token"]).await.expect(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let caller = app
        .stranger()
        .bearer(second["access_token"].as_str().unwrap());
    caller.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_whole_sign_in() {
    let app = TestApp::start().await;
    app.admin().await;
    let other = app.log_in("admin").await;
    let first = app.log_in("admin").await;
    let second = exchange(&app, &first["refresh_token"]).await.expect(200);
    let stolen = exchange(&app, &first["refresh_token"]).await;
    stolen.refused(401, "refresh_token_invalid");
    let after = exchange(&app, &second["refresh_token"]).await;
    after.refused(401, "refresh_token_invalid");
    exchange(&app, &other["refresh_token"]).await.expect(200);
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_wins_and_the_sign_in_ends() {
    let app = TestApp::start().await;
    app.admin().await;
    let first = app.log_in("admin").await;
    let token = &first["refresh_token"];
    let (one, two) = tokio::join!(exchange(&app, token), exchange(&app, token));
    let mut won: Vec<Value> = [one, two]
        .into_iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.json())
        .collect();
    assert_eq!(won.len(), 1);
    let after = exchange(&app, &won.remove(0)["refresh_token"]).await;
    after.refused(401, "refresh_token_invalid");
}

#[tokio::test]
async fn a_refresh_token_ends_after_thirty_days_and_a_made_up_one_never_began() {
    let app = TestApp::start().await;
    app.admin().await;
    let first = app.log_in("admin").await;
    app.clock.advance(Duration::from_hours(720));
    let late = exchange(&app, &first["refresh_token"]).await;
    late.refused(401, "refresh_token_invalid");
    let made_up = exchange(&app, &json!("wr_made-up")).await;
    made_up.refused(401, "refresh_token_invalid");
}
