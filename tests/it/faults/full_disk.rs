//! A disk with no space left.
//!
//! The service runs on a small disk in memory, in a mount namespace of its own: only a real file system says
//! `ENOSPC` (a limit on the size of files says `EFBIG`, which SQLite takes for a broken disk; a limit on the pages of
//! the database would leave out the log and the secrets). It needs root or user namespaces, and nothing stays behind
//! when a test is killed.

use std::{
    ffi::OsString,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};

use crate::harness::{
    field::{ALICE, BOB},
    processes::{DEADLINE, Process, SandboxProcess, Wharf},
};

/// A disk that only the service sees, as its data folder.
struct SmallDisk {
    holder: Process,
    folder: PathBuf,
    rootless: bool,
}

impl SmallDisk {
    async fn at(folder: &Path) -> Self {
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        let rootless = !is_root();
        let mut command = Command::new("unshare");
        if rootless {
            command.args(["--user", "--map-root-user"]);
        }
        let mount =
            "mount -t tmpfs -o size=8m wharf \"$0\" && touch \"$0/mounted\" && exec sleep 3600";
        command.args(["--mount", "sh", "-c", mount]).arg(&data);
        let mut disk = Self {
            holder: Process::start(&mut command),
            folder: data,
            rootless,
        };
        let started = Instant::now();
        while !disk.inside("mounted").exists() {
            let ended = disk.holder.exit();
            assert!(
                ended.is_none() && started.elapsed() < DEADLINE,
                "a small disk needs root or user namespaces: {ended:?}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        disk
    }

    /// What runs a program where the disk is mounted.
    fn enter(&self) -> Vec<OsString> {
        let target = format!("--target={}", self.holder.id());
        let mut outer: Vec<OsString> = vec!["nsenter".into(), target.into(), "--mount".into()];
        if self.rootless {
            outer.extend(["--user".into(), "--preserve-credentials".into()]);
        }
        outer
    }

    /// A file on the disk, seen from here.
    fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap()).join(name)
    }

    /// Leaves no byte.
    fn fill(&self) {
        let mut ballast = File::create(self.inside("ballast")).unwrap();
        for size in [4096, 1] {
            while ballast.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.inside("ballast")).unwrap();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.unwrap().stdout.trim_ascii() == b"0"
}

/// A service on a small disk, with a session that is linked.
async fn linked(folder: &Path) -> (SandboxProcess, SmallDisk, Wharf, String) {
    let sandbox = SandboxProcess::start(folder).await;
    let disk = SmallDisk::at(folder).await;
    let mut wharf = Wharf::at(folder, &sandbox.url).within(disk.enter());
    wharf.up().await;
    let session = wharf.pair(&sandbox, ALICE).await;
    (sandbox, disk, wharf, session)
}

async fn refused(wharf: &Wharf, session: &str) {
    let made = wharf.try_call("POST", "/v1/sessions", json!({})).await;
    let sent = wharf.send(session, BOB, "out").await;
    for (status, body) in [made.unwrap(), sent.unwrap()] {
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["code"], "database_unavailable", "{body}");
    }
}

#[tokio::test]
async fn what_comes_while_the_disk_is_full_is_refused_and_arrives_once_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, disk, mut wharf, session) = linked(folder.path()).await;
    disk.fill();
    refused(&wharf, &session).await;
    sandbox.write(BOB, ALICE, "one").await;
    sandbox.write(BOB, ALICE, "two").await;
    wharf.until_said("suppressing acks for redelivery").await;
    assert!(
        wharf.said().contains("database or disk is full"),
        "{}",
        wharf.said()
    );

    disk.free();
    // Nothing may hold on to the write lock, nor to a ratchet that is ahead of what is stored.
    wharf.until_texts(&session, &["one", "two"]).await;
    wharf.until_state(&session, "connected").await;
    let log = wharf.log(&session).await;
    let told = log.iter().filter(|event| event["type"] == "degraded");
    let reasons: Vec<&Value> = told.map(|event| &event["data"]["reason"]).collect();
    assert_eq!(reasons, ["store_failed"]);
    let (status, body) = wharf.send(&session, BOB, "out").await.unwrap();
    assert_eq!(status, 202, "{body}");
    wharf.call("POST", "/v1/sessions", json!({})).await;
    assert_eq!(wharf.stop().await, Some(0));
}

#[tokio::test]
async fn a_disk_that_stays_full_ends_the_process_which_says_so_and_has_lost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, disk, mut wharf, session) = linked(folder.path()).await;
    sandbox.write(BOB, ALICE, "before").await;
    wharf.until_texts(&session, &["before"]).await;
    disk.fill();
    refused(&wharf, &session).await;
    sandbox.write(BOB, ALICE, "one").await;
    sandbox.write(BOB, ALICE, "two").await;
    assert_eq!(wharf.until_exit().await.code(), Some(1));
    let said = wharf.said();
    assert!(said.contains("database or disk is full"), "{said}");
    assert!(
        said.contains("the database could not be written for"),
        "{said}"
    );
    assert!(!said.contains("the stop took too long"), "{said}");

    disk.free();
    wharf.up().await;
    wharf.until_state(&session, "connected").await;
    wharf.until_texts(&session, &["before", "one", "two"]).await;
}

#[tokio::test]
async fn a_transaction_that_found_the_disk_full_leaves_no_lock_behind() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("wharf.db").display());
    let db = wharf::db::connect(&url, 1).await.unwrap();
    db.execute_unprepared("CREATE TABLE box (content BLOB)")
        .await
        .unwrap();
    let tx = wharf::db::begin(&db).await.unwrap();
    tx.execute_unprepared("PRAGMA max_page_count = 8")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let tx = wharf::db::begin(&db).await.unwrap();
    let full = tx
        .execute_unprepared("INSERT INTO box VALUES (zeroblob(1000000))")
        .await;
    assert!(full.unwrap_err().to_string().contains("full"));
    drop(tx);

    // SQLite has ended that transaction by itself. The next ones must be whole ones all the same.
    for _ in 0..3 {
        let tx = wharf::db::begin(&db).await.unwrap();
        tx.execute_unprepared("INSERT INTO box VALUES (1)")
            .await
            .unwrap();
        drop(tx);
    }
    let other = wharf::db::connect(&url, 1).await.unwrap();
    other
        .execute_unprepared("PRAGMA busy_timeout = 1000")
        .await
        .unwrap();
    let tx = other.begin().await.unwrap();
    tx.execute_unprepared("INSERT INTO box VALUES (2)")
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
