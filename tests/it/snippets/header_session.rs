//! The session usage guide of the X-Session-Id service.

use serde_json::{Map, Value, json};

use super::{
    document::{Block, blocks},
    shell::{Step, run, steps},
};
use crate::harness::{
    http_client,
    processes::{DEADLINE, POLL, SandboxProcess, Wharf},
};

const GUIDE: &str = "001.md";
/// The port that the guide names.
const PORT: u16 = 3000;
const TOKEN: &str = "3cd81b90a5c7-the-token-of-the-guide";
/// To whom the guide writes.
const FRIEND: &str = "5511999887766";

/// The sessions that the guide takes for linked, and their phones.
const PHONES: [(&str, &str); 3] = [
    ("my-session", "5511900000101"),
    ("sales", "5511900000202"),
    ("support", "5511900000303"),
];

struct Stage {
    folder: tempfile::TempDir,
    sandbox: SandboxProcess,
    http: reqwest::Client,
    _wharf: Wharf,
}

impl Stage {
    async fn set(volume: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = SandboxProcess::start(folder.path()).await;
        let data = folder.path().join(volume.trim_start_matches('/'));
        let mut wharf = Wharf::at(folder.path(), &sandbox.url)
            .on_port(PORT)
            .env("DATA_DIR", data.to_str().unwrap())
            .env("AUTH_TOKEN", TOKEN)
            .env("WHARF_HEADER_SESSION__OPEN", "true");
        wharf.up().await;
        Self {
            folder,
            sandbox,
            http: http_client().build().unwrap(),
            _wharf: wharf,
        }
    }

    async fn ask(&self, path: &str, session: &str) -> Value {
        let url = format!("http://localhost:{PORT}{path}");
        let call = self.http.get(url).bearer_auth(TOKEN);
        let answer = call.header("X-Session-Id", session).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The phone of a session scans what is shown, and it becomes ready.
    async fn scan(&self, session: &str, shown: &Value) {
        let (_, number) = PHONES.iter().find(|(id, _)| *id == session).unwrap();
        let scan = json!({"qr": shown["qrRaw"]});
        let path = format!("/phones/{number}/scan");
        self.sandbox.call("POST", &path, scan).await;
        let started = std::time::Instant::now();
        while self.ask("/status", session).await["status"] != "ready" {
            assert!(started.elapsed() < DEADLINE, "{session} is not ready");
            tokio::time::sleep(POLL).await;
        }
    }

    fn run(&self, step: &Step) -> Value {
        let command = step.command.replace("YOUR_TOKEN", TOKEN);
        let said = run(&command, self.folder.path());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command}{said}: {error}"))
    }

    /// Waits until the friend has got `text` so often.
    async fn until_got(&self, text: &str, times: usize) {
        let started = std::time::Instant::now();
        let path = format!("/phones/{FRIEND}/messages");
        loop {
            let got = self.sandbox.call("GET", &path, Value::Null).await;
            if got.to_string().matches(text).count() >= times {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{text:?} is not in {got}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Whether `got` is what is printed: every field that is printed, with its value where the value is no example.
#[track_caller]
fn is_like(printed: &Value, got: &Value) {
    for (name, value) in printed.as_object().unwrap() {
        let got = &got[name];
        match (name.as_str(), value) {
            ("qr", _) => assert!(
                got.as_str()
                    .unwrap()
                    .starts_with("data:image/png;base64,iVBOR")
            ),
            ("connectedAt", _) => {
                let time = got.as_str().unwrap();
                assert_eq!((time.len(), &time[23..]), (24, "Z"), "{time}");
            }
            (_, Value::Number(_)) => assert!(got.is_u64(), "{name}: {got}"),
            (_, Value::Object(fields)) => {
                let names =
                    |fields: &Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(got.as_object().unwrap()), names(fields));
                is_like(value, got);
            }
            _ => assert_eq!(got, value, "{name}"),
        }
    }
}

/// The folder that the guide mounts its volume at.
fn volume(blocks: &[Block]) -> String {
    let compose = blocks
        .iter()
        .find(|block| block.language == "yaml")
        .unwrap();
    let mount = compose
        .text
        .lines()
        .find(|line| line.contains(":/"))
        .unwrap();
    mount.split_once(':').unwrap().1.trim().to_owned()
}

#[tokio::test]
async fn the_session_usage_guide_runs_as_printed_twice_in_a_row() {
    let blocks = blocks(GUIDE);
    let stage = Stage::set(&volume(&blocks)).await;
    for session in ["sales", "support"] {
        let shown = stage.ask("/qr", session).await;
        stage.scan(session, &shown).await;
    }
    let waiting = stage.ask("/qr", "not-ready").await;
    assert_eq!(waiting["status"], "waiting_qr");

    let shell = blocks.iter().filter(|block| block.language == "bash");
    let guide: Vec<Step> = shell.flat_map(|block| steps(&block.text)).collect();
    assert_eq!(guide.len(), 9, "{guide:#?}");
    for round in 1..=2 {
        let mut told = 0;
        for step in &guide {
            let got = stage.run(step);
            let asks = |path: &str, session: &str| {
                let url = format!("localhost:{PORT}{path}");
                step.command.contains(&url) && step.command.contains(session)
            };
            if asks("/qr", "my-session") && got["status"] == "waiting_qr" {
                assert_eq!(round, 1, "{got}");
                stage.scan("my-session", &got).await;
            } else if asks("/qr", "my-session") {
                assert_eq!(got["status"], "ready", "{got}");
            } else if asks("/send", "not-ready") {
                assert_eq!(got, step.answers[0]);
                told += 1;
            } else if asks("/send", "") {
                assert_eq!(
                    (&got["success"], &got["to"]),
                    (&json!(true), &json!(FRIEND))
                );
            } else if asks("/status", "sales") {
                is_like(&step.answers[0], &got);
                assert_eq!(got["messageCount"], round, "{got}");
                assert_eq!(stage.ask("/status", "new-session").await, step.answers[1]);
                told += 2;
            } else if asks("/qr", "not-ready") {
                assert_eq!(got["status"], "waiting_qr");
            } else {
                is_like(&step.answers[0], &got);
                told += 1;
            }
        }
        let printed: usize = guide.iter().map(|step| step.answers.len()).sum();
        assert_eq!(told, printed, "every printed answer was held against ours");
        for text in [
            "Hello from WhatsApp!",
            "Hello from Sales!",
            "Hello from Support!",
        ] {
            stage.until_got(text, round).await;
        }
    }
}
