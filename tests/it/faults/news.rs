//! News of groups, people and calls: what is not written is not confirmed, so a kill loses none.

use std::time::Duration;

use serde_json::{Value, json};

use super::locked::Lock;
use crate::harness::{
    app::phones::until,
    field::{ALICE, BOB},
    processes::{SandboxProcess, Wharf},
};

/// How many stanzas WhatsApp keeps for Alice's device.
async fn kept(sandbox: &SandboxProcess) -> Value {
    let state = sandbox.call("GET", "/state", Value::Null).await;
    let mut phones = state["phones"].as_array().unwrap().iter();
    let alice = phones.find(|phone| phone["number"] == ALICE).unwrap();
    alice["devices"][0]["queued"].clone()
}

/// The events of a kind in the log.
async fn logged(wharf: &Wharf, session: &str, kind: &str) -> Vec<Value> {
    let mut log = wharf.log(session).await;
    log.retain(|event| event["type"] == kind);
    log.iter().map(|event| event["data"].clone()).collect()
}

#[tokio::test]
async fn news_that_are_not_written_are_not_confirmed_and_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let crew = json!({"subject": "Crew", "members": [BOB, ALICE]});
    let group = sandbox.call("POST", "/groups", crew).await;
    let group = group["id"].as_str().unwrap();
    let confirmed = |kept: &Value| *kept == 0;
    until(async || kept(&sandbox).await, confirmed).await;

    let lock = Lock::take(folder.path()).await;
    let subject = json!({"subject": "Boats"});
    let path = format!("/groups/{group}");
    sandbox.call("PATCH", &path, subject).await;
    let path = format!("/phones/{BOB}/call");
    sandbox.call("POST", &path, json!({"to": ALICE})).await;
    let early = until(async || kept(&sandbox).await, confirmed);
    let early = tokio::time::timeout(Duration::from_millis(700), early).await;
    assert!(early.is_err(), "nothing is confirmed that is not written");
    wharf.kill();
    lock.release().await;
    wharf.up().await;
    wharf.until_state(&session, "connected").await;

    let renamed = async || {
        let mut updates = logged(&wharf, &session, "group.update").await;
        updates.retain(|update| update["changes"]["subject"] == "Boats");
        json!(updates.len())
    };
    until(renamed, |renamed| *renamed == 1).await;
    let calls = async || json!(logged(&wharf, &session, "call").await.len());
    until(calls, |calls| *calls != 0).await;
    until(async || kept(&sandbox).await, confirmed).await;
    assert_eq!(renamed().await, 1, "told once");
}

#[tokio::test]
async fn news_that_wait_for_the_database_are_told_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let lock = Lock::take(folder.path()).await;
    let path = format!("/phones/{BOB}/call");
    sandbox.call("POST", &path, json!({"to": ALICE})).await;
    lock.release().await;
    let calls = async || json!(logged(&wharf, &session, "call").await.len());
    until(calls, |calls| *calls == 1).await;
    let confirmed = |kept: &Value| *kept == 0;
    until(async || kept(&sandbox).await, confirmed).await;
}
