//! A process that goes and one that comes.

use entity::enums::SessionState;
use sea_orm::ConnectionTrait as _;

use crate::harness::field::{ALICE, BOB, Field, Process};

#[tokio::test]
async fn a_restart_resumes_the_session_and_what_was_written_meanwhile_arrives_in_order() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    field.process.stop().await;
    for text in ["one", "two", "three"] {
        field.write(BOB, ALICE, text).await;
    }
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    field.until_connected(session).await;
    let messages = field.until_logged(session, "message", 3).await;
    let texts: Vec<&str> = messages
        .iter()
        .map(|m| m["text"]["body"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    field.process.stop().await;
}

#[tokio::test]
async fn a_message_whose_ratchet_could_not_be_read_is_not_given_up_but_comes_again() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    field.write(BOB, ALICE, "one").await;
    field.until_logged(session, "message", 1).await;
    field.process.stop().await;
    field.write(BOB, ALICE, "two").await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    let away = rename("wa_signal_sessions", "elsewhere");
    field.db.execute_unprepared(&away).await.unwrap();
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    field.process.manager.claim_due(None).await.unwrap();
    field
        .until_shown(session, SessionState::Degraded, Some("store_failed"))
        .await;

    let back = rename("elsewhere", "wa_signal_sessions");
    field.db.execute_unprepared(&back).await.unwrap();
    let messages = field.until_logged(session, "message", 2).await;
    assert_eq!(messages[1]["text"]["body"], "two");
    field.process.stop().await;
}

#[tokio::test]
async fn a_disconnected_session_stays_so_over_a_restart() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    field
        .process
        .sessions
        .disconnect(&field.ctx, &session.to_string())
        .await
        .unwrap();
    field.process.stop().await;
    field.process = Process::start(field.db.clone(), &field.sandbox.ws_url(), None).await;
    assert_eq!(field.process.manager.claim_due(None).await.unwrap(), 0);
    assert!(field.process.manager.get(session).is_none());
    field.connect(session).await;
    field.until_connected(session).await;
    field.process.stop().await;
}
