//! What a session does by itself acts as soon as it is set.

use entity::ids::SessionId;
use serde_json::{Value, json};
use wharf::{domain::session::Settings, service::sessions::SessionPatch};

use crate::harness::field::{ALICE, BOB, Field};

pub(super) async fn set(field: &Field, session: SessionId, settings: Settings) {
    let patch = SessionPatch {
        settings: Some(settings),
        ..SessionPatch::default()
    };
    let sessions = &field.process.sessions;
    let reference = session.to_string();
    sessions
        .update(&field.ctx, &reference, patch)
        .await
        .unwrap();
}

/// Writes into a group as Bob.
async fn write_in(field: &Field, group: &str, text: &str) {
    field.write(BOB, group, text).await;
}

#[tokio::test]
async fn groups_that_are_ignored_are_silent_until_they_are_not() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let new = json!({"subject": "Crew", "members": [BOB, ALICE]});
    let group = field.control("POST", "/groups", new).await;
    let group = group["id"].as_str().unwrap();
    write_in(&field, group, "heard").await;
    field.until_logged(session, "message", 1).await;
    set(
        &field,
        session,
        Settings {
            ignore_groups: true,
            ..Settings::default()
        },
    )
    .await;
    write_in(&field, group, "not heard").await;
    field.write(BOB, ALICE, "to you alone").await;
    let told = field.until_logged(session, "message", 2).await;
    assert_eq!(told[1]["text"]["body"], "to you alone");
    set(&field, session, Settings::default()).await;
    write_in(&field, group, "heard again").await;
    let told = field.until_logged(session, "message", 3).await;
    assert_eq!(told[2]["text"]["body"], "heard again");
    assert_eq!(told.len(), 3);
    field.process.stop().await;
}

#[tokio::test]
async fn a_phone_sees_that_its_message_was_read_when_the_owner_wants_it() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    field.write(BOB, ALICE, "unread").await;
    field.until_logged(session, "message", 1).await;
    set(
        &field,
        session,
        Settings {
            read_incoming_messages: true,
            ..Settings::default()
        },
    )
    .await;
    field.write(BOB, ALICE, "read").await;
    let started = std::time::Instant::now();
    loop {
        let path = format!("/phones/{BOB}/messages");
        let seen = field.control("GET", &path, Value::Null).await;
        let kinds = |text: &str| -> Vec<String> {
            let messages = seen["data"].as_array().unwrap().iter();
            let message = messages.filter(|one| one["text"] == text);
            let receipts = message.flat_map(|one| one["receipts"].as_array().unwrap());
            receipts
                .map(|one| one["kind"].as_str().unwrap().to_owned())
                .collect()
        };
        if kinds("read").iter().any(|kind| kind == "read") {
            assert!(!kinds("unread").iter().any(|kind| kind == "read"));
            break;
        }
        assert!(started.elapsed().as_secs() < 30, "{seen}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    field.process.stop().await;
}

#[tokio::test]
async fn people_are_answered_once_and_neither_groups_nor_answers_are() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let answering = Settings {
        auto_reply_text: Some("back on Monday".to_owned()),
        ..Settings::default()
    };
    set(&field, session, answering).await;
    let new = json!({"subject": "Crew", "members": [BOB, ALICE]});
    let group = field.control("POST", "/groups", new).await;
    write_in(&field, group["id"].as_str().unwrap(), "is anybody there?").await;
    field.write(BOB, ALICE, "are you there?").await;
    let answer = field.until_phone_has(BOB, "back on Monday").await;
    // Asked again at once, and answered: neither gets another answer.
    field.write(BOB, ALICE, "and now?").await;
    let quoting = json!({"to": ALICE, "text": "thanks", "reply_to": answer["message_id"]});
    field
        .control("POST", &format!("/phones/{BOB}/messages"), quoting)
        .await;
    field.until_logged(session, "message", 4).await;
    set(&field, session, Settings::default()).await;
    field.write(BOB, ALICE, "the last one").await;
    field.until_logged(session, "message", 5).await;
    // In order: whoever has this has every answer before it.
    field.send(session, BOB, "by hand").await.unwrap();
    field.until_phone_has(BOB, "by hand").await;
    let heard = field.heard_by(BOB).await;
    let texts: Vec<&str> = heard
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["back on Monday", "by hand"]);
    field.process.stop().await;
}
