//! An owner that lost its lease can write nothing, whatever the order of events.

use std::{sync::Arc, time::Duration};

use entity::{
    ids::{NodeId, SessionId},
    leases,
};
use sea_orm::{DatabaseConnection, EntityTrait};
use tokio::task::JoinSet;
use wacore::store::traits::{DeviceStore, SignalStore};
use wharf::{
    db::{
        self, Committed,
        fence::{Fence, FenceError},
    },
    protocol::store::{delete_all, is_fenced},
};

use super::{claim, open, store};
use crate::harness::databases::{TestDb, leased, on_each_engine};

const ALICE: &str = "5511987650001@s.whatsapp.net";

/// Long enough for a statement that has nothing to wait for.
const A_WHILE: Duration = Duration::from_millis(400);

on_each_engine!(
    a_stale_owner_can_write_nothing,
    a_claim_waits_for_the_write_that_runs,
    a_write_that_waited_for_a_claim_is_refused,
    a_lease_that_is_gone_refuses_writes,
    event_numbers_are_given_once,
    writes_of_one_session_take_turns,
    a_deleted_session_leaves_nothing,
    a_cleared_store_can_pair_anew,
);

/// Takes `n` event numbers; gives the first.
async fn take(fence: Fence, db: &DatabaseConnection, n: i64) -> Result<i64, FenceError> {
    let tx = db::begin(db).await?;
    let standing = fence.lock(&tx).await?;
    tx.rollback().await?;
    let script = fence.script(db.get_database_backend(), standing, n);
    match script.commit(db).await? {
        Committed::Yes => Ok(standing.last_seq + 1),
        Committed::Refused => Err(FenceError::Stale),
    }
}

async fn a_stale_owner_can_write_nothing(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let old = open(&test.db, fence).await;
    old.put_session(ALICE, b"old").await.unwrap();

    let taken = claim(&test.db, fence, NodeId::new()).await;
    let new = open(&test.db, taken).await;
    assert!(
        !old.fenced().is_cancelled(),
        "it sleeps and knows nothing yet"
    );

    let refused = old.put_session(ALICE, b"late").await.unwrap_err();
    assert!(is_fenced(&refused), "{refused:?}");
    assert!(old.fenced().is_cancelled());
    for refused in [
        old.put_identity(ALICE, [1; 32]).await.unwrap_err(),
        old.store_prekey(1, b"late", false).await.unwrap_err(),
        old.delete_session(ALICE).await.unwrap_err(),
        old.create().await.unwrap_err(),
    ] {
        assert!(is_fenced(&refused), "{refused:?}");
    }
    assert_eq!(new.get_session(ALICE).await.unwrap().unwrap(), "old");
    assert_eq!(new.load_identity(ALICE).await.unwrap(), None);
    assert!(!new.exists().await.unwrap());

    new.put_session(ALICE, b"new").await.unwrap();
    assert!(!new.fenced().is_cancelled());
    assert_eq!(old.get_session(ALICE).await.unwrap().unwrap(), "new");
}

async fn a_claim_waits_for_the_write_that_runs(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let write = db::begin(&test.db).await.unwrap();
    fence.lock(&write).await.unwrap();

    // Another process has a pool of its own.
    let other = db::connect(&test.url, 1).await.unwrap();
    let mut claiming = JoinSet::new();
    claiming.spawn(async move {
        let tx = db::begin(&other).await.unwrap();
        let taken = claim(&tx, fence, NodeId::new()).await;
        tx.commit().await.unwrap();
        taken
    });
    let early = tokio::time::timeout(A_WHILE, claiming.join_next()).await;
    assert!(early.is_err(), "the claim did not wait");

    write.commit().await.unwrap();
    let taken = claiming.join_next().await.unwrap().unwrap();
    assert_eq!(take(taken, &test.db, 1).await.unwrap(), 1);
}

async fn a_write_that_waited_for_a_claim_is_refused(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let old = open(&test.db, fence).await;
    let claiming = db::begin(&test.db).await.unwrap();
    let taken = claim(&claiming, fence, NodeId::new()).await;

    let mut write = JoinSet::new();
    write.spawn(async move { (old.put_session(ALICE, b"late").await, old) });
    let early = tokio::time::timeout(A_WHILE, write.join_next()).await;
    assert!(early.is_err(), "the write did not wait");

    claiming.commit().await.unwrap();
    let (written, old) = write.join_next().await.unwrap().unwrap();
    assert!(is_fenced(&written.unwrap_err()));
    assert!(old.fenced().is_cancelled());
    let new = open(&test.db, taken).await;
    assert!(!new.has_session(ALICE).await.unwrap());
}

async fn a_lease_that_is_gone_refuses_writes(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    let other_node = Fence {
        node: NodeId::new(),
        ..fence
    };
    let tx = db::begin(&test.db).await.unwrap();
    let refused = other_node.lock(&tx).await.unwrap_err();
    assert!(
        matches!(refused, FenceError::Stale),
        "the epoch alone is not enough"
    );
    tx.rollback().await.unwrap();
    leases::Entity::delete_many().exec(&test.db).await.unwrap();
    let refused = store.put_session(ALICE, b"late").await.unwrap_err();
    assert!(is_fenced(&refused));
}

async fn event_numbers_are_given_once(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let mut given = Vec::new();
    for n in [1, 5, 2] {
        given.push(take(fence, &test.db, n).await.unwrap());
    }
    assert_eq!(given, [1, 2, 7]);
    let standing = {
        let tx = db::begin(&test.db).await.unwrap();
        fence.lock(&tx).await.unwrap()
    };
    let taken = claim(&test.db, fence, NodeId::new()).await;
    let refused = take(fence, &test.db, 1).await.unwrap_err();
    assert!(matches!(refused, FenceError::Stale));
    let remembered = fence.script(test.db.get_database_backend(), standing, 1);
    let refused = remembered.commit(&test.db).await.unwrap();
    assert_eq!(refused, Committed::Refused, "nor on what it remembers");
    assert_eq!(take(taken, &test.db, 1).await.unwrap(), 9);
}

async fn writes_of_one_session_take_turns(test: TestDb) {
    let store = Arc::new(store(&test.db).await);
    let mut writers = JoinSet::new();
    for n in 0..40_u32 {
        let store = Arc::clone(&store);
        writers.spawn(async move { store.store_prekey(n + 1, b"x", false).await });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    let ids: Vec<u32> = (1..=40).collect();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap().len(), 40);
}

async fn a_deleted_session_leaves_nothing(test: TestDb) {
    let (kept, gone) = (store(&test.db).await, store(&test.db).await);
    for store in [&kept, &gone] {
        store.put_session(ALICE, b"x").await.unwrap();
        store.create().await.unwrap();
    }
    let tx = db::begin(&test.db).await.unwrap();
    delete_all(&tx, gone.session()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!gone.has_session(ALICE).await.unwrap());
    assert!(!gone.exists().await.unwrap());
    assert!(kept.has_session(ALICE).await.unwrap());
    assert!(kept.exists().await.unwrap());
}

async fn a_cleared_store_can_pair_anew(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    store.create().await.unwrap();
    store.put_session(ALICE, b"x").await.unwrap();
    store.clear().await.unwrap();
    assert!(!store.exists().await.unwrap());
    assert!(!store.has_session(ALICE).await.unwrap());
    store.create().await.unwrap();
    let again = open(&test.db, fence).await;
    assert!(
        again.load().await.unwrap().is_some(),
        "the keys are still there"
    );
}
