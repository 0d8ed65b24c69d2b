//! Messages ride along: never later than the ratchet that makes them matter, and without a write of their own.

use std::sync::atomic::Ordering;

use entity::ids::{NodeId, SessionId};
use sea_orm::ConnectionTrait as _;
use wacore::store::traits::{ProtocolStore as _, SignalStore as _};
use wharf::protocol::store::Store;

use super::{
    batches::{countable, counted},
    leased, open,
};
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    a_message_is_on_the_disk_with_the_ratchet_that_is_written_after_it,
    a_message_that_is_done_with_before_the_next_write_costs_none,
    a_write_that_fails_leaves_its_riders_to_the_next,
    a_removal_rides_too_and_holds_at_once,
    too_many_riders_get_a_write_of_their_own,
    a_sent_message_is_there_for_each_device_that_asks_for_it_again,
);

const CHAT: &str = "5511987650001@s.whatsapp.net";

async fn receive(store: &Store) {
    let stored = store.store_pending_inbound(CHAT, CHAT, "IN", b"in").await;
    stored.unwrap();
}

async fn is_pending(store: &Store) -> bool {
    let found = store.get_pending_inbound(CHAT, CHAT, "IN").await.unwrap();
    assert!(found.as_ref().is_none_or(|bytes| bytes == b"in"));
    found.is_some()
}

async fn a_message_is_on_the_disk_with_the_ratchet_that_is_written_after_it(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    receive(&store).await;
    store.store_sent_message(CHAT, "OUT", b"out").await.unwrap();
    assert!(is_pending(&store).await);

    store.put_session("alice@lid", b"ratchet").await.unwrap();
    // What a process that comes after a kill finds.
    let next = open(&test.db, fence).await;
    assert!(is_pending(&next).await);
    let taken = next.take_sent_message(CHAT, "OUT").await.unwrap();
    assert_eq!(taken.unwrap(), b"out");
}

async fn a_message_that_is_done_with_before_the_next_write_costs_none(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let (db, statements) = counted(&test.db);
    let store = open(&db, fence).await;
    statements.store(0, Ordering::Relaxed);
    receive(&store).await;
    let deleted = store.delete_pending_inbound(CHAT, CHAT, "IN").await;
    deleted.unwrap();
    assert_eq!(statements.load(Ordering::Relaxed), 0);
    assert!(!is_pending(&store).await);
    statements.store(0, Ordering::Relaxed);
    store.put_session("alice@lid", b"ratchet").await.unwrap();
    assert_eq!(
        statements.load(Ordering::Relaxed),
        countable(&db, 1),
        "the fence and the ratchet at once"
    );
}

async fn a_write_that_fails_leaves_its_riders_to_the_next(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    receive(&store).await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    let away = rename("wa_signal_sessions", "elsewhere");
    test.db.execute_unprepared(&away).await.unwrap();
    store
        .put_session("alice@lid", b"ratchet")
        .await
        .unwrap_err();
    let back = rename("elsewhere", "wa_signal_sessions");
    test.db.execute_unprepared(&back).await.unwrap();

    let next = open(&test.db, fence).await;
    assert!(!is_pending(&next).await);
    store.put_session("alice@lid", b"ratchet").await.unwrap();
    assert!(is_pending(&next).await);
}

async fn a_removal_rides_too_and_holds_at_once(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    receive(&store).await;
    store.put_session("alice@lid", b"1").await.unwrap();
    let deleted = store.delete_pending_inbound(CHAT, CHAT, "IN").await;
    deleted.unwrap();
    assert!(!is_pending(&store).await);

    let next = open(&test.db, fence).await;
    assert!(is_pending(&next).await);
    store.put_session("alice@lid", b"2").await.unwrap();
    assert!(!is_pending(&next).await);
}

async fn too_many_riders_get_a_write_of_their_own(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    for n in 0..300 {
        store
            .store_sent_message(CHAT, &n.to_string(), b"x")
            .await
            .unwrap();
    }
    let next = open(&test.db, fence).await;
    assert!(next.take_sent_message(CHAT, "0").await.unwrap().is_some());
}

async fn a_sent_message_is_there_for_each_device_that_asks_for_it_again(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    store.store_sent_message(CHAT, "OUT", b"out").await.unwrap();
    for _ in 0..2 {
        let (one, other) = tokio::join!(
            store.take_sent_message(CHAT, "OUT"),
            store.take_sent_message(CHAT, "OUT")
        );
        for found in [one, other] {
            assert_eq!(found.unwrap().unwrap(), b"out");
        }
        // Among the riders first, then on the disk.
        store.put_session("alice@lid", b"ratchet").await.unwrap();
    }
}
