//! Sent messages, pending inbound messages and message secrets.

use wacore::{
    store::traits::{MsgSecretEntry, PendingInboundKey, PendingInboundRow},
    time::now_secs,
};

use super::{Store, expectations};

expectations!(
    a_sent_message_is_found_by_its_chat_and_its_id,
    old_sent_messages_are_removed,
    a_pending_message_is_kept_until_it_is_deleted,
    pending_messages_arrive_and_leave_in_batches,
    old_pending_messages_are_removed,
    a_message_secret_is_kept,
    message_secrets_arrive_in_batches,
    a_deadline_never_gets_shorter,
    a_known_time_is_not_forgotten,
    secrets_of_one_batch_merge_like_those_of_two,
    expired_secrets_are_removed,
);

const CHAT: &str = "5511987650001@s.whatsapp.net";
const SENDER: &str = "100000012345678@lid";

async fn a_sent_message_is_found_by_its_chat_and_its_id(store: Store) {
    assert_eq!(store.take_sent_message(CHAT, "M1").await.unwrap(), None);
    store.store_sent_message(CHAT, "M1", b"old").await.unwrap();
    store.store_sent_message(CHAT, "M1", b"new").await.unwrap();
    store.store_sent_message(CHAT, "M2", b"").await.unwrap();
    assert_eq!(store.take_sent_message(SENDER, "M1").await.unwrap(), None);
    let taken = store.take_sent_message(CHAT, "M1").await.unwrap();
    assert_eq!(taken.unwrap(), b"new");
    assert_eq!(
        store.take_sent_message(CHAT, "M2").await.unwrap().unwrap(),
        b""
    );
}

async fn old_sent_messages_are_removed(store: Store) {
    store.store_sent_message(CHAT, "M1", b"x").await.unwrap();
    let now = now_secs();
    assert_eq!(
        store.delete_expired_sent_messages(now - 60).await.unwrap(),
        0
    );
    assert_eq!(
        store.delete_expired_sent_messages(now + 60).await.unwrap(),
        1
    );
    assert_eq!(store.take_sent_message(CHAT, "M1").await.unwrap(), None);
}

async fn a_pending_message_is_kept_until_it_is_deleted(store: Store) {
    let found = store.get_pending_inbound(CHAT, SENDER, "M1").await.unwrap();
    assert_eq!(found, None);
    for body in [b"old".as_slice(), b"new"] {
        let stored = store.store_pending_inbound(CHAT, SENDER, "M1", body);
        stored.await.unwrap();
    }
    let found = store.get_pending_inbound(CHAT, SENDER, "M1").await.unwrap();
    assert_eq!(found.unwrap(), b"new");
    let other = store.get_pending_inbound(SENDER, CHAT, "M1").await.unwrap();
    assert_eq!(other, None);
    for _ in 0..2 {
        let deleted = store.delete_pending_inbound(CHAT, SENDER, "M1");
        deleted.await.unwrap();
    }
    let found = store.get_pending_inbound(CHAT, SENDER, "M1").await.unwrap();
    assert_eq!(found, None);
}

async fn pending_messages_arrive_and_leave_in_batches(store: Store) {
    store.store_pending_inbound_batch(&[]).await.unwrap();
    store.delete_pending_inbound_batch(&[]).await.unwrap();
    let ids: Vec<String> = (0..120).map(|n| format!("M{n}")).collect();
    let row = |id, message| PendingInboundRow {
        chat: CHAT,
        sender: SENDER,
        id,
        message,
    };
    let mut rows: Vec<_> = ids.iter().map(|id| row(id, id.as_bytes())).collect();
    rows.push(row("M7", b"again"));
    store.store_pending_inbound_batch(&rows).await.unwrap();
    let kept = store.get_pending_inbound(CHAT, SENDER, "M7").await.unwrap();
    assert_eq!(kept.unwrap(), b"again");
    let keys: Vec<_> = ids[..119]
        .iter()
        .map(|id| PendingInboundKey {
            chat: CHAT,
            sender: SENDER,
            id,
        })
        .collect();
    store.delete_pending_inbound_batch(&keys).await.unwrap();
    for (n, id) in ids.iter().enumerate() {
        let found = store.get_pending_inbound(CHAT, SENDER, id).await.unwrap();
        assert_eq!(found.is_some(), n == 119, "{id}");
    }
}

