//! The two guides of the WhatsApp Multi-Session API: their commands in a real shell, their code in what it is written for.

mod code;
mod functions;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    document::{Block, blocks},
    shell::{Step, run, run_with, steps},
};
use crate::harness::{
    http_client,
    processes::{DEADLINE, POLL, SandboxProcess, Wharf},
};

/// The port that both guides name; one of them at a time has it.
const PORT: u16 = 8080;
static TAKEN: Mutex<()> = Mutex::const_new(());

/// The numbers that the guides name.
const SENDER: &str = "6282260790996";
const FRIEND: &str = "6281381393739";
const NEW_FRIEND: &str = "628987654321";
const OWN: &str = "6281234567890";

struct Stage {
    folder: tempfile::TempDir,
    sandbox: SandboxProcess,
    wharf: Wharf,
}

impl Stage {
    async fn set(password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = SandboxProcess::start(folder.path()).await;
        let mut wharf = Wharf::at(folder.path(), &sandbox.url)
            .on_port(PORT)
            .password(password);
        wharf.up().await;
        Self {
            folder,
            sandbox,
            wharf,
        }
    }

    /// The phone of `number` scans what the session shows.
    async fn link(&self, session: &str, number: &str) {
        let path = format!("/api/sessions/{session}");
        let shown = self
            .wharf
            .call("GET", &format!("{path}/qr"), Value::Null)
            .await;
        self.scan(number, shown["data"]["qr"].as_str().unwrap())
            .await;
        self.until_logged_in(session).await;
    }

    /// The phone of `number` scans a code.
    async fn scan(&self, number: &str, code: &str) {
        let path = format!("/phones/{number}/scan");
        self.sandbox.call("POST", &path, json!({"qr": code})).await;
    }

