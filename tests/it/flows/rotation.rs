//! Secrets of the service that are changed: nobody who was let in is shut out, and nothing that was sealed is lost.

use serde_json::{Value, json};

use crate::harness::{
    processes::{SandboxProcess, Wharf},
    receiver::Receiver,
};

const ALICE: &str = "491700000101";
const BOB: &str = "491700000202";

/// 64 hexadecimal digits, the same for the same letter.
fn key(letter: &str) -> String {
    letter.repeat(64)
}

#[tokio::test]
async fn a_master_key_is_changed_without_a_new_pairing_and_the_old_one_can_go() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let receiver = Receiver::start().await;
    let at =
        |own: &str| Wharf::at(folder.path(), &sandbox.url).env("WHARF_AUTH__MASTER_KEY", &key(own));
    let mut wharf = at("a");
    wharf.up().await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let hook = json!({"url": receiver.url(), "types": ["message"], "headers": {"x-own": "kept"}});
    wharf.call("POST", "/v1/webhooks", hook).await;
    let listed = wharf
        .call("GET", "/api/whatsapp-sessions", Value::Null)
        .await;
    let shown = listed["data"][0]["api_key"].clone();
    sandbox.write(BOB, ALICE, "one").await;
    wharf.until_texts(&session, &["one"]).await;
    assert_eq!(receiver.has_seen(1).await[0].header("x-own"), "kept");
    wharf.stop().await;

    let mut wharf = at("b").env("WHARF_AUTH__OTHER_MASTER_KEY", &key("a"));
    wharf.up().await;
    wharf
        .until_said("nothing is sealed with auth.other_master_key any more")
        .await;
    wharf.until_state(&session, "connected").await;
    sandbox.write(BOB, ALICE, "two").await;
    wharf.until_texts(&session, &["one", "two"]).await;
    wharf.stop().await;

    // Without the old key, as if there had been no other.
    let mut wharf = at("b");
    wharf.up().await;
    wharf.until_state(&session, "connected").await;
    sandbox.write(BOB, ALICE, "three").await;
    wharf.until_texts(&session, &["one", "two", "three"]).await;
    let seen = receiver.has_seen(3).await;
    assert_eq!(seen[2].header("x-own"), "kept");
    let listed = wharf
        .call("GET", "/api/whatsapp-sessions", Value::Null)
        .await;
    assert_eq!(listed["data"][0]["api_key"], shown);
    wharf.stop().await;

    let mut late = at("a");
    late.launch();
    assert!(
        !late.until_exit().await.success(),
        "the old key opens nothing any more"
    );
}

#[tokio::test]
async fn a_token_signed_with_the_secret_before_is_taken_until_that_secret_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let at = |secret: &str| {
        Wharf::at(folder.path(), "ws://127.0.0.1:9/ws/chat").env("JWT_SECRET", secret)
    };
    let mut wharf = at(&one);
    wharf.up().await;
    let token = wharf.token().to_owned();
    wharf.stop().await;

    let status = async |wharf: &Wharf| {
        let url = format!("http://127.0.0.1:{}/v1/sessions", wharf.port());
        let call = crate::harness::processes::client()
            .get(url)
            .bearer_auth(&token);
        call.send().await.unwrap().status().as_u16()
    };
    let mut wharf = at(&two).env("WHARF_AUTH__PREVIOUS_JWT_SECRET", &one);
    wharf.up().await;
    assert_eq!(status(&wharf).await, 200);
    wharf.stop().await;

    let mut wharf = at(&two);
    wharf.up().await;
    assert_eq!(status(&wharf).await, 401);
}
