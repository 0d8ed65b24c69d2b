//! The clients of the Wasender service itself, from npm and PyPI: every call they have, against a real process.
//!
//! docs/compat/wasender.md shows the results; WRITE_DOCS=1 writes them anew. A call that cannot go well because the client
//! is wrong is named here with the reason, and has to fail.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::harness::{
    app::phones::{ALICE, BOB, CAROL, PNG},
    processes::{DEADLINE, POLL, SandboxProcess, Wharf, client},
    receiver::Receiver,
};

/// Calls that fail in the client, whatever it is answered.
const BROKEN: [(&str, &str); 1] = [(
    "uploadMediaFile of a form",
    "its `request` gives no body to `fetch` when it is told to leave the body as it is, so that nothing is uploaded",
)];

const PAGE: &str = "docs/compat/wasender.md";
const BEGIN: &str = "<!-- calls: begin -->\n";
const END: &str = "<!-- calls: end -->";

fn tools() -> String {
    std::env::var("TEST_WASENDER").expect("TEST_WASENDER names the clients (scripts/wasender.sh)")
}

struct Stage {
    sandbox: SandboxProcess,
    wharf: Wharf,
    receiver: Receiver,
    session: Value,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = SandboxProcess::start(folder.path()).await;
        let wharf = Wharf::start(folder.path(), &sandbox.url).await;
        let receiver = Receiver::start().await;
        let body = json!({
            "name": "clients", "phone_number": format!("+{ALICE}"), "account_protection": false, "log_messages": true,
            "webhook_url": receiver.url(), "webhook_enabled": true, "webhook_events": ["messages.upsert"],
        });
        let made = wharf.call("POST", "/api/whatsapp-sessions", body).await;
        let session = made["data"].clone();
        let path = format!("/api/whatsapp-sessions/{}", session["id"]);
        let shown = wharf
            .call("POST", &format!("{path}/connect"), json!({}))
            .await;
        let scan = json!({"qr": shown["data"]["qrCode"]});
        sandbox
            .call("POST", &format!("/phones/{ALICE}/scan"), scan)
            .await;
        let started = std::time::Instant::now();
        while wharf
            .call("GET", &format!("{path}/status"), Value::Null)
            .await["status"]
            != "connected"
        {
            assert!(started.elapsed() < DEADLINE, "it is not connected");
            tokio::time::sleep(POLL).await;
        }
        Self {
            sandbox,
            wharf,
            receiver,
            session,
            _folder: folder,
        }
    }

    fn key(&self) -> &str {
        self.session["api_key"].as_str().unwrap()
    }

    /// A call with the key of the session.
    async fn call(&self, path: &str, body: Value) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.wharf.port());
        let call = client().post(url).bearer_auth(self.key()).json(&body);
        let answer = call.send().await.unwrap();
        let status = answer.status();
        let said: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {said}");
        said
    }

    /// The code of an invite into a group of others.
    async fn invite(&self, subject: &str) -> Value {
        let others = json!({"subject": subject, "members": [BOB, CAROL]});
        let group = self.sandbox.call("POST", "/groups", others).await;
        let path = format!("/groups/{}", group["id"].as_str().unwrap());
        self.sandbox.call("GET", &path, Value::Null).await["invite"].clone()
    }

    async fn file(&self, bytes: &[u8], mimetype: &str) -> Value {
        let body = json!({"base64": BASE64_STANDARD.encode(bytes), "mimetype": mimetype});
        self.call("/api/upload", body).await["publicUrl"].clone()
    }

    /// All that the programs have to know.
    async fn told(&self) -> Value {
        let made = self.wharf.call("POST", "/api/auth/pat", json!({})).await;
        let body = json!({"name": "Crew", "participants": [BOB]});
        let group = self.call("/api/groups", body).await["data"]["id"].clone();
        // One for each client: nobody joins twice.
        let (invite, another) = (self.invite("Node").await, self.invite("Python").await);
        let image = json!({"to": ALICE, "image": {"base64": PNG, "mimetype": "image/png"}});
        self.sandbox
            .call("POST", &format!("/phones/{BOB}/messages"), image)
            .await;
        let webhook = self.receiver.has_seen(1).await.remove(0);
        let heard = webhook.json();
        let message = &heard["data"]["messages"][0];
        let film = [b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".as_slice(), &[7; 5000]].concat();
        let opus = [
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead".as_slice(),
            &[7; 5000],
        ]
        .concat();
        let mut sticker = std::io::Cursor::new(Vec::new());
        DynamicImage::new_rgb8(64, 64)
            .write_to(&mut sticker, ImageFormat::WebP)
            .unwrap();
        json!({
            "url": format!("http://127.0.0.1:{}/api", self.wharf.port()),
            "key": self.key(), "token": made["token"], "secret": self.session["webhook_secret"], "id": self.session["id"],
            "to": format!("+{BOB}"), "person": BOB, "third": CAROL,
            "group": group, "invite": invite, "another": another, "base64": PNG,
            "file": self.file(&BASE64_STANDARD.decode(PNG).unwrap(), "image/png").await,
            "video": self.file(&film, "video/mp4").await,
            "audio": self.file(&opus, "audio/ogg").await,
            "sticker": self.file(&sticker.into_inner(), "image/webp").await,
            "media": {"data": {"messages": {"key": message["key"], "message": message["message"]}}},
            "webhook": {
                "body": String::from_utf8(webhook.body.clone()).unwrap(),
                "signature": webhook.header("x-webhook-signature"),
            },
        })
    }
}

/// A call, whether it went well, and what came of it.
type Called = (String, bool, String);

/// What a program says of its calls, in its order.
async fn calls(program: &str, file: &str, stage: &Value) -> Vec<Called> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/wasender")
        .join(file);
    let mut command = Command::new(program);
    command
        .arg(path)
        .env("TEST_WASENDER", tools())
        .env("STAGE", stage.to_string());
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let ran = ran.unwrap().unwrap();
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{file}: {complained}");
    let said = String::from_utf8(ran.stdout).unwrap();
    let lines = said.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("call"), line["ok"] == true, text("said"))
    });
    lines.collect()
}

/// The table of the page.
fn table(all: &[(&str, Vec<Called>)]) -> String {
    let broken: BTreeMap<&str, &str> = BROKEN.into_iter().collect();
    let mut table = String::from("| Client | Call | |\n|---|---|---|\n");
    for (client, calls) in all {
        for (call, ok, _) in calls {
            let result = match broken.get(call.as_str()) {
                Some(why) => format!("fails in the client: {why}"),
                None if *ok => "works".to_owned(),
                None => "fails".to_owned(),
            };
            writeln!(table, "| {client} | `{call}` | {result} |").unwrap();
        }
    }
    table
}

#[tokio::test]
async fn every_call_of_both_clients_goes_well_and_the_page_says_so() {
    let stage = Stage::set().await;
    let told = stage.told().await;
    let node = calls("node", "calls.mjs", &told).await;
    let python = calls("python3", "calls.py", &told).await;
    assert_eq!((node.len(), python.len()), (48, 50));
    for (call, ok, said) in node.iter().chain(&python) {
        let expected = BROKEN.iter().all(|(broken, _)| broken != call);
        assert_eq!(*ok, expected, "{call}: {said}");
    }
    let all = [("npm 0.4.0", node), ("PyPI 0.3.5", python)];
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    let fresh = table(&all);
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&page, format!("{head}{BEGIN}{fresh}{END}{tail}")).unwrap();
    } else {
        assert_eq!(shown, fresh, "run this test with WRITE_DOCS=1");
    }
}
