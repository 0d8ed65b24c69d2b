//! A database that another process holds locked: nothing is lost, and it is said what is wrong.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::json;

use crate::harness::{
    field::{ALICE, BOB},
    processes::{SandboxProcess, Wharf},
};

/// Another process that writes and does not end: it holds the one write lock until it is dropped.
pub(super) struct Lock(DatabaseConnection);

impl Lock {
    pub(super) async fn take(folder: &Path) -> Self {
        let file = folder.join("data/wharf.db");
        let url = format!("sqlite://{}", file.display());
        let db = wharf::db::connect(&url, 1).await.unwrap();
        db.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
        Self(db)
    }

    pub(super) async fn release(self) {
        self.0.execute_unprepared("ROLLBACK").await.unwrap();
        self.0.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_that_goes_in_time_delays_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let lock = Lock::take(folder.path()).await;
    sandbox.write(BOB, ALICE, "one").await;
    let sending = wharf.send(&session, BOB, "two");
    tokio::pin!(sending);
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut sending).await;
    assert!(early.is_err(), "it waits for the lock: {early:?}");
    lock.release().await;
    let (status, body) = sending.await.unwrap();
    assert_eq!(status, 202, "{body}");
    wharf.until_texts(&session, &["one"]).await;
}

#[tokio::test]
async fn a_lock_that_stays_is_answered_503_and_ends_the_process_which_has_lost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let lock = Lock::take(folder.path()).await;
    sandbox.write(BOB, ALICE, "one").await;
    sandbox.write(BOB, ALICE, "two").await;
    let (made, sent) = tokio::join!(
        wharf.try_call("POST", "/v1/sessions", json!({})),
        wharf.send(&session, BOB, "out"),
    );
    for (status, body) in [made.unwrap(), sent.unwrap()] {
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["code"], "database_unavailable", "{body}");
    }
    assert_eq!(wharf.until_exit().await.code(), Some(1));
    let said = wharf.said();
    assert!(
        said.contains("the database could not be written for"),
        "{said}"
    );
    assert!(!said.contains("the stop took too long"), "{said}");

    lock.release().await;
    wharf.up().await;
    wharf.until_state(&session, "connected").await;
    wharf.until_texts(&session, &["one", "two"]).await;
}

#[tokio::test]
async fn a_database_that_is_locked_at_the_start_refuses_it_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    assert_eq!(wharf.stop().await, Some(0));
    let lock = Lock::take(folder.path()).await;
    wharf.launch();
    assert_eq!(wharf.until_exit().await.code(), Some(1));
    let said = wharf.said();
    assert!(said.contains("is it locked by another process?"), "{said}");
    lock.release().await;
    wharf.up().await;
}
