//! What is done with a chat, who is there, and calls: other devices of the account and the sandbox's phones are the
//! judges.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, until},
};

const AT: &str = "/v1/sessions/sales";

async fn ann_with_a_phone(app: &TestApp) -> Caller {
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    ann
}

/// What is different about a chat, as a device was told last.
async fn last_told(ann: &Caller, device: &str) -> Value {
    let path = format!("/v1/sessions/{device}/events?types=chat.update&limit=200");
    let page = ann.get(&path).await.expect(200);
    let last = page["data"].as_array().unwrap().last().cloned();
    last.map_or(Value::Null, |event| event["data"].clone())
}

/// A device that has just been linked reads how everything is, and may find a change there without being told of it.
async fn until_both_are_told(ann: &Caller, chat: &str) {
    for device in ["sales", "desk"] {
        let pinned = std::cell::Cell::new(false);
        let look = async || {
            pinned.set(!pinned.get());
            let body = json!({"pinned": pinned.get()});
            ann.post(&format!("{chat}/pin"), body).await.expect(200);
            last_told(ann, device).await
        };
        until(look, |told| !told.is_null()).await;
    }
}

#[tokio::test]
async fn what_one_device_does_with_a_chat_the_other_is_told() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    app.linked(&ann, "desk", ALICE).await;
    let chat = format!("{AT}/chats/{BOB}");
    let steps = [
        ("archive", json!({}), json!({"archived": true})),
        (
            "archive",
            json!({"archived": false}),
            json!({"archived": false}),
        ),
        ("pin", json!({}), json!({"pinned": true})),
        ("mute", json!({}), json!({"muted": true})),
        ("mute", json!({"muted": false}), json!({"muted": false})),
        ("read", json!({}), json!({"read": true})),
    ];
    until_both_are_told(&ann, &chat).await;
    for (verb, body, changes) in &steps {
        let done = ann.post(&format!("{chat}/{verb}"), body.clone()).await;
        let done = done.expect(200);
        assert_eq!(done["changes"], *changes);
        assert_eq!(done["chat"]["phone"], BOB);
        for device in ["sales", "desk"] {
            let is_told = |told: &Value| told["changes"] == *changes;
            let told = until(async || last_told(&ann, device).await, is_told).await;
            assert_eq!(told["chat"]["id"], format!("{BOB}@s.whatsapp.net"));
        }
    }
    let gone = ann.delete(&chat).await;
    assert_eq!(gone.status, 204, "{}", gone.json());
    let is_gone = |told: &Value| told["changes"] == json!({"deleted": true});
    until(async || last_told(&ann, "desk").await, is_gone).await;

    let until = ann
        .post(&format!("{chat}/mute"), json!({"for_s": 3600}))
        .await;
    assert!(until.expect(200)["changes"]["muted_until"].is_string());
    let never = ann.post(&format!("{chat}/mute"), json!({"for_s": 0})).await;
    let body = never.refused(400, "validation_failed");
    assert!(body["errors"]["/for_s"].is_array(), "{body}");
    let status = format!("{AT}/chats/status@broadcast/pin");
    ann.post(&status, json!({}))
        .await
        .refused(400, "invalid_address");
    ann.session("idle").await;
    let idle = format!("/v1/sessions/idle/chats/{BOB}/pin");
    let idle = ann.post(&idle, json!({})).await;
    idle.refused(409, "session_not_connected");
}

#[tokio::test]
async fn a_phone_shows_that_somebody_types_or_speaks() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let path = format!("/phones/{BOB}/presence");
    for (said, shown) in [
        ("typing", Some("composing")),
        ("recording", Some("recording")),
        ("paused", None),
    ] {
        let state = json!({"state": said});
        let done = ann.post(&format!("{AT}/chats/{BOB}/presence"), state).await;
        assert_eq!(done.status, 204, "{}", done.json());
        let is_shown = |seen: &Value| {
            let first = seen["typing"].get(0).map(|one| one["state"].clone());
            first == shown.map(|state| json!(state))
        };
        until(
            async || app.control("GET", &path, Value::Null).await,
            is_shown,
        )
        .await;
    }
    let wrong = json!({"state": "dancing"});
    let refused = ann.post(&format!("{AT}/chats/{BOB}/presence"), wrong).await;
    refused.refused(400, "validation_failed");
}

