//! LIDs, device lists, groups and tokens.

use wacore::store::traits::{DeviceInfo, DeviceListRecord, LidPnMappingEntry, TcTokenEntry};

use super::{Store, expectations};

expectations!(
    sender_key_status_is_kept_by_group,
    sender_key_devices_are_forgotten_in_all_groups,
    a_mapping_is_found_from_both_sides,
    the_last_lid_of_a_phone_is_found,
    a_lid_that_moves_leaves_its_old_phone,
    mappings_arrive_in_batches,
    a_base_key_is_compared,
    device_lists_are_kept,
    device_lists_arrive_in_batches,
    group_metadata_is_kept,
    tokens_are_kept,
    a_touch_only_moves_the_sender_time_forward,
    a_received_token_leaves_the_sender_time,
    the_newer_token_wins,
    only_fully_stale_tokens_are_removed,
);

const GROUP: &str = "120363021033254949@g.us";
const OTHER: &str = "120363099999999999@g.us";

async fn devices(store: &Store, group: &str) -> Vec<(String, bool)> {
    let mut all = store.get_sender_key_devices(group).await.unwrap();
    all.sort();
    all
}

fn owned(entries: &[(&str, bool)]) -> Vec<(String, bool)> {
    let owned = entries.iter().map(|(jid, has)| ((*jid).to_owned(), *has));
    owned.collect()
}

async fn sender_key_status_is_kept_by_group(store: Store) {
    assert!(devices(&store, GROUP).await.is_empty());
    store.set_sender_key_status(GROUP, &[]).await.unwrap();
    let entries = [
        ("1:1@lid", true),
        ("2@lid", false),
        ("3@lid", true),
        ("3@lid", false),
    ];
    store.set_sender_key_status(GROUP, &entries).await.unwrap();
    store
        .set_sender_key_status(OTHER, &[("2@lid", true)])
        .await
        .unwrap();
    store
        .set_sender_key_status(GROUP, &[("2@lid", true)])
        .await
        .unwrap();
    let wanted = owned(&[("1:1@lid", true), ("2@lid", true), ("3@lid", false)]);
    assert_eq!(devices(&store, GROUP).await, wanted);
    store.clear_sender_key_devices(GROUP).await.unwrap();
    assert!(devices(&store, GROUP).await.is_empty());
    assert_eq!(devices(&store, OTHER).await, owned(&[("2@lid", true)]));
    store.clear_all_sender_key_devices().await.unwrap();
    assert!(devices(&store, OTHER).await.is_empty());
}

async fn sender_key_devices_are_forgotten_in_all_groups(store: Store) {
    for group in [GROUP, OTHER] {
        let entries = [("1@lid", true), ("2@lid", true), ("3@lid", true)];
        store.set_sender_key_status(group, &entries).await.unwrap();
    }
    store.delete_sender_key_device_rows(&[]).await.unwrap();
    let gone = ["1@lid", "3@lid", "9@lid"];
    store.delete_sender_key_device_rows(&gone).await.unwrap();
    for group in [GROUP, OTHER] {
        assert_eq!(devices(&store, group).await, owned(&[("2@lid", true)]));
    }
}

fn mapping(lid: &str, phone: &str, at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: at,
        updated_at: at + 1,
        learning_source: "usync".to_owned(),
    }
}

async fn phone_of(store: &Store, lid: &str) -> Option<String> {
    let found = store.get_lid_mapping(lid).await.unwrap();
    found.map(|entry| entry.phone_number)
}

async fn lid_of(store: &Store, phone: &str) -> Option<String> {
    let found = store.get_pn_mapping(phone).await.unwrap();
    found.map(|entry| entry.lid)
}

async fn a_mapping_is_found_from_both_sides(store: Store) {
    assert_eq!(phone_of(&store, "1000").await, None);
    assert_eq!(lid_of(&store, "4917").await, None);
    assert!(store.get_all_lid_mappings().await.unwrap().is_empty());
    store
        .put_lid_mapping(&mapping("1000", "4917", 5))
        .await
        .unwrap();
    let found = store.get_pn_mapping("4917").await.unwrap().unwrap();
    assert_eq!(
        (found.lid.as_str(), found.created_at, found.updated_at),
        ("1000", 5, 6)
    );
    assert_eq!(found.learning_source, "usync");
    assert_eq!(phone_of(&store, "1000").await.as_deref(), Some("4917"));
    assert_eq!(phone_of(&store, "4917").await, None, "sides do not mix");
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 1);
}

async fn the_last_lid_of_a_phone_is_found(store: Store) {
    // The last one written, not the one that says that it is newer.
    store
        .put_lid_mapping(&mapping("1000", "4917", 9))
        .await
        .unwrap();
    store
        .put_lid_mapping(&mapping("2000", "4917", 5))
        .await
        .unwrap();
    assert_eq!(lid_of(&store, "4917").await.as_deref(), Some("2000"));
    assert_eq!(phone_of(&store, "1000").await.as_deref(), Some("4917"));
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 2);
}

