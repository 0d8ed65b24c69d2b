//! Messages that disappear: the timer of a chat, set here, on another device or by the other side.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, NOBODY, until},
};

const AT: &str = "/v1/sessions/sales";
const DAY: u32 = 86_400;

/// How the chat with Bob stands on a device, once its timer is `after`.
async fn timed(ann: &Caller, device: &str, after: u32) -> Value {
    let path = format!("/v1/sessions/{device}/chats");
    let is_so = |page: &Value| {
        let mut chats = page["data"].as_array().unwrap().iter();
        chats.any(|chat| chat["phone"] == BOB && chat["ephemeral_s"] == after)
    };
    until(async || ann.get(&path).await.expect(200), is_so).await
}

/// The last message that somebody's phone has, once `is_so`.
async fn on_phone(app: &TestApp, number: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/phones/{number}/messages");
    let look = async || {
        let seen = app.control("GET", &path, Value::Null).await;
        let seen = seen["data"].as_array().unwrap().clone();
        seen.into_iter().rfind(&is_so).unwrap_or_default()
    };
    until(look, Value::is_object).await
}

#[tokio::test]
async fn the_timer_of_a_chat_is_the_same_for_both_sides() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let at = format!("{AT}/chats/{BOB}/ephemeral");
    let set = ann.post(&at, json!({"ephemeral_s": DAY})).await.expect(200);
    assert_eq!(set["changes"], json!({"ephemeral_s": DAY}));
    assert_eq!(set["chat"]["phone"], BOB);
    let is_timer = |one: &Value| one["type"] == "timer" && one["ephemeral_s"] == DAY;
    on_phone(&app, BOB, is_timer).await;
    timed(&ann, "sales", DAY).await;
    let told = app.logged(&ann, "sales", ("chat.update", 1)).await;
    assert_eq!(told[0]["changes"]["ephemeral_s"], DAY, "{told:?}");
    // What is written there says so itself.
    let text = json!({"to": BOB, "type": "text", "text": {"body": "soon gone"}});
    let sent = ann.post(&format!("{AT}/messages"), text).await.expect(202);
    let seen = on_phone(&app, BOB, |one| one["message_id"] == sent["message_id"]).await;
    assert_eq!(seen["expires_in_s"], DAY);

    // The other side ends it.
    let path = format!("/phones/{BOB}/messages");
    app.control("POST", &path, json!({"to": ALICE, "timer": 0}))
        .await;
    timed(&ann, "sales", 0).await;
    let told = app.logged(&ann, "sales", ("chat.update", 2)).await;
    assert_eq!(told[1]["changes"], json!({"ephemeral_s": 0}));
    let text = json!({"to": BOB, "type": "text", "text": {"body": "stays"}});
    let sent = ann.post(&format!("{AT}/messages"), text).await.expect(202);
    let seen = on_phone(&app, BOB, |one| one["message_id"] == sent["message_id"]).await;
    assert!(seen.get("expires_in_s").is_none(), "{seen}");

    // The account's own phone starts it again.
    let path = format!("/phones/{ALICE}/messages");
    app.control("POST", &path, json!({"to": BOB, "timer": DAY}))
        .await;
    timed(&ann, "sales", DAY).await;
    let told = app.logged(&ann, "sales", ("chat.update", 3)).await;
    assert_eq!(told[2]["changes"], json!({"ephemeral_s": DAY}));
    let chats = ann.get(&format!("{AT}/chats")).await.expect(200);
    let chats = chats["data"].as_array().unwrap();
    let nameless = chats.iter().filter(|chat| chat["phone"].is_null());
    assert_eq!(nameless.count(), 0, "a second chat with Bob: {chats:?}");

    // None of it is a message.
    let listed = ann.get(&format!("{AT}/messages")).await.expect(200);
    let listed = listed["data"].as_array().unwrap();
    assert!(listed.iter().all(|one| one["type"] == "text"), "{listed:?}");
}

#[tokio::test]
async fn the_timer_of_a_group_shows_in_the_list_and_a_time_that_is_not_offered_is_refused() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let group = json!({"subject": "three", "participants": [BOB, CAROL]});
    let group = ann.post(&format!("{AT}/groups"), group).await.expect(201);
    let id = group["id"].as_str().unwrap();
    let patch = json!({"ephemeral_s": DAY});
    ann.patch(&format!("{AT}/groups/{id}"), patch)
        .await
        .expect(200);
    let path = format!("{AT}/chats");
    let is_so = |page: &Value| {
        let mut chats = page["data"].as_array().unwrap().iter();
        chats.any(|chat| chat["id"] == id && chat["ephemeral_s"] == DAY)
    };
    until(async || ann.get(&path).await.expect(200), is_so).await;

    for (chat, body, code, field) in [
        (
            BOB,
            json!({"ephemeral_s": 5}),
            "validation_failed",
            "/ephemeral_s",
        ),
        (BOB, json!({}), "validation_failed", "/ephemeral_s"),
        (id, json!({"ephemeral_s": DAY}), "invalid_address", "/chat"),
        (
            "nobody",
            json!({"ephemeral_s": DAY}),
            "invalid_address",
            "/chat",
        ),
        (
            NOBODY,
            json!({"ephemeral_s": DAY}),
            "recipient_not_on_whatsapp",
            "/chat",
        ),
    ] {
        let refused = ann
            .post(&format!("{AT}/chats/{chat}/ephemeral"), body)
            .await;
        let problem = refused.refused(400, code);
        assert!(problem["errors"][field].is_array(), "{problem}");
    }
    ann.session("idle").await;
    let path = format!("/v1/sessions/idle/chats/{BOB}/ephemeral");
    let refused = ann.post(&path, json!({"ephemeral_s": DAY})).await;
    refused.refused(409, "session_not_connected");
}
