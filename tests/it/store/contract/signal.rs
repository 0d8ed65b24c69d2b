//! Identities, ratchets, pre-keys, sender keys.

use std::sync::Arc;

use bytes::Bytes;

use super::{Store, expectations};

const ALICE: &str = "5511987650001@s.whatsapp.net";
const ALICE_DESK: &str = "5511987650001:33@s.whatsapp.net";
const BOB: &str = "100000012345678:2@lid";

expectations!(
    an_identity_is_kept_until_it_is_deleted,
    identities_arrive_in_batches,
    a_session_is_kept_until_it_is_deleted,
    sessions_arrive_in_batches,
    the_last_of_two_in_one_batch_wins,
    signal_state_is_known_by_user,
    signal_state_is_known_by_identity_alone,
    prekeys_are_kept_until_they_are_used,
    prekeys_arrive_in_batches_and_are_found_in_the_order_asked,
    a_used_prekey_does_not_come_back_when_it_is_marked,
    the_highest_prekey_is_known,
    signed_prekeys_are_kept,
    sender_keys_are_kept,
    addresses_differ_by_every_character,
    large_values_survive,
);

fn shared(address: &str) -> Arc<str> {
    Arc::from(address)
}

async fn an_identity_is_kept_until_it_is_deleted(store: Store) {
    assert_eq!(store.load_identity(ALICE).await.unwrap(), None);
    store.put_identity(ALICE, [1; 32]).await.unwrap();
    store.put_identity(ALICE_DESK, [2; 32]).await.unwrap();
    store.put_identity(ALICE, [3; 32]).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), Some([3; 32]));
    store.delete_identity(ALICE).await.unwrap();
    store.delete_identity(ALICE).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), None);
    assert_eq!(
        store.load_identity(ALICE_DESK).await.unwrap(),
        Some([2; 32])
    );
}

async fn identities_arrive_in_batches(store: Store) {
    store.put_identities_batch(&[]).await.unwrap();
    store.put_identity(BOB, [1; 32]).await.unwrap();
    let batch = [(shared(ALICE), [4; 32]), (shared(BOB), [5; 32])];
    store.put_identities_batch(&batch).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), Some([4; 32]));
    assert_eq!(store.load_identity(BOB).await.unwrap(), Some([5; 32]));
}

async fn a_session_is_kept_until_it_is_deleted(store: Store) {
    assert!(!store.has_session(ALICE).await.unwrap());
    assert_eq!(store.get_session(ALICE).await.unwrap(), None);
    store.put_session(ALICE, b"first").await.unwrap();
    store.put_session(ALICE, b"second").await.unwrap();
    assert!(store.has_session(ALICE).await.unwrap());
    assert!(!store.has_session(ALICE_DESK).await.unwrap());
    let kept = store.get_session(ALICE).await.unwrap().unwrap();
    assert_eq!(kept, Bytes::from_static(b"second"));
    store.delete_session(ALICE).await.unwrap();
    store.delete_session(ALICE).await.unwrap();
    assert!(!store.has_session(ALICE).await.unwrap());
}

async fn sessions_arrive_in_batches(store: Store) {
    store.put_sessions_batch(&[]).await.unwrap();
    store.put_session(ALICE, b"old").await.unwrap();
    let batch = [
        (shared(ALICE), Bytes::from_static(b"new")),
        (shared(ALICE_DESK), Bytes::from_static(b"desk")),
        (shared(BOB), Bytes::new()),
    ];
    store.put_sessions_batch(&batch).await.unwrap();
    for (address, session) in &batch {
        let kept = store.get_session(address).await.unwrap();
        assert_eq!(kept.as_ref(), Some(session), "{address}");
    }
}

