//! Status posts: to chosen people, from others, and what is said to them.

use serde_json::{Value, json};

use super::stage::{CAROL, MESSAGES, Stage, assert_holds};
use crate::harness::field::{ALICE, BOB};

const STATUS: &str = "status@broadcast";

fn post(text: &str, recipients: &[&str]) -> Value {
    json!({"to": STATUS, "type": "text", "text": {"body": text}, "recipients": recipients})
}

async fn on_screen(stage: &Stage, number: &str) -> Vec<Value> {
    let path = format!("/phones/{number}/messages");
    let seen = stage.app.control("GET", &path, Value::Null).await;
    seen["data"].as_array().unwrap().clone()
}

async fn shows(stage: &Stage, number: &str, message_id: &str) -> bool {
    let mut seen = on_screen(stage, number).await.into_iter();
    seen.any(|one| one["message_id"] == message_id)
}

#[tokio::test]
async fn a_status_reaches_the_people_it_names_and_nobody_else() {
    let stage = Stage::set().await;
    let both = stage.send(post("for both", &[BOB, CAROL])).await;
    for reader in [BOB, CAROL, ALICE] {
        let seen = stage.on_phone(reader, &both).await;
        let shown = json!({"type": "text", "text": "for both", "to": STATUS, "from": ALICE});
        assert_holds(&seen, &shown);
    }
    // The second goes out under a key that Carol has by now.
    let bobs = stage.send(post("for Bob", &[BOB])).await;
    stage.on_phone(BOB, &bobs).await;
    let carols = stage.send(post("for Carol", &[CAROL])).await;
    stage.on_phone(CAROL, &carols).await;
    assert!(!shows(&stage, CAROL, &bobs).await);
    assert!(!shows(&stage, BOB, &carols).await);

    let stored = stage.stored(&both, |one| one["ack"] == 2).await;
    let kept = json!({
        "chat": {"id": STATUS, "kind": "status"},
        "recipients": [{"phone": BOB}, {"phone": CAROL}],
    });
    assert_holds(&stored, &kept);
    let confirm = json!({"message_ids": [both], "kind": "read"});
    let path = format!("/phones/{BOB}/receipts");
    stage.app.control("POST", &path, confirm).await;
    stage.stored(&both, |one| one["ack"] == 3).await;
    let chats = stage.ann.get("/v1/sessions/sales/chats").await.expect(200);
    let chats = chats["data"].as_array().unwrap();
    assert!(chats.iter().all(|chat| chat["id"] != STATUS), "{chats:?}");
}

#[tokio::test]
async fn a_status_is_taken_back_from_those_who_got_it() {
    let mut stage = Stage::set().await;
    let regretted = stage.send(post("regretted", &[BOB])).await;
    stage.on_phone(BOB, &regretted).await;
    let path = format!("{MESSAGES}/{regretted}");
    let gone = stage.ann.delete(&path).await.expect(202);
    let id = gone["message_id"].as_str().unwrap();
    let shown = json!({"type": "revoke", "target": regretted, "to": STATUS});
    assert_holds(&stage.on_phone(BOB, id).await, &shown);
    stage
        .stored(&regretted, |one| one["deleted"].is_object())
        .await;
    assert!(!shows(&stage, CAROL, id).await);

    // Who got what the phone has posted is known to the phone alone.
    let elsewhere = json!({"text": "from the phone", "recipients": [BOB]});
    let elsewhere = stage.write(ALICE, STATUS, elsewhere).await;
    stage.heard("message", &elsewhere).await;
    let path = format!("{MESSAGES}/{elsewhere}");
    let refused = stage.ann.delete(&path).await;
    refused.refused(409, "recipients_unknown");
}

#[tokio::test]
async fn the_status_of_another_is_heard_read_reacted_to_and_answered() {
    let mut stage = Stage::set().await;
    let theirs = json!({"text": "at the sea", "recipients": [ALICE]});
    let theirs = stage.write(BOB, STATUS, theirs).await;
    let heard = stage.heard("message", &theirs).await;
    let told = json!({
        "chat": {"id": STATUS, "kind": "status"},
        "sender": {"phone": BOB},
        "from_me": false,
        "text": {"body": "at the sea"},
    });
    assert_holds(&heard, &told);
    assert_holds(&stage.posted(&theirs).await["data"], &told);

    let path = format!("{MESSAGES}/{theirs}");
    stage
        .ann
        .post(&format!("{path}/read"), json!({}))
        .await
        .expect(204);
    let is_read = |seen: &Value| {
        let receipts = seen["receipts"].as_array().unwrap();
        receipts.iter().any(|receipt| receipt["kind"] == "read")
    };
    stage.until_on_phone(BOB, &theirs, is_read).await;

    let heart = json!({"emoji": "❤️"});
    let reacted = stage.ann.post(&format!("{path}/reactions"), heart).await;
    let reacted = reacted.expect(202);
    let id = reacted["message_id"].as_str().unwrap();
    let shown = json!({"type": "reaction", "emoji": "❤️", "target": theirs});
    assert_holds(&stage.on_phone(BOB, id).await, &shown);
    assert!(!shows(&stage, CAROL, id).await);

    let answer = json!({"to": BOB, "type": "text", "text": {"body": "lovely"}, "reply_to": theirs});
    let answer = stage.send(answer).await;
    let shown = json!({
        "text": "lovely", "to": BOB, "reply_to": theirs, "to_status": true,
        "quoted": {"text": "at the sea"},
    });
    assert_holds(&stage.on_phone(BOB, &answer).await, &shown);
    let wrong = json!({"to": CAROL, "type": "text", "text": {"body": "?"}, "reply_to": theirs});
    let refused = stage.ann.post(MESSAGES, wrong).await;
    refused.refused(400, "reply_to_unknown");

    for (what, body) in [
        ("pin", json!({"pinned": true})),
        ("star", json!({"starred": true})),
        ("keep", json!({})),
    ] {
        let refused = stage.ann.post(&format!("{path}/{what}"), body).await;
        refused.refused(409, "not_for_status");
    }
    let refused = stage.ann.delete(&path).await;
    refused.refused(409, "not_own_message");
}