    async fn until_logged_in(&self, session: &str) {
        let path = format!("/api/sessions/{session}");
        let started = std::time::Instant::now();
        while self.wharf.call("GET", &path, Value::Null).await["logged_in"] != true {
            assert!(started.elapsed() < DEADLINE, "{session} is not logged in");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the phone of `number` has got `text` so often.
    async fn until_got(&self, number: &str, text: &str, times: usize) {
        let started = std::time::Instant::now();
        let path = format!("/phones/{number}/messages");
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

fn of_language(guide: &str, language: &str) -> Vec<Block> {
    let all = blocks(guide).into_iter();
    all.filter(|block| block.language == language).collect()
}

/// What a reader puts where the guide says so.
#[derive(Default)]
struct Reader {
    tokens: Vec<String>,
    sessions: Vec<String>,
}

impl Reader {
    fn fill(&self, command: &str) -> String {
        let token = |at: usize| self.tokens.get(at).map_or("", String::as_str);
        let session = |at: usize| self.sessions.get(at).map_or("", String::as_str);
        command
            .replace("YOUR_TOKEN", token(0))
            .replace("TOKEN1", token(1))
            .replace("TOKEN2", token(2))
            .replace("SESSION_ID_1", session(0))
            .replace("SESSION_ID_2", session(1))
    }
}

/// Every field that is printed is in what was got, with a value of its type.
#[track_caller]
fn has_fields(printed: &Value, got: &Value) {
    match printed {
        Value::Object(fields) => {
            for (name, value) in fields {
                let got = got
                    .get(name)
                    .unwrap_or_else(|| panic!("no {name} in {got}"));
                has_fields(value, got);
            }
        }
        Value::Array(items) => {
            for got in got.as_array().unwrap() {
                has_fields(&items[0], got);
            }
        }
        Value::String(_) => assert!(got.is_string(), "{got}"),
        Value::Number(_) => assert!(got.is_number(), "{got}"),
        Value::Bool(_) => assert!(got.is_boolean(), "{got}"),
        Value::Null => {}
    }
}

#[tokio::test]
async fn the_commands_of_the_complete_guide_run_as_printed_twice_in_a_row() {
    let _port = TAKEN.lock().await;
    let stage = Stage::set("admin").await;
    let second = json!({"username": "user2", "password": "password2"});
    stage.wharf.call("POST", "/v1/users", second).await;
    stage
        .wharf
        .call("POST", "/api/sessions", json!({"phone": "1234567890"}))
        .await;
    stage.link("1234567890", SENDER).await;
    let group = json!({"subject": "Family Group", "participants": [FRIEND]});
    stage
        .wharf
        .call("POST", "/v1/sessions/1234567890/groups", group)
        .await;

    let shell = of_language("003.md", "bash").into_iter();
    let guide: Vec<Step> = shell.flat_map(|block| steps(&block.text)).collect();
    let calls: Vec<&Step> = guide
        .iter()
        .filter(|step| step.command.starts_with("curl "))
        .collect();
    assert_eq!(calls.len(), 15, "{guide:#?}");
    let printed: Vec<Value> = of_language("003.md", "json")
        .iter()
        .map(|block| serde_json::from_str(&block.text).unwrap())
        .collect();
    for round in 1..=2 {
        let mut reader = Reader::default();
        for step in &calls {
            let command = reader.fill(&step.command);
            let said = run(&command, stage.folder.path());
            let got: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(got["success"], true, "{command}{got}");
            if command.contains("/api/login") {
                reader
                    .tokens
                    .push(got["token"].as_str().unwrap().to_owned());
                has_fields(&printed[0], &got);
            } else if command.contains("/check-number ") {
                assert_eq!(got["on_whatsapp"], true);
                assert_eq!(got["number"], FRIEND);
            } else if command.contains("/groups ") {
                has_fields(&printed[2], &got);
                assert_eq!(got["count"], 1);
            } else if command.contains("/api/sessions \\") {
                reader.sessions.push(got["id"].as_str().unwrap().to_owned());
            } else if command.contains("/webhook ") {
                assert_eq!(got["webhook_url"], "https://myapp.com/webhook");
            }
        }
        assert_eq!((reader.tokens.len(), reader.sessions.len()), (3, 4));
        for text in ["Hello from specific session!", "Hello from selected phone!"] {
            stage.until_got(FRIEND, text, round).await;
        }
    }
}

#[tokio::test]
async fn the_names_of_the_environment_that_the_complete_guide_sets_are_taken() {
    let exports = of_language("003.md", "bash").into_iter();
    let exports = exports.filter(|block| block.text.starts_with("export "));
    let exports: Vec<Block> = exports.collect();
    assert_eq!(exports.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_wharf");
    let script = format!("{}exec {binary} config check\n", exports[0].text);
    let said = run(&script, folder.path());
    for line in [
        "port = 8080",
        "kind = \"mysql\"",
        "name = \"whatsapp_sessions\"",
    ] {
        assert!(said.contains(line), "no {line} in {said}");
    }
}

#[tokio::test]
async fn the_quick_start_of_the_code_guide_runs_as_printed_twice_in_a_row() {
    let _port = TAKEN.lock().await;
    let stage = Stage::set("admin123").await;
    let shell = of_language("004.md", "bash");
    let [quick, list, send] = &shell[..] else {
        panic!("{shell:#?}");
    };
    for round in 1..=2 {
        // `open` is for another system, as the guide says; what the reader has then is kept for the blocks that follow.
        let script = format!(
            "{}printf '%s\\n' \"$TOKEN\" \"$SESSION_ID\" >variables\n",
            quick.text
        );
        drop(std::fs::remove_file(
            stage.folder.path().join("qr-code.png"),
        ));
        let said = run(&script, stage.folder.path());
        assert!(said.contains("QR Code saved to qr-code.png"), "{said}");
        let kept = std::fs::read_to_string(stage.folder.path().join("variables")).unwrap();
        let (token, session) = kept.trim_end().split_once('\n').unwrap();
        assert_eq!(session, OWN);
        let picture = std::fs::read(stage.folder.path().join("qr-code.png")).unwrap();
        assert_eq!(picture, picture_of(token).await, "the picture is the code");
        stage.link(OWN, OWN).await;
        let env = [("TOKEN", token), ("SESSION_ID", session)];
        let said = run_with(&list.text, stage.folder.path(), &env);
        let listed: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            listed,
            json!({"id": OWN, "connected": true, "logged_in": true})
        );
        let said = run_with(&send.text, stage.folder.path(), &env);
        let sent: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(sent["success"], true, "{sent}");
        stage.until_got(NEW_FRIEND, "Hello from API!", round).await;
        // The next reader begins anew.
        let path = format!("/api/sessions/{OWN}/logout");
        stage.wharf.call("POST", &path, Value::Null).await;
        let shown = stage.wharf.call("GET", "/api/sessions", Value::Null).await;
        assert_eq!(shown["count"], 1, "no run made a second session");
    }
}

/// What the API shows as the picture of the code that is valid now.
async fn picture_of(token: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let url = format!("http://localhost:{PORT}/api/sessions/{OWN}/qr");
    let call = http_client().build().unwrap().get(url).bearer_auth(token);
    let shown: Value = call.send().await.unwrap().json().await.unwrap();
    let image = shown["data"]["qr_code"].as_str().unwrap();
    let encoded = image.strip_prefix("data:image/png;base64,").unwrap();
    STANDARD.decode(encoded).unwrap()
}
