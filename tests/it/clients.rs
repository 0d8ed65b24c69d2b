//! `wharf listen` and `wharf tail`, as processes beside a service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::{Value, json};

use crate::harness::{
    processes::{DEADLINE, Process, SandboxProcess, Wharf},
    receiver::{Receiver, Reply},
};

const ALICE: &str = "491700000101";
const BOB: &str = "491700000202";

/// A command that writes to a file.
struct Running {
    process: Process,
    said: PathBuf,
}

impl Running {
    async fn start(wharf: &Wharf, folder: &Path, args: &[&str]) -> Self {
        let key = json!({ "name": "terminal", "scopes": ["sessions:read", "webhooks:manage"] });
        let key = wharf.call("POST", "/v1/api-keys", key).await;
        let said = folder.join("said");
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command
            .args(args)
            .args(["--url", &format!("http://127.0.0.1:{}", wharf.port())])
            .env("WHARF_API_KEY", key["key"].as_str().unwrap())
            .current_dir(folder)
            .stdout(fs::File::create(&said).unwrap());
        Self {
            process: Process::start(&mut command),
            said,
        }
    }

    fn lines(&self) -> Vec<Value> {
        let said = fs::read_to_string(&self.said).unwrap();
        let lines = said.lines().map(serde_json::from_str);
        // The last may be half-written.
        lines.map_while(Result::ok).collect()
    }

    /// Waits until a line is as `wanted`.
    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let lines = self.lines();
            if let Some(line) = lines.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            assert!(began.elapsed() < DEADLINE, "no {what} in {lines:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn stop(mut self) {
        self.process.terminate();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.process.exit() {
                break status;
            }
            assert!(began.elapsed() < DEADLINE, "it does not end");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert!(status.success(), "{status}");
    }
}

fn body(line: &Value) -> Option<&str> {
    line.pointer("/body/data/text/body")
        .or_else(|| line.pointer("/data/text/body"))?
        .as_str()
}

#[tokio::test]
async fn listen_verifies_hands_on_answers_for_the_program_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    wharf.pair(&sandbox, ALICE).await;
    let program = Receiver::start().await.answering([Reply::Status(500)]);
    let args = ["listen", "--json", "--types", "message", "--forward-to"];
    let url = program.url();
    let listen = Running::start(&wharf, folder.path(), &[&args[..], &[&url]].concat()).await;
    wharf.until_webhooks(1).await;

    sandbox.write(BOB, ALICE, "ship ahoy").await;
    let first = listen
        .until("delivery", |line| body(line) == Some("ship ahoy"))
        .await;
    assert_eq!(first["answered"], 500, "what the program answered");
    let again = listen.until("retry", |line| line["answered"] == 200).await;
    assert_eq!(again["id"], first["id"]);
    let seen = program.has_seen(2).await;
    assert_eq!(seen[1].header("webhook-id"), first["id"]);
    assert!(seen[1].header("webhook-signature").starts_with("v1,"));

    listen.stop().await;
    wharf.until_webhooks(0).await;
}

#[tokio::test]
async fn tail_follows_one_session_and_goes_on_where_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let tail = Running::start(&wharf, folder.path(), &["tail", &session, "--json"]).await;
    tail.until("greeting", |line| line["type"] == "hello").await;
    sandbox.write(BOB, ALICE, "one").await;
    tail.until("first", |line| body(line) == Some("one")).await;

    wharf.kill_and_start().await;
    sandbox.write(BOB, ALICE, "two").await;
    tail.until("second", |line| body(line) == Some("two")).await;
    let mut seqs: Vec<i64> = tail
        .lines()
        .iter()
        .filter_map(|line| line["seq"].as_i64())
        .collect();
    let log = wharf.log(&session).await;
    let first = seqs[0];
    let expected: Vec<i64> = log
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .filter(|seq| *seq >= first && seqs.last().is_some_and(|last| seq <= last))
        .collect();
    seqs.dedup();
    assert_eq!(seqs, expected, "each once, in order, none left out");
    tail.stop().await;
}