async fn the_last_of_two_in_one_batch_wins(store: Store) {
    let sessions = [
        (shared(ALICE), Bytes::from_static(b"1")),
        (shared(ALICE), Bytes::from_static(b"2")),
    ];
    store.put_sessions_batch(&sessions).await.unwrap();
    assert_eq!(store.get_session(ALICE).await.unwrap().unwrap(), "2");
    let identities = [(shared(ALICE), [1; 32]), (shared(ALICE), [2; 32])];
    store.put_identities_batch(&identities).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), Some([2; 32]));
    store.put_sender_keys_batch(&sessions).await.unwrap();
    assert_eq!(store.get_sender_key(ALICE).await.unwrap().unwrap(), b"2");
    let prekeys = [(7, Bytes::from_static(b"1")), (7, Bytes::from_static(b"2"))];
    store.store_prekeys_batch(&prekeys, false).await.unwrap();
    assert_eq!(store.load_prekey(7).await.unwrap().unwrap(), "2");
}

async fn signal_state_is_known_by_user(store: Store) {
    assert!(
        !store
            .has_signal_state_for_user("5511987650001")
            .await
            .unwrap()
    );
    store.put_session(ALICE_DESK, b"x").await.unwrap();
    assert!(
        store
            .has_signal_state_for_user("5511987650001")
            .await
            .unwrap()
    );
    assert!(
        !store
            .has_signal_state_for_user("551198765000")
            .await
            .unwrap()
    );
    assert!(
        !store
            .has_signal_state_for_user("55119876500011")
            .await
            .unwrap()
    );
    assert!(!store.has_signal_state_for_user("").await.unwrap());
    store.delete_session(ALICE_DESK).await.unwrap();
    assert!(
        !store
            .has_signal_state_for_user("5511987650001")
            .await
            .unwrap()
    );
}

async fn signal_state_is_known_by_identity_alone(store: Store) {
    let batch = [(shared(BOB), [1; 32])];
    store.put_identities_batch(&batch).await.unwrap();
    assert!(
        store
            .has_signal_state_for_user("100000012345678")
            .await
            .unwrap()
    );
    store.delete_identity(BOB).await.unwrap();
    assert!(
        !store
            .has_signal_state_for_user("100000012345678")
            .await
            .unwrap()
    );
}

async fn prekeys_are_kept_until_they_are_used(store: Store) {
    assert_eq!(store.load_prekey(1).await.unwrap(), None);
    store.store_prekey(1, b"one", false).await.unwrap();
    store.store_prekey(u32::MAX, b"max", true).await.unwrap();
    store.store_prekey(1, b"uno", true).await.unwrap();
    assert_eq!(store.load_prekey(1).await.unwrap().unwrap(), "uno");
    assert_eq!(store.load_prekey(u32::MAX).await.unwrap().unwrap(), "max");
    store.remove_prekey(1).await.unwrap();
    store.remove_prekey(1).await.unwrap();
    assert_eq!(store.load_prekey(1).await.unwrap(), None);
}

async fn prekeys_arrive_in_batches_and_are_found_in_the_order_asked(store: Store) {
    store.store_prekeys_batch(&[], false).await.unwrap();
    assert_eq!(store.load_prekeys_batch(&[]).await.unwrap(), []);
    let keys: Vec<(u32, Bytes)> = (1..=812)
        .map(|id| (id, Bytes::from(format!("key {id}"))))
        .collect();
    store.store_prekeys_batch(&keys, false).await.unwrap();
    let found = store.load_prekeys_batch(&[900, 812, 1, 500]).await.unwrap();
    let wanted = [812, 1, 500].map(|id| (id, Bytes::from(format!("key {id}"))));
    assert_eq!(found, wanted);
    let ids: Vec<u32> = (1..=812).collect();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap(), keys);
}

async fn a_used_prekey_does_not_come_back_when_it_is_marked(store: Store) {
    let keys = [(1, Bytes::from_static(b"a")), (2, Bytes::from_static(b"b"))];
    store.store_prekeys_batch(&keys, false).await.unwrap();
    store.remove_prekey(1).await.unwrap();
    store.mark_prekeys_uploaded(&[]).await.unwrap();
    store.mark_prekeys_uploaded(&[1, 2, 3]).await.unwrap();
    assert_eq!(store.load_prekey(1).await.unwrap(), None);
    assert_eq!(store.load_prekey(2).await.unwrap().unwrap(), "b");
    assert_eq!(store.load_prekey(3).await.unwrap(), None);
}

