//! WhatsApp that is not there yet.

use crate::harness::{
    field::{ALICE, BOB},
    processes::{SandboxProcess, Wharf, free_port},
};

#[tokio::test]
async fn a_whatsapp_that_is_down_at_the_start_is_told_and_found_once_it_comes_up() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let wharf = Wharf::start(folder.path(), &SandboxProcess::url_at(port)).await;
    let session = wharf.connect().await;
    wharf
        .until_shown(&session, |view| {
            view["state"] == "degraded" && view["reason"] == "unreachable"
        })
        .await;
    let log = wharf.log(&session).await;
    assert_eq!(log.last().unwrap()["type"], "degraded");
    assert_eq!(log.last().unwrap()["data"]["reason"], "unreachable");

    let sandbox = SandboxProcess::start_at(folder.path(), port).await;
    wharf.until_state(&session, "need_scan").await;
    let scan = serde_json::json!({ "qr": wharf.qr(&session).await });
    sandbox
        .call("POST", &format!("/phones/{ALICE}/scan"), scan)
        .await;
    wharf.until_state(&session, "connected").await;
    sandbox.write(BOB, ALICE, "up again?").await;
    wharf.until_texts(&session, &["up again?"]).await;
}
