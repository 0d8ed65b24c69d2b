//! Many rows take few statements.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use sea_orm::{DatabaseConnection, DbBackend};
use wacore::store::traits::{MsgSecretEntry, MsgSecretStore, SignalStore};
use wharf::protocol::store::Store;

use super::store;
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    a_batch_of_812_prekeys_goes_at_once,
    a_flush_of_sessions_goes_at_once,
    batches_beyond_one_statement_are_split,
    a_sweep_that_finds_nothing_locks_nothing,
);

/// How many statements of one write can be counted: all but PostgreSQL take it as one text, which nobody counts.
pub(super) fn countable(db: &DatabaseConnection, on_postgres: usize) -> usize {
    match db.get_database_backend() {
        DbBackend::Postgres => on_postgres,
        _ => 0,
    }
}

/// `db` and the number of statements it has run; BEGIN and COMMIT do not count.
pub(super) fn counted(db: &DatabaseConnection) -> (DatabaseConnection, Arc<AtomicUsize>) {
    let statements = Arc::new(AtomicUsize::new(0));
    let mut db = db.clone();
    let seen = Arc::clone(&statements);
    db.set_metric_callback(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    (db, statements)
}

async fn a_batch_of_812_prekeys_goes_at_once(test: TestDb) {
    let (db, statements) = counted(&test.db);
    let store = store(&db).await;
    let keys: Vec<(u32, Bytes)> = (1..=812).map(|id| (id, Bytes::from(vec![7; 70]))).collect();
    statements.store(0, Ordering::Relaxed);
    store.store_prekeys_batch(&keys, false).await.unwrap();
    assert_eq!(statements.swap(0, Ordering::Relaxed), countable(&db, 1));
    let ids: Vec<u32> = (1..=812).collect();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap().len(), 812);
    store.mark_prekeys_uploaded(&ids).await.unwrap();
    assert_eq!(statements.load(Ordering::Relaxed), 1 + countable(&db, 2));
}

async fn a_flush_of_sessions_goes_at_once(test: TestDb) {
    let (db, statements) = counted(&test.db);
    let store = store(&db).await;
    let sessions: Vec<(Arc<str>, Bytes)> = (0..257)
        .map(|n| (Arc::from(format!("{n}@lid")), Bytes::from(vec![7; 2000])))
        .collect();
    statements.store(0, Ordering::Relaxed);
    store.put_sessions_batch(&sessions).await.unwrap();
    assert_eq!(statements.load(Ordering::Relaxed), countable(&db, 1));
}

async fn batches_beyond_one_statement_are_split(test: TestDb) {
    let store = store(&test.db).await;
    let secrets: Vec<MsgSecretEntry> = (0..6_100)
        .map(|n| MsgSecretEntry {
            chat: "c".into(),
            sender: "s".into(),
            msg_id: format!("M{n}").into(),
            secret: [1; 32],
            expires_at: 0,
            message_ts: n,
        })
        .collect();
    assert_eq!(store.put_msg_secrets(secrets).await.unwrap(), 6_100);
    for n in [0, 5_999, 6_000, 6_099] {
        let found = store
            .get_msg_secret_with_ts("c", "s", &format!("M{n}"))
            .await;
        assert_eq!(found.unwrap(), Some((vec![1; 32], n)));
    }
    let ids: Vec<u32> = (1..=40_000).collect();
    assert!(store.load_prekeys_batch(&ids).await.unwrap().is_empty());
}

async fn a_sweep_that_finds_nothing_locks_nothing(test: TestDb) {
    let (db, statements) = counted(&test.db);
    let store = store(&db).await;
    statements.store(0, Ordering::Relaxed);
    assert_eq!(store.delete_expired_msg_secrets(1).await.unwrap(), 0);
    assert_eq!(statements.load(Ordering::Relaxed), 1);
}

#[test]
fn an_open_store_is_small() {
    let bytes = size_of::<Store>();
    assert!(bytes <= 512, "{bytes} bytes");
}
