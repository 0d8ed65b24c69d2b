//! The live build does not talk to a server that cannot prove to be WhatsApp.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::processes::{SandboxProcess, Wharf};

/// The live build; `scripts/test.sh` builds it.
fn binary() -> PathBuf {
    let path = std::env::var_os("TEST_LIVE_BINARY").expect(
        "TEST_LIVE_BINARY must name a live build (`cargo build --bin wharf`), as scripts/test.sh does",
    );
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{} is no file", path.display());
    path
}

#[tokio::test]
async fn the_live_build_refuses_the_sandbox_and_says_so_in_its_log_and_in_the_sessions_state() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::at(folder.path(), &sandbox.url)
        .program(binary())
        .password("correct horse battery");
    wharf.up().await;
    let info = wharf.call("GET", "/v1/info", Value::Null).await;
    assert_eq!(info["build"], "live");

    let session = wharf.connect().await;
    wharf
        .until_shown(&session, |view| view["reason"] == "server_not_trusted")
        .await;
    // Each further try is logged by the library: it goes on trying, and is refused again.
    wharf
        .until_said("the server could not prove that it is WhatsApp")
        .await;
    wharf
        .until_said("Server certificate verification failed")
        .await;
    let view = wharf
        .call("GET", &format!("/v1/sessions/{session}"), Value::Null)
        .await;
    assert_eq!(view["state"], "degraded");
    assert_eq!(view["connected"], false);
    let log = wharf.log(&session).await;
    let kinds: Vec<&str> = log.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["degraded"], "no QR code was ever shown");
    assert_eq!(log[0]["data"]["reason"], "server_not_trusted");
    let state = sandbox.call("GET", "/state", Value::Null).await;
    let linked = state["phones"].as_array().unwrap();
    assert!(
        linked
            .iter()
            .all(|phone| phone["devices"].as_array().unwrap().is_empty()),
        "{state}"
    );
    assert_eq!(wharf.stop().await, Some(0));
}
