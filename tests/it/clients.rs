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
const CAROL: &str = "491700000303";

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

    /// The numbers that were told of `session` are those of its log between the first and the last, each once.
    async fn has_told_the_log_of(&self, wharf: &Wharf, session: &str) {
        let told = self.lines();
        let told = told.iter().filter(|line| line["session"] == session);
        let told: Vec<i64> = told.filter_map(|line| line["seq"].as_i64()).collect();
        let log = wharf.log(session).await;
        let log = log.iter().filter_map(|event| event["seq"].as_i64());
        let between = told[0]..=told[told.len() - 1];
        let log: Vec<i64> = log.filter(|seq| between.contains(seq)).collect();
        assert_eq!(told, log, "each once, in order, none left out");
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
    tail.has_told_the_log_of(&wharf, &session).await;
    tail.stop().await;
}

#[tokio::test]
async fn tail_follows_all_sessions_and_goes_on_where_each_was_although_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let alices = wharf.pair(&sandbox, ALICE).await;
    let carols = wharf.pair(&sandbox, CAROL).await;
    let gone = wharf.call("POST", "/v1/sessions", json!({})).await;
    let tail = Running::start(&wharf, folder.path(), &["tail", "--json"]).await;
    tail.until("greeting", |line| line["type"] == "hello").await;
    for (phone, text) in [(ALICE, "one"), (CAROL, "two")] {
        sandbox.write(BOB, phone, text).await;
        tail.until(text, |line| body(line) == Some(text)).await;
    }

    let gone = gone["id"].as_str().unwrap();
    wharf
        .call("DELETE", &format!("/v1/sessions/{gone}"), Value::Null)
        .await;
    wharf.kill_and_start().await;
    for (phone, text) in [(ALICE, "three"), (CAROL, "four")] {
        sandbox.write(BOB, phone, text).await;
        tail.until(text, |line| body(line) == Some(text)).await;
    }
    for session in [&alices, &carols] {
        tail.has_told_the_log_of(&wharf, session).await;
    }
    tail.stop().await;
}
