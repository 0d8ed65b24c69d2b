//! Access tokens that are not good.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::ids::RefreshTokenId;
use secrecy::SecretString;
use serde_json::{Value, json};
use wharf::{domain::clock::Clock, service::tokens::Tokens};

use crate::harness::app::TestApp;

/// The token with other claims and another head, its signature kept.
fn forged(token: &str, head: Option<Value>, edit: impl FnOnce(&mut Value)) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    edit(&mut claims);
    let head = head.map_or_else(
        || parts[0].to_owned(),
        |head| URL_SAFE_NO_PAD.encode(head.to_string()),
    );
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{head}.{claims}.{}", parts[2])
}

#[tokio::test]
async fn an_expired_token_is_refused_with_a_word_of_its_own() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    app.clock.advance(Duration::from_secs(15 * 60 + 29));
    caller.get("/v1/me").await.expect(200);
    app.clock.advance(Duration::from_secs(1));
    let answer = caller.get("/v1/me").await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    answer.refused(401, "token_expired");
}

#[tokio::test]
async fn forged_tokens_are_refused_alike() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let token = caller.token();
    let user = caller.id().await.parse().unwrap();
    let stranger_key = Tokens::new(&SecretString::from("x".repeat(43)), None);
    let (strange, _) = stranger_key
        .issue(user, RefreshTokenId::new(), 0, app.clock.now_ms())
        .unwrap();
    let none = |alg: &str| Some(json!({"alg": alg, "typ": "at+jwt"}));
    let unsigned = format!(
        "{}.",
        forged(&token, none("none"), |_| {})
            .rsplit_once('.')
            .unwrap()
            .0
    );
    for bad in [
        strange,
        unsigned,
        forged(&token, none("none"), |_| {}),
        forged(&token, none("RS256"), |_| {}),
        forged(&token, None, |claims| claims["aud"] = json!("another-api")),
        forged(&token, None, |claims| {
            claims["exp"] = json!(9_999_999_999_i64);
        }),
        "wk_made-up".to_owned(),
        "wl_made-up".to_owned(),
        "nonsense".to_owned(),
    ] {
        let answer = app.stranger().bearer(&bad).get("/v1/me").await;
        answer.refused(401, "token_invalid");
    }
    app.stranger()
        .get("/v1/me")
        .await
        .refused(401, "token_missing");
}
