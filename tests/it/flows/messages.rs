//! Texts both ways.

use entity::wa_signal_sessions;
use sea_orm::EntityTrait as _;
use wharf::{
    domain::message::{Ack, Status},
    service::Error,
};

use crate::harness::field::{ALICE, BOB, Field, Process};

#[tokio::test]
async fn a_text_from_a_phone_is_in_the_log_once_with_both_numbers() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    field.write(BOB, ALICE, "good morning").await;
    let events = field.until_logged(session, "message", 1).await;
    assert_eq!(events.len(), 1);
    let message = &events[0];
    assert_eq!(message["text"]["body"], "good morning");
    assert_eq!(message["type"], "text");
    assert_eq!(message["from_me"], false);
    assert_eq!(message["sender"]["phone"], BOB);
    assert!(message["sender"]["lid"].as_str().unwrap().ends_with("@lid"));
    assert_eq!(message["chat"]["id"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(message["chat"]["kind"], "user");
    field.process.stop().await;
}

#[tokio::test]
async fn a_sent_text_reaches_the_phone_and_its_ack_climbs() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let sent = field.send(session, BOB, "hello bob").await.unwrap();
    assert_eq!(sent.status, Status::Sent);
    let seen = field.until_phone_has(BOB, "hello bob").await;
    assert_eq!(seen["message_id"], sent.message_id);
    let acks = field.until_logged(session, "message.ack", 2).await;
    assert!(acks.iter().all(|ack| ack["message_id"] == sent.message_id));
    let stored = field
        .process
        .messages
        .get(&field.ctx, &session.to_string(), &sent.message_id)
        .await
        .unwrap();
    assert!(stored.ack >= Ack::Device, "{:?}", stored.ack);
    field.process.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_decrypted_is_announced_and_follows_when_it_was_sent_again() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    // One message each way, so that the phone's next one needs the ratchet.
    field.write(BOB, ALICE, "hello").await;
    field.until_logged(session, "message", 1).await;
    field.send(session, BOB, "hi").await.unwrap();
    field.until_phone_has(BOB, "hi").await;
    field.process.stop().await;
    let forgotten = wa_signal_sessions::Entity::delete_many();
    forgotten.exec(&field.db).await.unwrap();
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    field.until_connected(session).await;

    field.write(BOB, ALICE, "do you read me?").await;
    let lost = field
        .until_logged(session, "message.undecryptable", 1)
        .await;
    assert_eq!(lost[0]["sender"]["phone"], BOB);
    let messages = field.until_logged(session, "message", 2).await;
    assert_eq!(messages[1]["text"]["body"], "do you read me?");
    assert_eq!(messages[1]["message_id"], lost[0]["message_id"]);
    field.process.stop().await;
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_refused_by_name() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let refused = field
        .send(session, "491700000000", "anybody?")
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Invalid {
                code: "recipient_not_on_whatsapp",
                ..
            }
        ),
        "{refused:?}"
    );
    field.process.stop().await;
}

#[tokio::test]
async fn a_session_that_is_not_connected_refuses_to_send() {
    let field = Field::start().await;
    let session = field.session().await;
    let refused = field.send(session, BOB, "hello").await.unwrap_err();
    assert!(matches!(
        refused,
        Error::NotReady {
            code: "session_not_connected",
            ..
        }
    ));
    field.process.stop().await;
}
