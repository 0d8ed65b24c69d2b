//! What was acknowledged is kept, what was not comes again, whoever dies in between.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use wacore::types::events::InboundMessage;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use wharf_sandbox::Config;
use whatsapp_rust::{Client, InboundDurabilityHook};

use crate::harness::{ALICE, BOB, Companion, Field, Remote};

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

fn to(number: &str) -> Jid {
    format!("{number}@s.whatsapp.net").parse().unwrap()
}

/// A store that cannot be written until it is mended.
#[derive(Clone, Default)]
struct Disk {
    mended: Arc<AtomicBool>,
}

#[whatsapp_rust::async_trait]
impl InboundDurabilityHook for Disk {
    async fn on_messages(&self, _: Arc<Client>, _: &[InboundMessage]) -> anyhow::Result<()> {
        if self.mended.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(anyhow::anyhow!("the disk is full"))
    }
}

#[tokio::test]
async fn what_a_device_did_not_acknowledge_comes_again_in_order() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let store = desk.shutdown().await;
    let url = field.sandbox.ws_url();
    let storage = Disk::default();
    let desk = Companion::start_with_hook(&url, store, storage.clone()).await;
    desk.connected().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(field.says(BOB, ALICE, &format!("number {n}")).await);
    }
    // Nothing could be stored, so nothing is acknowledged.
    let store = desk.shutdown().await;
    field
        .until(ALICE, 1, |d| d["connected"] == false && d["queued"] == 5)
        .await;

    storage.mended.store(true, Ordering::SeqCst);
    let desk = Companion::start_with_hook(&url, store, storage).await;
    assert_eq!(desk.message_ids(sent.len()).await, sent);
    field.until(ALICE, 1, |d| d["queued"] == 0).await;
}

#[tokio::test]
async fn a_sandbox_started_again_knows_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let data = Some(dir.path().to_owned());
    let field = Field::start_with(Config {
        data: data.clone(),
        ..Config::default()
    })
    .await;
    let root = field.get("/state").await["root_key"].clone();
    let desk = field.pair(ALICE).await;
    let first = field.says(BOB, ALICE, "before").await;
    desk.text(&first).await;
    let listen = field.sandbox.addr();
    field.sandbox.stop().await;

    let field = Field::start_with(Config {
        data,
        listen,
        ..Config::default()
    })
    .await;
    assert_eq!(field.get("/state").await["root_key"], root);
    // Written while the client is still away or just back: either way it arrives, in the old session.
    let second = field.says(BOB, ALICE, "after").await;
    assert_eq!(desk.text(&second).await, "after");
    desk.client()
        .send_message(to(BOB), text("and back"))
        .await
        .unwrap();
    field.phone_sees(BOB, |e| e["text"] == "and back").await;
    let log = field.get(&format!("/phones/{BOB}/messages")).await;
    assert_eq!(log["data"].as_array().unwrap().len(), 3);
}

/// The binary in a process of its own.
struct Process(Child);

impl Process {
    async fn start(listen: &str, data: &std::path::Path) -> (Self, Remote) {
        let child = Command::new(env!("CARGO_BIN_EXE_wharf-sandbox"))
            .args(["--listen", listen, "--data"])
            .arg(data)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let remote = Remote(listen.parse().unwrap());
        remote.up().await;
        (Self(child), remote)
    }

    /// SIGKILL, and reaped: the address and the data folder are free.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already dead when the test killed it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_sigkill_loses_no_message_and_no_link() {
    let dir = tempfile::tempdir().unwrap();
    // A free port that stays ours by habit: nobody else here binds explicit ports.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let (mut process, remote) = Process::start(&listen, dir.path()).await;
    let desk = Companion::start(&format!("ws://{listen}/ws/chat")).await;
    let qr = desk.qr().await;
    remote
        .post(&format!("/phones/{ALICE}/scan"), json!({ "qr": qr }))
        .await;
    desk.connected().await;

    let mut sent = Vec::new();
    for round in 0..3 {
        for n in 0..4 {
            sent.push(remote.says(BOB, ALICE, &format!("{round}.{n}")).await);
        }
        process.kill();
        (process, _) = Process::start(&listen, dir.path()).await;
    }
    sent.push(remote.says(BOB, ALICE, "end").await);
    for id in &sent {
        desk.message(id).await;
    }
    let state = remote.get("/state").await;
    assert_eq!(state["counters"]["counter_reuse"], 0);
    let log = remote.get(&format!("/phones/{BOB}/messages")).await;
    let kept: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["message_id"])
        .collect();
    assert_eq!(kept, sent.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_seed_makes_the_same_world() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let field = Field::start_with(Config {
            seed: Some(7),
            ..Config::default()
        })
        .await;
        let phone = field.post("/phones", json!({ "number": ALICE })).await;
        worlds.push((
            field.get("/state").await["root_key"].clone(),
            phone["lid"].clone(),
        ));
    }
    assert_eq!(worlds[0], worlds[1]);
    let other = Field::start_with(Config {
        seed: Some(8),
        ..Config::default()
    })
    .await;
    assert_ne!(other.get("/state").await["root_key"], worlds[0].0);
}