async fn the_highest_prekey_is_known(store: Store) {
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 0);
    store.store_prekey(41, b"x", true).await.unwrap();
    store.store_prekey(0x00FF_FFFF, b"x", true).await.unwrap();
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 0x00FF_FFFF);
    store.remove_prekey(0x00FF_FFFF).await.unwrap();
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 41);
}

async fn signed_prekeys_are_kept(store: Store) {
    assert_eq!(store.load_signed_prekey(1).await.unwrap(), None);
    assert!(store.load_all_signed_prekeys().await.unwrap().is_empty());
    store.store_signed_prekey(1, b"one").await.unwrap();
    store.store_signed_prekey(2, b"two").await.unwrap();
    store.store_signed_prekey(1, b"uno").await.unwrap();
    assert_eq!(store.load_signed_prekey(1).await.unwrap().unwrap(), b"uno");
    let mut all = store.load_all_signed_prekeys().await.unwrap();
    all.sort();
    assert_eq!(all, [(1, b"uno".to_vec()), (2, b"two".to_vec())]);
    store.remove_signed_prekey(1).await.unwrap();
    assert_eq!(store.load_signed_prekey(1).await.unwrap(), None);
    assert_eq!(store.load_all_signed_prekeys().await.unwrap().len(), 1);
}

async fn sender_keys_are_kept(store: Store) {
    let address = "120363021033254949@g.us:5511987650001:33";
    assert_eq!(store.get_sender_key(address).await.unwrap(), None);
    store.put_sender_key(address, b"one").await.unwrap();
    store.put_sender_keys_batch(&[]).await.unwrap();
    let batch = [
        (shared(address), Bytes::from_static(b"two")),
        (shared(ALICE), Bytes::from_static(b"other")),
    ];
    store.put_sender_keys_batch(&batch).await.unwrap();
    assert_eq!(
        store.get_sender_key(address).await.unwrap().unwrap(),
        b"two"
    );
    store.delete_sender_key(address).await.unwrap();
    assert_eq!(store.get_sender_key(address).await.unwrap(), None);
    assert_eq!(
        store.get_sender_key(ALICE).await.unwrap().unwrap(),
        b"other"
    );
}

/// Databases fold case and trailing spaces when they are allowed to.
async fn addresses_differ_by_every_character(store: Store) {
    for address in ["a@lid", "A@lid", "a@lid ", "ä@lid", ""] {
        store
            .put_session(address, address.as_bytes())
            .await
            .unwrap();
        store
            .put_sender_key(address, address.as_bytes())
            .await
            .unwrap();
    }
    for address in ["a@lid", "A@lid", "a@lid ", "ä@lid", ""] {
        let session = store.get_session(address).await.unwrap().unwrap();
        assert_eq!(session, address.as_bytes());
        let key = store.get_sender_key(address).await.unwrap().unwrap();
        assert_eq!(key, address.as_bytes());
    }
}

/// A session of many skipped keys passes 64 KiB, where MariaDB's short types end, and a batch of them passes
/// what one statement may hold.
async fn large_values_survive(store: Store) {
    let large: Vec<u8> = (0..=255).cycle().take(100 << 10).collect();
    store.put_session(ALICE, &large).await.unwrap();
    assert_eq!(store.get_session(ALICE).await.unwrap().unwrap(), large);
    let batch: Vec<_> = (0..50)
        .map(|n| (shared(&format!("{n}@lid")), Bytes::from(large.clone())))
        .collect();
    store.put_sender_keys_batch(&batch).await.unwrap();
    for (address, record) in batch {
        let kept = store.get_sender_key(&address).await.unwrap().unwrap();
        assert!(kept == record, "{address}");
    }
}
