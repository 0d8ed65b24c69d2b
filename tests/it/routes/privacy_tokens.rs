//! Whom a session may write to: with the token of somebody who trusts it, with its salt, or not at all.

use serde_json::{Value, json};

use crate::harness::app::{
    Answer, Caller, TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

const AT: &str = "/v1/sessions/sales";
const REFUSED: &str = "whatsapp_reach_out_limited";

async fn write(ann: &Caller, to: &str, words: &str) -> Answer {
    let body = json!({"to": to, "type": "text", "text": {"body": words}});
    ann.post(&format!("{AT}/messages"), body).await
}

/// Writes until WhatsApp takes it: what is switched on is heard of soon after the login, not in it.
async fn write_until_taken(ann: &Caller, to: &str, words: &str) {
    let answer = async || json!(write(ann, to, words).await.status.as_u16());
    until(answer, |status| *status == 202).await;
}

async fn rules(app: &TestApp, rules: Value) {
    app.control("PUT", "/privacy-tokens", rules).await;
}

/// What the phone of `number` has read from others, and written.
async fn words_of(app: &TestApp, number: &str) -> Vec<String> {
    let path = format!("/phones/{number}/messages");
    let log = app.control("GET", &path, Value::Null).await;
    let entries = log["data"].as_array().unwrap().iter();
    let texts = entries.filter_map(|entry| entry["text"].as_str());
    texts.map(str::to_owned).collect()
}

/// Somebody writes to Alice, whose devices have taken everything when this ends: the token too.
async fn writes_to_alice(app: &TestApp, from: &str) {
    let path = format!("/phones/{from}/messages");
    let text = json!({"to": ALICE, "text": "hello"});
    app.control("POST", &path, text).await;
    let state = async || app.control("GET", "/state", Value::Null).await;
    let taken = |state: &Value| {
        let mut phones = state["phones"].as_array().unwrap().iter();
        let alice = phones.find(|phone| phone["number"] == ALICE).unwrap();
        let mut devices = alice["devices"].as_array().unwrap().iter();
        devices.all(|device| device["queued"] == 0)
    };
    until(state, taken).await;
}

#[tokio::test]
async fn a_stranger_is_refused_by_name_and_written_to_once_they_have_written() {
    let app = TestApp::start_with_phones().await;
    rules(&app, json!({"required": true, "shown": true})).await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;

    let refused = write(&ann, BOB, "you do not know me").await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429, REFUSED);
    let acks = app.logged(&ann, "sales", ("message.ack", 1)).await;
    assert_eq!(acks[0]["ack"], -1, "{acks:?}");
    assert_eq!(acks[0]["error"]["code"], REFUSED);
    let id = acks[0]["message_id"].as_str().unwrap();
    let kept = ann.get(&format!("{AT}/messages/{id}")).await.expect(200);
    assert_eq!(kept["status"], "failed");
    assert_eq!(words_of(&app, BOB).await, [""; 0]);

    writes_to_alice(&app, BOB).await;
    write_until_taken(&ann, BOB, "now you do").await;
    let heard = async || json!(words_of(&app, BOB).await);
    until(heard, |heard| *heard == json!(["hello", "now you do"])).await;
    // Nobody else trusts it for that.
    write(&ann, CAROL, "and you?").await.refused(429, REFUSED);
    // Bob was written to, and is trusted.
    let trust = async || app.control("GET", "/privacy-tokens", Value::Null).await;
    let is_trusted = |shown: &Value| {
        let mut tokens = shown["tokens"].as_array().unwrap().iter();
        tokens.any(|token| token["from"] == ALICE && token["to"] == BOB)
    };
    until(trust, is_trusted).await;
}

#[tokio::test]
async fn a_token_that_whatsapp_does_not_want_shown_is_not_shown() {
    let app = TestApp::start_with_phones().await;
    rules(&app, json!({"required": true, "shown": false})).await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    writes_to_alice(&app, BOB).await;
    write(&ann, BOB, "hello back").await.refused(429, REFUSED);

    // What is switched on is heard of at the next login, and what was trusted before is known then.
    rules(&app, json!({"required": true, "shown": true})).await;
    let restart = ann.post(&format!("{AT}/restart"), json!({})).await;
    restart.expect(202);
    write_until_taken(&ann, BOB, "hello again").await;
}

#[tokio::test]
async fn a_salt_of_the_past_opens_the_door_to_strangers() {
    let app = TestApp::start_with_phones().await;
    rules(&app, json!({"required": true, "salted": true})).await;
    let salt = format!("/phones/{ALICE}/salt");
    app.control("POST", &salt, json!({"by": "history"})).await;
    let old = json!({"with": CAROL, "count": 2});
    let path = format!("/phones/{ALICE}/history");
    app.control("POST", &path, old).await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    app.logged(&ann, "sales", ("history.sync", 1)).await;
    write_until_taken(&ann, BOB, "good day").await;
    let heard = async || json!(words_of(&app, BOB).await);
    until(heard, |heard| *heard == json!(["good day"])).await;
}

#[tokio::test]
async fn a_salt_of_the_app_state_reaches_a_session_that_is_linked() {
    let app = TestApp::start_with_phones().await;
    rules(&app, json!({"required": true, "salted": true})).await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    write(&ann, BOB, "good day").await.refused(429, REFUSED);
    let salt = format!("/phones/{ALICE}/salt");
    app.control("POST", &salt, json!({"by": "app_state"})).await;
    write_until_taken(&ann, BOB, "good day again").await;
}
