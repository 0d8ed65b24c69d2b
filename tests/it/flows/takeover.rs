//! Two nodes and one session.

use wharf::service::messages::NewMessage;

use crate::harness::field::{ALICE, BOB, Field, Process};

#[tokio::test]
async fn an_old_owner_that_wakes_up_after_a_takeover_writes_and_sends_nothing() {
    let mut field = Field::start().await;
    let session = field.pair(ALICE).await;
    let old_handle = field.handle(session);

    // The new process knows the old one to be gone, as after a SIGKILL; but the old one is only asleep.
    let second = field.connect_again().await;
    let previous = Some(field.process.node.id);
    let new = Process::start(second, &field.sandbox.ws_url(), previous).await;
    new.manager.claim_due(None).await.unwrap();
    let old = std::mem::replace(&mut field.process, new);
    field.until_connected(session).await;
    field.until_logged(session, "connected", 2).await;
    let before = field.events(session).await.len();

    let hello = NewMessage::text(BOB.parse().unwrap(), "from the grave");
    let refused = old
        .messages
        .send(&field.ctx, &session.to_string(), hello)
        .await;
    assert!(refused.is_err(), "{refused:?}");
    let message = wharf::protocol::message_id();
    let acked = old_handle
        .journal
        .record_acks(vec![message], wharf::domain::message::Ack::Read)
        .await;
    assert!(acked.is_err(), "the fence refuses an old epoch");
    assert_eq!(
        field.events(session).await.len(),
        before,
        "nothing was written"
    );

    field.write(BOB, ALICE, "still there?").await;
    field.until_logged(session, "message", 1).await;
    field.process.stop().await;
    drop(old);
}