async fn old_pending_messages_are_removed(store: Store) {
    let stored = store.store_pending_inbound(CHAT, SENDER, "M1", b"x");
    stored.await.unwrap();
    let now = now_secs();
    assert_eq!(
        store
            .delete_expired_pending_inbound(now - 60)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .delete_expired_pending_inbound(now + 60)
            .await
            .unwrap(),
        1
    );
}

fn secret(id: &str, byte: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    MsgSecretEntry {
        chat: CHAT.into(),
        sender: SENDER.into(),
        msg_id: id.into(),
        secret: [byte; 32],
        expires_at,
        message_ts,
    }
}

async fn time_of(store: &Store, id: &str) -> Option<(Vec<u8>, i64)> {
    let found = store.get_msg_secret_with_ts(CHAT, SENDER, id).await;
    found.unwrap()
}

async fn a_message_secret_is_kept(store: Store) {
    assert_eq!(
        store.get_msg_secret(CHAT, SENDER, "M1").await.unwrap(),
        None
    );
    for byte in [1, 9] {
        let secret = [byte; 32];
        let put = store.put_msg_secret(CHAT, SENDER, "M1", &secret);
        put.await.unwrap();
    }
    let found = store.get_msg_secret(CHAT, SENDER, "M1").await.unwrap();
    assert_eq!(found.unwrap(), vec![9; 32]);
    assert_eq!(time_of(&store, "M1").await, Some((vec![9; 32], 0)));
    assert_eq!(
        store.get_msg_secret(SENDER, CHAT, "M1").await.unwrap(),
        None
    );
}

async fn message_secrets_arrive_in_batches(store: Store) {
    assert_eq!(store.put_msg_secrets(Vec::new()).await.unwrap(), 0);
    let batch = vec![
        secret("M1", 1, 0, 5),
        secret("M2", 2, 0, 6),
        secret("M1", 3, 0, 4),
    ];
    let stored = store.put_msg_secrets(batch).await.unwrap();
    assert_eq!(stored, 3, "as many as were given");
    assert_eq!(time_of(&store, "M1").await, Some((vec![3; 32], 5)));
    assert_eq!(time_of(&store, "M2").await, Some((vec![2; 32], 6)));
}

/// Whether the secret is still there after a sweep at `now`.
async fn outlives(store: &Store, id: &str, now: i64) -> bool {
    store.delete_expired_msg_secrets(now).await.unwrap();
    time_of(store, id).await.is_some()
}

async fn a_deadline_never_gets_shorter(store: Store) {
    let cases = [
        ("longer", 100, 200, Some(200)),
        ("shorter", 200, 100, Some(200)),
        ("becomes never", 100, 0, None),
        ("stays never", 0, 100, None),
    ];
    for (id, first, second, _) in cases {
        for deadline in [first, second] {
            let put = store.put_msg_secrets(vec![secret(id, 1, deadline, 0)]);
            put.await.unwrap();
        }
    }
    for (id, _, _, _) in cases {
        assert!(outlives(&store, id, 199).await, "{id}");
    }
    for (id, _, _, deadline) in cases {
        assert_eq!(
            outlives(&store, id, 1_000_000).await,
            deadline.is_none(),
            "{id}"
        );
    }
}

async fn a_known_time_is_not_forgotten(store: Store) {
    for (time, known) in [(0, 0), (50, 50), (0, 50), (40, 50), (60, 60)] {
        let put = store.put_msg_secrets(vec![secret("M1", 1, 0, time)]);
        put.await.unwrap();
        assert_eq!(time_of(&store, "M1").await.unwrap().1, known);
    }
}

async fn secrets_of_one_batch_merge_like_those_of_two(store: Store) {
    let batch = vec![secret("M1", 1, 200, 70), secret("M1", 2, 100, 0)];
    store.put_msg_secrets(batch).await.unwrap();
    assert_eq!(time_of(&store, "M1").await, Some((vec![2; 32], 70)));
    assert!(outlives(&store, "M1", 199).await);
    assert!(!outlives(&store, "M1", 200).await);
}

async fn expired_secrets_are_removed(store: Store) {
    let batch = vec![
        secret("never", 1, 0, 0),
        secret("past", 1, 100, 0),
        secret("later", 1, 101, 0),
    ];
    store.put_msg_secrets(batch).await.unwrap();
    assert_eq!(store.delete_expired_msg_secrets(99).await.unwrap(), 0);
    assert_eq!(store.delete_expired_msg_secrets(100).await.unwrap(), 1);
    assert!(time_of(&store, "past").await.is_none());
    assert!(time_of(&store, "later").await.is_some());
    assert!(time_of(&store, "never").await.is_some());
}
