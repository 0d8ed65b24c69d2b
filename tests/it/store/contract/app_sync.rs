//! Keys, versions and MACs of the app state.

use std::collections::HashMap;

use wacore::{appstate::hash::HashState, store::traits::AppStateSyncKey};
use wacore_appstate::processor::AppStateMutationMAC;

use super::{Store, expectations};

expectations!(
    sync_keys_are_kept_and_the_last_one_is_known,
    a_version_starts_at_zero_and_is_replaced,
    mutation_macs_are_replaced_whatever_their_version,
    mutation_macs_are_found_many_at_a_time,
    mutation_macs_are_deleted_by_index_and_by_collection,
);

fn key(byte: u8) -> AppStateSyncKey {
    AppStateSyncKey {
        key_data: vec![byte; 32],
        fingerprint: vec![byte, 1],
        timestamp: i64::from(byte),
    }
}

fn mac(index: u8, value: u8) -> AppStateMutationMAC {
    AppStateMutationMAC {
        index_mac: vec![index; 32],
        value_mac: vec![value; 32],
    }
}

async fn sync_keys_are_kept_and_the_last_one_is_known(store: Store) {
    assert_eq!(store.get_latest_sync_key_id().await.unwrap(), None);
    assert!(store.get_sync_key(b"first").await.unwrap().is_none());
    for (id, byte) in [(&b"second"[..], 2), (b"first", 1), (b"", 3)] {
        store.set_sync_key(id, key(byte)).await.unwrap();
        let latest = store.get_latest_sync_key_id().await.unwrap().unwrap();
        assert_eq!(latest, id);
    }
    store.set_sync_key(b"second", key(9)).await.unwrap();
    let latest = store.get_latest_sync_key_id().await.unwrap().unwrap();
    assert_eq!(latest, b"second", "also when it was known before");
    let kept = store.get_sync_key(b"second").await.unwrap().unwrap();
    assert_eq!(kept.key_data, vec![9; 32]);
    assert_eq!(kept.fingerprint, [9, 1]);
    assert_eq!(kept.timestamp, 9);
    let other = store.get_sync_key(b"first").await.unwrap().unwrap();
    assert_eq!(other.key_data, vec![1; 32]);
}

async fn a_version_starts_at_zero_and_is_replaced(store: Store) {
    let start = store.get_version("critical_block").await.unwrap();
    assert_eq!((start.version, start.hash), (0, [0; 128]));
    let mut state = HashState {
        version: u64::MAX,
        hash: [7; 128],
        index_value_map: HashMap::from([("index".to_owned(), vec![1, 2, 3])]),
        ..HashState::default()
    };
    store
        .set_version("critical_block", state.clone())
        .await
        .unwrap();
    let kept = store.get_version("critical_block").await.unwrap();
    assert_eq!((kept.version, kept.hash), (u64::MAX, [7; 128]));
    assert_eq!(kept.index_value_map, state.index_value_map);
    state.version = 3;
    store.set_version("critical_block", state).await.unwrap();
    assert_eq!(
        store.get_version("critical_block").await.unwrap().version,
        3
    );
    assert_eq!(store.get_version("regular").await.unwrap().version, 0);
}

async fn mutation_macs_are_replaced_whatever_their_version(store: Store) {
    store.put_mutation_macs("regular", 1, &[]).await.unwrap();
    let first = [mac(1, 10), mac(2, 20)];
    store.put_mutation_macs("regular", 5, &first).await.unwrap();
    let found = store.get_mutation_mac("regular", &[1; 32]).await.unwrap();
    assert_eq!(found.unwrap(), vec![10; 32]);
    let twice = [mac(1, 11), mac(1, 12)];
    store.put_mutation_macs("regular", 4, &twice).await.unwrap();
    let found = store.get_mutation_mac("regular", &[1; 32]).await.unwrap();
    assert_eq!(found.unwrap(), vec![12; 32], "the last write wins");
    let other = store.get_mutation_mac("critical_block", &[1; 32]).await;
    assert_eq!(other.unwrap(), None);
    let odd = AppStateMutationMAC {
        index_mac: vec![1],
        value_mac: Vec::new(),
    };
    store.put_mutation_macs("regular", 6, &[odd]).await.unwrap();
    let found = store.get_mutation_mac("regular", &[1]).await.unwrap();
    assert_eq!(found, Some(Vec::new()));
}

async fn mutation_macs_are_found_many_at_a_time(store: Store) {
    let macs: Vec<_> = (0..200).map(|n| mac(n, n)).collect();
    store.put_mutation_macs("regular", 1, &macs).await.unwrap();
    assert!(
        store
            .get_mutation_macs("regular", &[])
            .await
            .unwrap()
            .is_empty()
    );
    let wanted = [[3; 32], [250; 32], [199; 32], [3; 32]];
    let found = store.get_mutation_macs("regular", &wanted).await.unwrap();
    let known = HashMap::from([([3; 32], vec![3; 32]), ([199; 32], vec![199; 32])]);
    assert_eq!(found, known);
}

async fn mutation_macs_are_deleted_by_index_and_by_collection(store: Store) {
    let macs = [mac(1, 1), mac(2, 2), mac(3, 3)];
    store.put_mutation_macs("regular", 1, &macs).await.unwrap();
    store
        .put_mutation_macs("regular_low", 1, &macs)
        .await
        .unwrap();
    store.delete_mutation_macs("regular", &[]).await.unwrap();
    let gone = [vec![1; 32], vec![9; 32]];
    store.delete_mutation_macs("regular", &gone).await.unwrap();
    assert_eq!(
        store.get_mutation_mac("regular", &[1; 32]).await.unwrap(),
        None
    );
    assert!(
        store
            .get_mutation_mac("regular", &[2; 32])
            .await
            .unwrap()
            .is_some()
    );
    store.clear_mutation_macs("regular").await.unwrap();
    assert_eq!(
        store.get_mutation_mac("regular", &[2; 32]).await.unwrap(),
        None
    );
    let other = store.get_mutation_mac("regular_low", &[1; 32]).await;
    assert!(other.unwrap().is_some());
}
