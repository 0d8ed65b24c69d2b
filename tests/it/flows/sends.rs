//! A message that was taken is sent, whatever happens in between, and once.

use std::time::Duration;

use entity::{enums::SessionState, ids::SessionId, messages};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};
use wharf::{
    domain::{
        message::{Content, Poll, Status},
        session::Settings,
    },
    service::{Error, messages::NewMessage},
};

use super::habits;
use crate::harness::field::{ALICE, BOB, Field, Process};

/// From now on WhatsApp hangs up on the session, whatever it says.
async fn cut_off(field: &Field, session: SessionId) {
    let rule = json!({ "target": ALICE, "kind": "drop", "count": 1_000_000 });
    field.control("POST", "/faults", rule).await;
    let reason = Some("connection_lost");
    field
        .until_shown(session, SessionState::Degraded, reason)
        .await;
}

async fn mend(field: &Field) {
    field.control("DELETE", "/faults", Value::Null).await;
}

#[tokio::test]
async fn what_is_sent_while_the_session_is_cut_off_goes_out_in_order_at_the_next_login() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    cut_off(&field, session).await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let asked = field.post(session, BOB, text);
        let sent = asked.await.unwrap();
        assert_eq!(sent.status, Status::Queued);
        ids.push(sent.message_id);
    }
    assert_eq!(field.status(session, &ids[0]).await, Status::Queued);
    mend(&field).await;
    field.until_phone_has(BOB, "three").await;
    let heard = field.heard_by(BOB).await;
    let heard: Vec<&str> = heard
        .iter()
        .map(|one| one["message_id"].as_str().unwrap())
        .collect();
    assert_eq!(heard, ids, "in order, each once");
    field.process.stop().await;
}

#[tokio::test]
async fn what_a_process_left_unsent_goes_out_from_the_next_under_the_same_id() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    cut_off(&field, session).await;
    let asked = field.post(session, BOB, "hello");
    let sent = asked.await.unwrap();
    field.process.stop().await;
    mend(&field).await;
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    let seen = field.until_phone_has(BOB, "hello").await;
    assert_eq!(seen["message_id"], sent.message_id);
    field.until_logged(session, "message.ack", 1).await;
    assert!(matches!(
        field.status(session, &sent.message_id).await,
        Status::Sent | Status::Delivered
    ));
    field.process.stop().await;
}

#[tokio::test]
async fn what_a_process_left_unsent_goes_out_although_its_text_was_not_kept() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    let settings = Settings {
        log_messages: false,
        ..Settings::default()
    };
    habits::set(&field, session, settings).await;
    cut_off(&field, session).await;
    let sent = field.post(session, BOB, "zebra").await.unwrap();
    let rows = messages::Entity::find().all(&field.db).await.unwrap();
    assert!(rows.iter().all(|row| !row.body.contains("zebra")));
    field.process.stop().await;
    mend(&field).await;
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    let seen = field.until_phone_has(BOB, "zebra").await;
    assert_eq!(seen["message_id"], sent.message_id);
    field.process.stop().await;
}

#[tokio::test]
async fn a_poll_that_goes_out_after_a_restart_has_the_secret_that_votes_are_opened_with() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    cut_off(&field, session).await;
    let poll = Poll {
        name: "When?".to_owned(),
        options: vec!["now".to_owned(), "later".to_owned()],
        multi: false,
        quiz: None,
    };
    let new = NewMessage {
        wait: Duration::ZERO,
        ..NewMessage::of(BOB.parse().unwrap(), Content::Poll { poll })
    };
    let messages = &field.process.messages;
    let sent = messages.send(&field.ctx, &session.to_string(), new).await;
    let id = sent.unwrap().message_id;
    field.process.stop().await;
    mend(&field).await;
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    field.until_logged(session, "message.ack", 2).await;
    let vote = json!({"to": ALICE, "vote": {"message_id": id, "options": ["later"]}});
    let path = format!("/phones/{BOB}/messages");
    field.control("POST", &path, vote).await;
    let votes = field.until_logged(session, "poll.vote", 1).await;
    assert_eq!(votes[0]["vote"]["options"], json!(["later"]));
    field.process.stop().await;
}

#[tokio::test]
async fn a_limit_of_whatsapp_fails_the_message_with_its_name_and_when_to_come_back() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    field.send(session, BOB, "warm").await.unwrap();
    let rule = json!({ "target": ALICE, "kind": "nack", "code": 463, "count": 1 });
    field.control("POST", "/faults", rule).await;
    let refused = field.send(session, BOB, "too soon").await.unwrap_err();
    let Error::Limited {
        code, retry_after, ..
    } = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(code, "whatsapp_reach_out_limited");
    assert!(!retry_after.is_zero());
    let acks = field.until_logged(session, "message.ack", 3).await;
    let failed = acks.iter().find(|ack| ack["ack"] == -1).unwrap();
    assert_eq!(failed["error"]["code"], "whatsapp_reach_out_limited");
    let id = failed["message_id"].as_str().unwrap();
    assert_eq!(field.status(session, id).await, Status::Failed);
    field.send(session, BOB, "later").await.unwrap();
    field.process.stop().await;
}

#[tokio::test]
async fn two_requests_with_one_key_are_one_message() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let first = field.send_keyed(session, BOB, "once", Some("order-1"));
    let first = first.await.unwrap();
    let again = field.send_keyed(session, BOB, "once", Some("order-1"));
    let again = again.await.unwrap();
    assert_eq!((again.id, &again.message_id), (first.id, &first.message_id));
    assert!(
        matches!(again.status, Status::Sent | Status::Delivered),
        "{again:?}"
    );
    let other = field.send_keyed(session, BOB, "once", Some("order-2"));
    assert_ne!(other.await.unwrap().message_id, first.message_id);
    // In order: whoever has the last one has everything that was sent before it.
    field.send(session, BOB, "the last one").await.unwrap();
    field.until_phone_has(BOB, "the last one").await;
    let heard = field.heard_by(BOB).await;
    assert_eq!(heard.len(), 3, "{heard:?}");
    field.process.stop().await;
}

#[tokio::test]
async fn a_message_that_was_told_as_sent_is_never_told_as_less() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    for number in 0..50 {
        let sent = field
            .send(session, BOB, &format!("{number}"))
            .await
            .unwrap();
        assert_eq!(sent.status, Status::Sent);
        let status = field.status(session, &sent.message_id).await;
        assert!(
            matches!(status, Status::Sent | Status::Delivered),
            "{number}: {status:?}"
        );
    }
    field.process.stop().await;
}

#[tokio::test]
async fn what_an_unpaired_session_had_still_to_send_fails() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    cut_off(&field, session).await;
    let asked = field.post(session, BOB, "too late");
    let sent = asked.await.unwrap();
    let sessions = &field.process.sessions;
    sessions
        .logout(&field.ctx, &session.to_string())
        .await
        .unwrap();
    assert_eq!(
        field.status(session, &sent.message_id).await,
        Status::Failed
    );
    field.process.stop().await;
}
