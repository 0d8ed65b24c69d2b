//! Sending, as far as it goes without WhatsApp: what is refused, and how a repeated request is answered.

use std::time::Duration;

use serde_json::{Value, json};
use wharf::service::idempotency::Claim;

use crate::harness::{
    app::{Answer, Caller, TestApp},
    ctx::ctx_of,
};

const PATH: &str = "/v1/sessions/sales/messages";

fn text(to: &str) -> Value {
    json!({"to": to, "type": "text", "text": {"body": "hi"}})
}

async fn send(caller: &Caller, key: &str, to: &str) -> Answer {
    let caller = caller.header("idempotency-key", key);
    caller.post(PATH, text(to)).await
}

#[tokio::test]
async fn a_recipient_that_is_no_address_is_refused_with_its_fault() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for to in ["", "abc", "123", "me@example.org", "x@lid"] {
        let answer = ann.post(PATH, text(to)).await;
        let body = answer.refused(400, "invalid_recipient");
        assert!(body["errors"]["/to"].is_array(), "{body}");
    }
    let answer = ann
        .post(PATH, json!({"to": "5511999887766", "type": "text"}))
        .await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/text"].is_array());
    let answer = ann
        .post(PATH, json!({"to": "5511999887766", "type": "telegram"}))
        .await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/type"].is_array());
}

#[tokio::test]
async fn a_session_that_is_not_connected_sends_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let answer = ann.post(PATH, text("+5511999887766")).await;
    answer.refused(409, "session_not_connected");
    let listed = ann.get(PATH).await.expect(200);
    assert_eq!(listed, json!({"data": [], "next_cursor": null}));
    let answer = ann.get("/v1/sessions/sales/messages/3EB0").await;
    answer.refused(404, "message_not_found");
}

#[tokio::test]
async fn the_same_key_and_request_get_the_same_answer_for_a_day() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let first = send(&ann, "key-1", "abc").await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = send(&ann, "key-1", "abc").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.status, first.status);
    assert_eq!(again.json(), first.json());

    let other = send(&ann, "key-1", "+5511999887766").await;
    other.refused(422, "idempotency_key_reused");
    let bob = app.user("bob").await;
    bob.session("sales").await;
    send(&bob, "key-1", "+5511999887766")
        .await
        .refused(409, "session_not_connected");

    app.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let ann = app.sign_in("ann").await;
    let fresh = send(&ann, "key-1", "+5511999887766").await;
    fresh.refused(409, "session_not_connected");
}

#[tokio::test]
async fn an_answer_that_asks_to_come_again_is_not_kept() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for _ in 0..2 {
        let answer = send(&ann, "key-1", "+5511999887766").await;
        assert!(!answer.headers.contains_key("idempotency-replayed"));
        answer.refused(409, "session_not_connected");
    }
}

#[tokio::test]
async fn who_may_not_send_gets_no_answer_that_another_was_given_and_leaves_none() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    ann.session("other").await;
    let key = async |scope: &str, session: Option<&str>| {
        let body = json!({"name": "a key", "scopes": [scope], "session": session});
        let made = ann.post("/v1/api-keys", body).await.expect(201);
        app.stranger().bearer(made["key"].as_str().unwrap())
    };
    let reader = key("messages:read", None).await;
    let elsewhere = key("messages:send", Some("other")).await;
    let refused = async |number: &str| {
        let answer = send(&reader, number, "abc").await;
        answer.refused(403, "scope_missing");
        let answer = send(&elsewhere, number, "abc").await;
        answer.refused(404, "session_not_found");
    };
    refused("key-1").await;
    let first = send(&ann, "key-1", "abc").await;
    first.refused(400, "invalid_recipient");
    let answer = send(&reader, "key-1", "abc").await;
    answer.refused(403, "scope_missing");
    let answer = send(&elsewhere, "key-1", "abc").await;
    answer.refused(422, "idempotency_key_reused");
    let again = send(&ann, "key-1", "abc").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn a_request_under_way_is_not_begun_again_until_its_process_is_gone() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let ctx = ctx_of(ann.id().await.parse().unwrap());
    let body = text("abc").to_string();
    let shape = [b"POST".as_slice(), PATH.as_bytes(), body.as_bytes()];
    let claim = app
        .api
        .idempotency
        .claim(&ctx, "key-1", shape)
        .await
        .unwrap();
    assert!(matches!(claim, Claim::First(_)));

    let answer = send(&ann, "key-1", "abc").await;
    assert!(answer.headers.contains_key("retry-after"));
    answer.refused(409, "idempotency_in_flight");
    app.clock.advance(Duration::from_secs(91));
    send(&ann, "key-1", "abc")
        .await
        .refused(400, "invalid_recipient");
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for key in ["a b", &"x".repeat(256)] {
        send(&ann, key, "abc")
            .await
            .refused(400, "idempotency_key_invalid");
    }
}
