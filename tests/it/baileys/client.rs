//! The process of one Baileys client: what it is asked, and what it tells.
//!
//! Judges nothing. A client that does not answer, or that says no where it must not, fails the test with what it wrote
//! to its log.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    harness::{
        app::{DEADLINE, TestApp},
        field::{ALICE, BOB},
    },
    messages::stage::Stage,
};

/// Lines that nobody has read yet; when it is full, the client waits.
const LINES: usize = 1024;
/// So much of its log is shown when it fails.
const LOG_SHOWN: usize = 4000;

/// The session's person, as Baileys names who it writes to.
pub(super) const ALICE_JID: &str = "491700000101@s.whatsapp.net";

pub(super) struct Baileys {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<Value>,
    /// What it told that nobody has waited for yet.
    told: Vec<Value>,
    asked: u64,
    folder: tempfile::TempDir,
}

impl Baileys {
    /// A client that has connected nowhere.
    pub(super) fn start() -> Self {
        let home = std::env::var_os("TEST_BAILEYS").expect(
            "TEST_BAILEYS is not set: `make test` installs Baileys and sets it (scripts/baileys.sh)",
        );
        let folder = tempfile::tempdir().unwrap();
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baileys/driver.mjs");
        let mut child = Command::new("node")
            .arg(driver)
            .env("TEST_BAILEYS", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .expect("node can be started");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = mpsc::channel(LINES);
        // Ends with the client, whose end closes its stdout.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap();
                if tx.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            stdin,
            lines,
            told: Vec::new(),
            asked: 0,
            folder,
        }
    }

    /// A client on the phone of BOB that has scanned its code and is logged in.
    pub(super) async fn linked(stage: &Stage) -> Self {
        let mut client = Self::start();
        client.connect(&stage.app).await;
        let qr = client.shown_qr().await;
        let path = format!("/phones/{BOB}/scan");
        stage.app.control("POST", &path, json!({"qr": qr})).await;
        client.until_open().await;
        client
    }

    /// Connects, and trusts the sandbox.
    pub(super) async fn connect(&mut self, app: &TestApp) {
        let state = app.control("GET", "/state", Value::Null).await;
        let trusted = json!({"url": app.whatsapp_url(), "root_key": state["root_key"]});
        self.ask("connect", trusted).await;
    }

    pub(super) async fn shown_qr(&mut self) -> String {
        let shown = self.hears("connection", |data| data["qr"].is_string());
        shown.await["qr"].as_str().unwrap().to_owned()
    }

    pub(super) async fn until_open(&mut self) {
        self.hears("connection", |data| data["connection"] == "open")
            .await;
    }

    /// Writes; gives the id.
    pub(super) async fn write(&mut self, to: &str, content: Value) -> String {
        let sent = self.ask("send", json!({"to": to, "content": content}));
        sent.await["key"]["id"].as_str().unwrap().to_owned()
    }

    /// Has something done that must go well.
    pub(super) async fn ask(&mut self, verb: &str, mut body: Value) -> Value {
        self.asked += 1;
        body["id"] = json!(self.asked);
        body["do"] = json!(verb);
        writeln!(self.stdin, "{body}").unwrap();
        let began = Instant::now();
        loop {
            let line = self.next(began, verb).await;
            if line["answer"] == self.asked {
                assert!(line["ok"].is_object(), "{verb}: {line}{}", self.log());
                return line["ok"].clone();
            }
            self.told.push(line);
        }
    }

    /// Waits for the first event of this name that `is_so`, and takes it.
    pub(super) async fn hears(&mut self, event: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let wanted = |line: &Value| line["event"] == event && is_so(&line["data"]);
        let began = Instant::now();
        loop {
            if let Some(at) = self.told.iter().position(wanted) {
                return self.told.remove(at)["data"].clone();
            }
            let line = self.next(began, event).await;
            self.told.push(line);
        }
    }

    /// Its decrypted copy of a message.
    pub(super) async fn copy(&mut self, message_id: &str) -> Value {
        self.hears("message", |data| {
            data["key"]["id"] == message_id && data["message"].is_object()
        })
        .await
    }

    async fn next(&mut self, began: Instant, what: &str) -> Value {
        let left = DEADLINE.saturating_sub(began.elapsed());
        let Ok(line) = tokio::time::timeout(left, self.lines.recv()).await else {
            panic!("no {what} in {:#?}{}", self.told, self.log())
        };
        line.unwrap_or_else(|| panic!("Baileys ended before {what}{}", self.log()))
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let from = log.floor_char_boundary(log.len().saturating_sub(LOG_SHOWN));
        format!("\nits log ends with: {}", &log[from..])
    }
}

impl Drop for Baileys {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The chat of the two and the group, as each of the two sides writes to it: ours, and Baileys'.
pub(super) fn chats(stage: &Stage) -> [(String, String); 2] {
    let group = (stage.group.clone(), stage.group.clone());
    [(BOB.to_owned(), ALICE_JID.to_owned()), group]
}

/// Whether its copy of a message says that ALICE wrote it into this chat.
#[track_caller]
pub(super) fn assert_from_alice(copy: &Value, chat: &str, alice_lid: &str) {
    let key = &copy["key"];
    assert_eq!(key["fromMe"], false, "{copy}");
    if chat.ends_with("@g.us") {
        assert_eq!(key["remoteJid"], chat, "{copy}");
        assert_eq!(key["participant"], alice_lid, "{copy}");
    } else {
        assert_eq!(key["remoteJid"], alice_lid, "{copy}");
        assert_eq!(key["remoteJidAlt"], format!("{ALICE}@s.whatsapp.net"));
    }
}
