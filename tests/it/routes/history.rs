//! What a phone tells of the past: it is stored and found, and told by no `message`.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

const AT: &str = "/v1/sessions/sales";

/// The phone of Alice has `old` messages.
async fn has_old(app: &TestApp, old: Value) -> Vec<String> {
    let path = format!("/phones/{ALICE}/history");
    let made = app.control("POST", &path, old).await;
    let ids = made["message_ids"].as_array().unwrap().iter();
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// All messages of a session, newest first.
async fn stored(ann: &Caller, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{AT}/messages?limit=200&{query}{cursor}");
        let page = ann.get(&path).await.expect(200);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn told(ann: &Caller, session: &str, kind: &str) -> Vec<Value> {
    let path = format!("/v1/sessions/{session}/events?types={kind}&limit=200");
    let page = ann.get(&path).await.expect(200);
    let events = page["data"].as_array().unwrap().iter();
    events.map(|event| event["data"].clone()).collect()
}

/// How many messages some pieces hold.
fn held(pieces: &[Value]) -> u64 {
    let each = pieces
        .iter()
        .map(|piece| piece["messages"].as_u64().unwrap());
    each.sum()
}

/// Waits until so many messages and the names have come. A small piece may overtake a large one.
async fn until_synced(ann: &Caller, session: &str, messages: u64) -> Vec<Value> {
    let look = async || json!(told(ann, session, "history.sync").await);
    let is_all = |all: &Value| {
        let all = all.as_array().unwrap();
        let has_names = all.iter().any(|piece| piece["kind"] == "names");
        has_names && held(all) >= messages
    };
    let all = until(look, is_all).await;
    all.as_array().unwrap().clone()
}

fn ids(messages: &[Value]) -> Vec<&str> {
    let ids = messages.iter();
    ids.map(|one| one["message_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn old_messages_of_a_phone_are_stored_and_found_and_are_no_message_events() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    let named = json!({"number": BOB, "name": "Bob"});
    app.control("POST", "/phones", named).await;
    let old = json!({"with": BOB, "count": 2_345, "unread": 3, "text": "an old tale"});
    let mut wanted = has_old(&app, old).await;
    wanted.reverse();
    has_old(&app, json!({"with": CAROL, "count": 5})).await;
    app.linked(&ann, "sales", ALICE).await;

    let pieces = until_synced(&ann, "sales", 2_350).await;
    assert!(pieces.iter().any(|piece| piece["kind"] == "initial"));
    let progress = pieces.iter().filter_map(|piece| piece["progress"].as_u64());
    assert_eq!(progress.max(), Some(100));
    assert_eq!(held(&pieces), 2_350);
    let of_bob = stored(&ann, &format!("chat={BOB}")).await;
    assert_eq!(ids(&of_bob), wanted);
    let last = &of_bob[0];
    assert_eq!(last["text"]["body"], "an old tale 2345");
    assert_eq!(last["sender"]["phone"], BOB);
    assert_eq!(
        (&last["from_me"], &of_bob[1]["from_me"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(of_bob[1]["status"], "delivered");
    let found = stored(&ann, "q=tale%20777").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["text"]["body"], "an old tale 777");
    assert!(told(&ann, "sales", "message").await.is_empty());

    let chats = ann.get(&format!("{AT}/chats")).await.expect(200);
    let bob = chats["data"].as_array().unwrap().iter();
    let bob = bob.clone().find(|chat| chat["phone"] == BOB).unwrap();
    assert_eq!((&bob["unread"], &bob["name"]), (&json!(3), &json!("Bob")));
    assert_eq!(bob["last_message"]["message_id"], wanted[0]);

    // What happens now goes on from there.
    let body = json!({"to": ALICE, "text": "a new tale"});
    let path = format!("/phones/{BOB}/messages");
    let new = app.control("POST", &path, body).await;
    app.logged(&ann, "sales", ("message", 1)).await;
    let all = stored(&ann, &format!("chat={BOB}")).await;
    assert_eq!(
        (all.len(), &all[0]["message_id"]),
        (2_346, &new["message_id"])
    );
    assert_eq!(all[0]["ack"], 2, "it is unread");
    let read = json!({"message_ids": [wanted[0]], "kind": "read"});
    let path = format!("/phones/{ALICE}/receipts");
    app.control("POST", &path, read).await;
    let look = async || ann.get(&format!("{AT}/chats")).await.expect(200);
    until(look, |page| page["data"][0]["unread"] == 3).await;
}

#[tokio::test]
async fn history_that_is_switched_off_or_too_old_is_left_out() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    has_old(&app, json!({"with": BOB, "count": 3})).await;
    let ancient = json!({"with": CAROL, "count": 4, "until_ms": 1_600_000_000_000_u64});
    has_old(&app, ancient).await;
    app.linked(&ann, "sales", ALICE).await;
    let pieces = until_synced(&ann, "sales", 3).await;
    assert_eq!(held(&pieces), 3);
    assert!(stored(&ann, &format!("chat={CAROL}")).await.is_empty());

    ann.session("deaf").await;
    let off = json!({"settings": {"sync_history": false}});
    ann.patch("/v1/sessions/deaf", off).await.expect(200);
    app.link(&ann, "deaf", ALICE).await;
    let body = json!({"to": ALICE, "text": "now"});
    let path = format!("/phones/{BOB}/messages");
    app.control("POST", &path, body).await;
    app.logged(&ann, "deaf", ("message", 1)).await;
    assert!(told(&ann, "deaf", "history.sync").await.is_empty());
    let page = ann.get("/v1/sessions/deaf/messages").await.expect(200);
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    let at = format!("/v1/sessions/deaf/chats/{BOB}/history");
    let ask = ann.post(&at, json!({"count": 5}));
    ask.await.refused(409, "history_off");
}

#[tokio::test]
async fn the_phone_is_asked_for_more_of_a_chat() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let at = format!("{AT}/chats/{BOB}/history");
    let none = ann.post(&at, json!({"count": 5})).await;
    none.refused(409, "history_without_message");
    let ancient = json!({"with": BOB, "count": 40, "until_ms": 1_600_000_000_000_u64});
    let mut wanted = has_old(&app, ancient).await;
    let body = json!({"to": ALICE, "text": "new"});
    let path = format!("/phones/{BOB}/messages");
    app.control("POST", &path, body).await;
    app.logged(&ann, "sales", ("message", 1)).await;

    wanted.reverse();
    for (asked, there) in [(25, 25), (25, 40), (25, 40)] {
        let answer = ann.post(&at, json!({"count": asked})).await;
        let request = answer.expect(202)["request_id"].clone();
        let look = async || json!(told(&ann, "sales", "history.sync").await);
        let is_answer = |all: &Value| {
            let mut all = all.as_array().unwrap().iter();
            all.any(|piece| piece["request_id"] == request && piece["kind"] == "on_demand")
        };
        until(look, is_answer).await;
        let stored = stored(&ann, &format!("chat={BOB}")).await;
        assert_eq!(ids(&stored)[1..], wanted[..there], "{asked} more");
    }
    assert_eq!(told(&ann, "sales", "message").await.len(), 1);
    for count in [0, 501] {
        let refused = ann.post(&at, json!({"count": count})).await;
        let body = refused.refused(400, "validation_failed");
        assert!(body["errors"]["/count"].is_array(), "{body}");
    }
    let status = format!("{AT}/chats/status@broadcast/history");
    let refused = ann.post(&status, json!({"count": 5})).await;
    refused.refused(400, "invalid_address");
    ann.session("idle").await;
    let idle = format!("/v1/sessions/idle/chats/{BOB}/history");
    let idle = ann.post(&idle, json!({"count": 5})).await;
    idle.refused(409, "session_not_connected");
}