async fn a_lid_that_moves_leaves_its_old_phone(store: Store) {
    store
        .put_lid_mapping(&mapping("1000", "4917", 1))
        .await
        .unwrap();
    store
        .put_lid_mapping(&mapping("1000", "4918", 2))
        .await
        .unwrap();
    assert_eq!(lid_of(&store, "4917").await, None);
    assert_eq!(lid_of(&store, "4918").await.as_deref(), Some("1000"));
    assert_eq!(phone_of(&store, "1000").await.as_deref(), Some("4918"));
    store
        .put_lid_mapping(&mapping("1000", "4917", 3))
        .await
        .unwrap();
    assert_eq!(lid_of(&store, "4917").await.as_deref(), Some("1000"));
    assert_eq!(lid_of(&store, "4918").await, None);
}

async fn mappings_arrive_in_batches(store: Store) {
    store.put_lid_mappings(&[]).await.unwrap();
    let mut batch: Vec<_> = (0..300)
        .map(|n| mapping(&format!("10{n}"), &format!("49{n}"), n))
        .collect();
    batch.push(mapping("107", "4999999", 1));
    batch.push(mapping("20000", "495", 1));
    store.put_lid_mappings(&batch).await.unwrap();
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 301);
    assert_eq!(phone_of(&store, "107").await.as_deref(), Some("4999999"));
    assert_eq!(lid_of(&store, "497").await, None);
    assert_eq!(lid_of(&store, "495").await.as_deref(), Some("20000"));
    assert_eq!(lid_of(&store, "4999").await.as_deref(), Some("1099"));
}

async fn a_base_key_is_compared(store: Store) {
    assert!(!store.has_same_base_key("a", "1", b"key").await.unwrap());
    store.save_base_key("a", "1", b"key").await.unwrap();
    assert!(store.has_same_base_key("a", "1", b"key").await.unwrap());
    assert!(!store.has_same_base_key("a", "1", b"kez").await.unwrap());
    assert!(!store.has_same_base_key("a", "2", b"key").await.unwrap());
    assert!(!store.has_same_base_key("a1", "", b"key").await.unwrap());
    store.save_base_key("a", "1", b"new").await.unwrap();
    assert!(!store.has_same_base_key("a", "1", b"key").await.unwrap());
    assert!(store.has_same_base_key("a", "1", b"new").await.unwrap());
    store.delete_base_key("a", "1").await.unwrap();
    store.delete_base_key("a", "1").await.unwrap();
    assert!(!store.has_same_base_key("a", "1", b"new").await.unwrap());
}

fn list(user: &str, devices: u32) -> DeviceListRecord {
    DeviceListRecord {
        user: user.to_owned(),
        devices: (0..devices)
            .map(|id| DeviceInfo::new(id, Some(id)).with_hosting(id == 1))
            .collect(),
        timestamp: 5,
        phash: Some("2:abc".to_owned()),
        raw_id: Some(u32::MAX),
    }
}

async fn device_lists_are_kept(store: Store) {
    assert!(store.get_devices("4917").await.unwrap().is_none());
    store.update_device_list(list("4917", 1)).await.unwrap();
    store.update_device_list(list("4917", 3)).await.unwrap();
    let kept = store.get_devices("4917").await.unwrap().unwrap();
    assert_eq!(kept.devices.len(), 3);
    assert!(kept.devices[1].is_hosted && !kept.devices[2].is_hosted);
    assert_eq!(kept.devices[2].key_index, Some(2));
    assert_eq!((kept.user.as_str(), kept.timestamp), ("4917", 5));
    assert_eq!(
        (kept.phash.as_deref(), kept.raw_id),
        (Some("2:abc"), Some(u32::MAX))
    );
    store.delete_devices("4917").await.unwrap();
    store.delete_devices("4917").await.unwrap();
    assert!(store.get_devices("4917").await.unwrap().is_none());
}

async fn device_lists_arrive_in_batches(store: Store) {
    store.update_device_lists(Vec::new()).await.unwrap();
    let lists = vec![list("1", 1), list("2", 2), list("1", 4)];
    store.update_device_lists(lists).await.unwrap();
    assert_eq!(
        store.get_devices("1").await.unwrap().unwrap().devices.len(),
        4
    );
    assert_eq!(
        store.get_devices("2").await.unwrap().unwrap().devices.len(),
        2
    );
}

async fn group_metadata_is_kept(store: Store) {
    assert_eq!(store.get_group_metadata(GROUP).await.unwrap(), None);
    store.put_group_metadata(GROUP, b"v1").await.unwrap();
    store.put_group_metadata(GROUP, b"v2").await.unwrap();
    store.put_group_metadata(OTHER, b"").await.unwrap();
    assert_eq!(
        store.get_group_metadata(GROUP).await.unwrap().unwrap(),
        b"v2"
    );
    assert_eq!(store.get_group_metadata(OTHER).await.unwrap().unwrap(), b"");
    store.delete_group_metadata(GROUP).await.unwrap();
    assert_eq!(store.get_group_metadata(GROUP).await.unwrap(), None);
    assert!(store.get_group_metadata(OTHER).await.unwrap().is_some());
}