#[tokio::test]
async fn whoever_is_watched_is_told_of_when_they_come_and_go() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let watched = format!("{AT}/contacts/{BOB}/presence");
    assert_eq!(ann.put(&watched, Value::Null).await.status, 204);
    let told = app.logged(&ann, "sales", ("presence", 1)).await;
    assert_eq!(told[0]["state"], "offline");
    let path = format!("/phones/{BOB}/presence");
    app.control("POST", &path, json!({"available": true})).await;
    let told = app.logged(&ann, "sales", ("presence", 2)).await;
    assert_eq!(told[1]["state"], "online");
    assert_eq!(told[1]["sender"]["phone"], BOB);
    app.control("POST", &path, json!({"available": false}))
        .await;
    let told = app.logged(&ann, "sales", ("presence", 3)).await;
    assert_eq!(told[2]["state"], "offline");
    assert!(told[2]["last_seen"].is_string(), "{}", told[2]);
    let typing = json!({"to": ALICE, "state": "composing"});
    app.control("POST", &format!("/phones/{BOB}/typing"), typing)
        .await;
    let told = app.logged(&ann, "sales", ("presence", 4)).await;
    assert_eq!(told[3]["state"], "typing");
    assert_eq!(told[3]["chat"]["id"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(ann.delete(&watched).await.status, 204);
}

#[tokio::test]
async fn the_account_is_there_or_not_as_it_says() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let path = format!("/phones/{ALICE}/presence");
    let seen = async || app.control("GET", &path, Value::Null).await;
    let online = |wanted: bool| move |seen: &Value| seen["available"] == wanted;
    until(seen, online(false)).await;
    for (state, is_there) in [("online", true), ("offline", false)] {
        let said = ann
            .put(&format!("{AT}/presence"), json!({"state": state}))
            .await;
        assert_eq!(said.status, 204, "{}", said.json());
        until(seen, online(is_there)).await;
    }
    for always in [true, false] {
        let settings = json!({"settings": {"always_online": always}});
        ann.patch(AT, settings).await.expect(200);
        until(seen, online(always)).await;
    }
}

#[tokio::test]
async fn a_call_rings_and_is_rejected_by_request_or_by_setting() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let call = async || {
        let to = json!({"to": ALICE, "video": true});
        let made = app
            .control("POST", &format!("/phones/{BOB}/call"), to)
            .await;
        made["call_id"].as_str().unwrap().to_owned()
    };
    let state_of = async |id: &str, wanted: &'static str| {
        let path = format!("/phones/{BOB}/calls");
        let is_so = |calls: &Value| {
            let mut calls = calls["data"].as_array().unwrap().iter();
            calls.any(|call| call["call_id"] == id && call["state"] == wanted)
        };
        until(async || app.control("GET", &path, Value::Null).await, is_so).await
    };
    let first = call().await;
    let told = app.logged(&ann, "sales", ("call", 1)).await;
    assert_eq!(told[0]["status"], "ringing");
    assert_eq!(told[0]["call_id"], first);
    assert_eq!(told[0]["is_video"], true);
    assert_eq!(told[0]["sender"]["phone"], BOB);
    let reject = |id: &str| format!("{AT}/calls/{id}/reject");
    let rejected = ann.post(&reject(&first), json!({})).await;
    assert_eq!(rejected.status, 204, "{}", rejected.json());
    state_of(&first, "rejected").await;
    let told = app.logged(&ann, "sales", ("call", 2)).await;
    assert_eq!(told[1]["status"], "rejected");
    let again = ann.post(&reject(&first), json!({})).await;
    again.refused(404, "call_not_found");

    let second = call().await;
    app.logged(&ann, "sales", ("call", 3)).await;
    let ended = format!("/phones/{BOB}/calls/{second}");
    app.control("DELETE", &ended, Value::Null).await;
    let told = app.logged(&ann, "sales", ("call", 4)).await;
    assert_eq!(told[3]["status"], "ended");
    let late = ann.post(&reject(&second), json!({})).await;
    late.refused(404, "call_not_found");

    let settings = json!({"settings": {"auto_reject_calls": true}});
    ann.patch(AT, settings).await.expect(200);
    let third = call().await;
    state_of(&third, "rejected").await;
    let told = app.logged(&ann, "sales", ("call", 6)).await;
    assert_eq!(told[4]["status"], "ringing");
    assert_eq!(told[5]["status"], "rejected");
}
