//! A data folder that cannot be served from: the process says why, ends with 3 and has touched nothing.

use std::path::Path;

use sea_orm::ConnectionTrait as _;
use tempfile::TempDir;

use crate::harness::processes::Wharf;

/// These tests need no WhatsApp: nothing listens there.
const NOWHERE: &str = "ws://127.0.0.1:9/ws/chat";

/// A folder that a service has served from, and the service, stopped.
async fn served() -> (TempDir, Wharf) {
    let folder = tempfile::tempdir().unwrap();
    let mut wharf = Wharf::start(folder.path(), NOWHERE).await;
    assert_eq!(wharf.stop().await, Some(0));
    (folder, wharf)
}

async fn refused(wharf: &mut Wharf, because: &[&str]) {
    let before = wharf.said().len();
    wharf.launch();
    let status = wharf.until_exit().await;
    let said = wharf.said().split_off(before);
    assert_eq!(status.code(), Some(3), "{said}");
    for reason in because {
        assert!(said.contains(reason), "{said}");
    }
    assert!(!said.contains("wharf listens on"), "{said}");
}

fn key_file(folder: &Path) -> std::path::PathBuf {
    folder.join("data/master.key")
}

#[tokio::test]
async fn a_wrong_master_key_refuses_to_start_and_the_right_one_starts_again() {
    let (folder, mut wharf) = served().await;
    let right = std::fs::read(key_file(folder.path())).unwrap();
    std::fs::write(key_file(folder.path()), format!("{}\n", "ab".repeat(32))).unwrap();
    refused(&mut wharf, &["the master key cannot be used"]).await;
    assert!(!wharf.said().contains(&"ab".repeat(32)));

    std::fs::write(key_file(folder.path()), right).unwrap();
    wharf.up().await;
}

#[tokio::test]
async fn a_lost_master_key_is_not_replaced_by_a_new_one() {
    let (folder, mut wharf) = served().await;
    std::fs::remove_file(key_file(folder.path())).unwrap();
    refused(&mut wharf, &["the master key cannot be used", "master.key"]).await;
    assert!(!key_file(folder.path()).exists());
}

#[tokio::test]
async fn a_second_process_on_a_data_folder_is_told_who_holds_it_and_the_first_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Wharf::start(folder.path(), NOWHERE).await;
    let mut second = Wharf::at(folder.path(), NOWHERE);
    let holder = format!("is held by process {}", first.id());
    refused(&mut second, &["data", &holder]).await;
    first.ready().await;
    assert_eq!(first.stop().await, Some(0));
}

#[tokio::test]
async fn a_database_migrated_by_a_newer_version_refuses_to_start() {
    let (folder, mut wharf) = served().await;
    let file = folder.path().join("data/wharf.db");
    let db = wharf::db::connect(&format!("sqlite://{}", file.display()), 1)
        .await
        .unwrap();
    db.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m29990101_000001_later', 0)")
        .await
        .unwrap();
    db.close().await.unwrap();
    let because = [
        "migrated by a newer version of wharf",
        "m29990101_000001_later",
    ];
    refused(&mut wharf, &because).await;
}