fn token(bytes: &[u8], at: i64, sent: Option<i64>) -> TcTokenEntry {
    TcTokenEntry {
        token: bytes.to_vec(),
        token_timestamp: at,
        sender_timestamp: sent,
    }
}

/// Token, its time, and when ours was sent.
async fn kept(store: &Store, jid: &str) -> Option<(Vec<u8>, i64, Option<i64>)> {
    let found = store.get_tc_token(jid).await.unwrap();
    found.map(|entry| (entry.token, entry.token_timestamp, entry.sender_timestamp))
}

async fn tokens_are_kept(store: Store) {
    assert_eq!(kept(&store, "1@lid").await, None);
    store
        .put_tc_token("1@lid", &token(b"a", 5, Some(6)))
        .await
        .unwrap();
    store
        .put_tc_token("2@lid", &token(b"b", 7, None))
        .await
        .unwrap();
    assert_eq!(
        kept(&store, "1@lid").await,
        Some((b"a".to_vec(), 5, Some(6)))
    );
    store
        .put_tc_token("1@lid", &token(b"c", 1, None))
        .await
        .unwrap();
    assert_eq!(kept(&store, "1@lid").await, Some((b"c".to_vec(), 1, None)));
    let mut jids = store.get_all_tc_token_jids().await.unwrap();
    jids.sort();
    assert_eq!(jids, ["1@lid", "2@lid"]);
    store.delete_tc_token("1@lid").await.unwrap();
    store.delete_tc_token("1@lid").await.unwrap();
    assert_eq!(store.get_all_tc_token_jids().await.unwrap(), ["2@lid"]);
}

async fn a_touch_only_moves_the_sender_time_forward(store: Store) {
    store
        .touch_tc_token_sender_timestamp("1@lid", 5000)
        .await
        .unwrap();
    assert_eq!(
        kept(&store, "1@lid").await,
        Some((Vec::new(), 5000, Some(5000)))
    );
    store
        .touch_tc_token_sender_timestamp("1@lid", 3000)
        .await
        .unwrap();
    assert_eq!(kept(&store, "1@lid").await.unwrap().2, Some(5000));
    store
        .put_tc_token("1@lid", &token(b"real", 2000, None))
        .await
        .unwrap();
    store
        .touch_tc_token_sender_timestamp("1@lid", 100)
        .await
        .unwrap();
    let entry = kept(&store, "1@lid").await;
    assert_eq!(entry, Some((b"real".to_vec(), 2000, Some(100))));
}

async fn a_received_token_leaves_the_sender_time(store: Store) {
    store
        .touch_tc_token_sender_timestamp("1@lid", 9000)
        .await
        .unwrap();
    store
        .store_received_tc_token("1@lid", b"real", 6000)
        .await
        .unwrap();
    let entry = kept(&store, "1@lid").await;
    assert_eq!(entry, Some((b"real".to_vec(), 6000, Some(9000))));
    store
        .store_received_tc_token("2@lid", b"new", 4000)
        .await
        .unwrap();
    assert_eq!(
        kept(&store, "2@lid").await,
        Some((b"new".to_vec(), 4000, None))
    );
}

async fn the_newer_token_wins(store: Store) {
    for (bytes, at) in [(b"b", 5000), (b"a", 3000)] {
        store
            .store_received_tc_token("1@lid", bytes, at)
            .await
            .unwrap();
    }
    assert_eq!(
        kept(&store, "1@lid").await,
        Some((b"b".to_vec(), 5000, None))
    );
    store
        .store_received_tc_token("1@lid", b"c", 5000)
        .await
        .unwrap();
    assert_eq!(
        kept(&store, "1@lid").await,
        Some((b"c".to_vec(), 5000, None))
    );
}

async fn only_fully_stale_tokens_are_removed(store: Store) {
    let rows = [
        ("recent memory", token(b"", 2500, Some(2500)), true),
        ("stale memory", token(b"", 5000, Some(100)), false),
        ("old token, recent memory", token(b"a", 1, Some(2000)), true),
        ("old token, old memory", token(b"a", 1, Some(1999)), false),
        ("old token", token(b"a", 999, None), false),
        ("fresh token", token(b"a", 1000, None), true),
        ("fresh token, old memory", token(b"a", 5000, Some(1)), true),
    ];
    for (jid, entry, _) in &rows {
        store.put_tc_token(jid, entry).await.unwrap();
    }
    assert_eq!(store.delete_expired_tc_tokens(1000, 2000).await.unwrap(), 3);
    assert_eq!(store.delete_expired_tc_tokens(1000, 2000).await.unwrap(), 0);
    for (jid, _, stays) in rows {
        assert_eq!(kept(&store, jid).await.is_some(), stays, "{jid}");
    }
}
