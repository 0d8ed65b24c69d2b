//! What is not stored is known without a question for each, and never for longer than it is true.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use entity::ids::{NodeId, SessionId};
use wacore::store::traits::{DeviceInfo, DeviceListRecord, ProtocolStore as _, SignalStore as _};

use super::{batches::counted, claim, leased, open, store};
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    a_thousand_devices_of_which_nothing_is_stored_are_a_few_questions,
    what_is_written_meanwhile_is_found,
    what_is_stored_is_found_among_many_that_are_not,
    a_list_of_devices_that_is_there_is_forgotten_among_many_that_are_not,
    another_owner_finds_what_the_old_one_never_saw,
);

const DEVICES: usize = 1_000;
/// Where one question for each device would be thousands.
const FEW: usize = 200;

fn user(number: usize) -> String {
    format!("2001{number:06}")
}

fn device(number: usize) -> String {
    format!("{}:3@lid", user(number))
}

fn list(number: usize) -> DeviceListRecord {
    DeviceListRecord {
        user: user(number),
        devices: vec![DeviceInfo::new(3, None)],
        timestamp: 1,
        phash: None,
        raw_id: None,
    }
}

async fn a_thousand_devices_of_which_nothing_is_stored_are_a_few_questions(test: TestDb) {
    let (db, statements) = counted(&test.db);
    let store = store(&db).await;
    statements.store(0, Ordering::Relaxed);
    for number in 0..DEVICES {
        assert_eq!(store.get_session(&device(number)).await.unwrap(), None);
        assert_eq!(store.load_identity(&device(number)).await.unwrap(), None);
        assert!(
            !store
                .has_signal_state_for_user(&user(number))
                .await
                .unwrap()
        );
        assert!(store.get_devices(&user(number)).await.unwrap().is_none());
    }
    let asked = statements.swap(0, Ordering::Relaxed);
    assert!(asked <= FEW, "{asked} questions");

    for number in 0..DEVICES {
        store.delete_devices(&user(number)).await.unwrap();
    }
    let asked = statements.load(Ordering::Relaxed);
    assert!(asked <= FEW, "{asked} questions");
}

async fn what_is_written_meanwhile_is_found(test: TestDb) {
    let store = store(&test.db).await;
    for number in 0..DEVICES {
        assert_eq!(store.get_session(&device(number)).await.unwrap(), None);
        assert_eq!(store.load_identity(&device(number)).await.unwrap(), None);
    }
    assert!(!store.has_signal_state_for_user(&user(1)).await.unwrap());
    store.put_session(&device(1), b"ratchet").await.unwrap();
    assert!(store.has_signal_state_for_user(&user(1)).await.unwrap());
    let many: Vec<(Arc<str>, [u8; 32])> = (0..DEVICES)
        .map(|number| (Arc::from(device(number)), [7; 32]))
        .collect();
    store.put_identities_batch(&many).await.unwrap();
    for number in 0..DEVICES {
        let ratchet = (number == 1).then(|| Bytes::from_static(b"ratchet"));
        assert_eq!(store.get_session(&device(number)).await.unwrap(), ratchet);
        let identity = store.load_identity(&device(number)).await.unwrap();
        assert_eq!(identity, Some([7; 32]));
    }
    store.delete_identity(&device(3)).await.unwrap();
    assert_eq!(store.load_identity(&device(3)).await.unwrap(), None);
}

async fn what_is_stored_is_found_among_many_that_are_not(test: TestDb) {
    let store = store(&test.db).await;
    let some: Vec<(Arc<str>, Bytes)> = (0..DEVICES)
        .step_by(100)
        .map(|number| (Arc::from(device(number)), Bytes::from_static(b"ratchet")))
        .collect();
    store.put_sessions_batch(&some).await.unwrap();
    for number in 0..DEVICES {
        let found = store.get_session(&device(number)).await.unwrap();
        assert_eq!(found.is_some(), number.is_multiple_of(100), "{number}");
    }
}

async fn a_list_of_devices_that_is_there_is_forgotten_among_many_that_are_not(test: TestDb) {
    let store = store(&test.db).await;
    let stored: Vec<_> = (0..DEVICES).step_by(100).map(list).collect();
    store.update_device_lists(stored).await.unwrap();
    for number in 50..DEVICES {
        store.delete_devices(&user(number)).await.unwrap();
    }
    for number in 0..DEVICES {
        let found = store.get_devices(&user(number)).await.unwrap();
        assert_eq!(found.is_some(), number == 0, "{number}");
    }
}

async fn another_owner_finds_what_the_old_one_never_saw(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let old = open(&test.db, fence).await;
    for number in 0..DEVICES {
        assert_eq!(old.get_session(&device(number)).await.unwrap(), None);
    }
    let taken = claim(&test.db, fence, NodeId::new()).await;
    let new = open(&test.db, taken).await;
    new.put_session(&device(5), b"ratchet").await.unwrap();
    let found = new.get_session(&device(5)).await.unwrap();
    assert_eq!(found, Some(Bytes::from_static(b"ratchet")));

    // What the old owner believes is of no use to it: it can write nothing.
    let refused = old.put_session(&device(5), b"another").await;
    assert!(refused.is_err());
    assert!(old.fenced().is_cancelled());
}