#[tokio::test]
async fn reactions_and_answers_to_an_own_status_are_heard() {
    let mut stage = Stage::set().await;
    let own = stage.send(post("hello all", &[BOB])).await;
    stage.on_phone(BOB, &own).await;
    let reaction = json!({"reaction": {"message_id": own, "emoji": "👍"}});
    let reaction = stage.write(BOB, STATUS, reaction).await;
    let heard = stage.heard("message.reaction", &reaction).await;
    assert_holds(
        &heard,
        &json!({"reaction": {"message_id": own, "emoji": "👍"}}),
    );
    let stored = stage.stored(&own, |one| one["reactions"].is_array()).await;
    assert_eq!(stored["reactions"][0]["sender"]["phone"], BOB);

    let answer = json!({"text": "hello you", "reply_to": own});
    let answer = stage.write(BOB, BOB, answer).await;
    let heard = stage.heard("message", &answer).await;
    let told = json!({"chat": {"phone": BOB}, "reply_to": {"message_id": own, "status": true}});
    assert_holds(&heard, &told);

    let path = format!("{MESSAGES}/{own}/reactions");
    let refused = stage.ann.post(&path, json!({"emoji": "❤️"})).await;
    refused.refused(409, "own_message");
    let path = format!("{MESSAGES}/{own}");
    let edit = json!({"text": {"body": "hello"}});
    let refused = stage.ann.patch(&path, edit).await;
    refused.refused(409, "not_for_status");
}

#[tokio::test]
async fn a_status_that_names_nobody_or_what_is_none_is_refused_with_the_fault() {
    let stage = Stage::set().await;
    let many: Vec<String> = (0..257).map(|n| format!("4917000{n:05}")).collect();
    let text = |recipients: Value| {
        let mut body = post("?", &[]);
        body["recipients"] = recipients;
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = post("?", &[BOB]);
        body[name] = value;
        body
    };
    let mut place = with("type", json!("location"));
    place.as_object_mut().unwrap().remove("text");
    place["location"] = json!({"latitude": 1, "longitude": 1});
    for (body, code) in [
        (text(json!([])), "recipients_required"),
        (text(json!(many)), "invalid_recipients"),
        (text(json!([BOB, format!("+{BOB}")])), "invalid_recipients"),
        (text(json!([stage.group])), "invalid_recipients"),
        (text(json!(["Bob"])), "invalid_recipient"),
        (
            text(json!([BOB, "491700000000"])),
            "recipient_not_on_whatsapp",
        ),
        (with("to", json!(BOB)), "recipients_not_for_chats"),
        (with("reply_to", json!("3EB0")), "not_for_status"),
        (with("expires_in_s", json!(86_400)), "not_for_status"),
        (with("mentions", json!([BOB])), "not_for_status"),
        (place, "kind_not_for_status"),
    ] {
        stage.ann.post(MESSAGES, body).await.refused(400, code);
    }
    let stored = stage.ann.get(MESSAGES).await.expect(200);
    assert_eq!(stored["data"], json!([]));
}

#[tokio::test]
async fn a_picture_is_shown_as_a_status() {
    let stage = Stage::set().await;
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let image = json!({"media": {"base64": png, "mimetype": "image/png"}, "caption": "sea"});
    let body = json!({"to": STATUS, "type": "image", "image": image, "recipients": [BOB]});
    let id = stage.send(body).await;
    let seen = stage.on_phone(BOB, &id).await;
    assert_holds(
        &seen,
        &json!({"type": "image", "caption": "sea", "to": STATUS}),
    );
}

#[tokio::test]
async fn what_others_post_is_not_stored_while_broadcasts_are_ignored() {
    let mut stage = Stage::set().await;
    let settings = json!({"settings": {"ignore_broadcasts": true}});
    let patched = stage.ann.patch("/v1/sessions/sales", settings).await;
    patched.expect(200);
    let ignored = json!({"text": "ignored", "recipients": [ALICE]});
    let ignored = stage.write(BOB, STATUS, ignored).await;
    // What comes after it has been taken in, so it has been passed over.
    let wanted = stage.write(BOB, BOB, json!({"text": "wanted"})).await;
    stage.heard("message", &wanted).await;
    let missing = stage.ann.get(&format!("{MESSAGES}/{ignored}")).await;
    missing.refused(404, "message_not_found");
}
