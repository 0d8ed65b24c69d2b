//! A sandbox, people, and clients, as the tests see them.

mod companion;
mod control;
pub(crate) mod http;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) use companion::Companion;
use serde_json::{Value, json};
use wharf_sandbox::{Config, Sandbox};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// How often a condition behind the control API is looked at.
const POLL: Duration = Duration::from_millis(20);

pub(crate) const ALICE: &str = "491700000101";
pub(crate) const BOB: &str = "491700000202";

/// A running sandbox.
pub(crate) struct Field {
    pub(crate) sandbox: Sandbox,
}

impl Field {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config {
            seed: Some(1),
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        Self {
            sandbox: Sandbox::start(config).await.unwrap(),
        }
    }

    fn remote(&self) -> Remote {
        Remote(self.sandbox.addr())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.remote().get(path).await
    }

    /// A control call that must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.remote().post(path, body).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.remote().call(method, path, body).await
    }

    /// A client that has been linked to this person's account by QR and is connected.
    pub(crate) async fn pair(&self, number: &str) -> Companion {
        let client = Companion::start(&self.sandbox.ws_url()).await;
        let qr = client.qr().await;
        self.post(&format!("/phones/{number}/scan"), json!({ "qr": qr }))
            .await;
        client.connected().await;
        client
    }

    /// The row of one device in the state.
    pub(crate) async fn device(&self, number: &str, device: u64) -> Option<Value> {
        let state = self.get("/state").await;
        let phone = state["phones"]
            .as_array()?
            .iter()
            .find(|p| p["number"] == number)?
            .clone();
        phone["devices"]
            .as_array()?
            .iter()
            .find(|d| d["device"] == device)
            .cloned()
    }

    /// Waits until the row of a device satisfies something.
    pub(crate) async fn until(&self, number: &str, device: u64, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let row = self.device(number, device).await.unwrap_or(Value::Null);
            if holds(&row) {
                return;
            }
            assert!(Instant::now() < end, "not in time: {row}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// A person writes a text; returns the message id.
    pub(crate) async fn says(&self, from: &str, to: &str, text: &str) -> String {
        self.remote().says(from, to, text).await
    }

    /// Waits until an entry of the phone's log satisfies something.
    pub(crate) async fn phone_sees(&self, number: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let log = self.get(&format!("/phones/{number}/messages")).await;
            let entries = log["data"].as_array().unwrap();
            if let Some(found) = entries.iter().find(|entry| holds(entry)) {
                return found.clone();
            }
            assert!(Instant::now() < end, "not in time: {log}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The control API of a sandbox, wherever it runs.
#[derive(Clone, Copy)]
pub(crate) struct Remote(pub(crate) SocketAddr);

impl Remote {
    pub(crate) async fn get(self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A control call that must succeed.
    pub(crate) async fn post(self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", path, Some(body)).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn call(self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        control::call(self.0, method, &format!("/sandbox{path}"), body).await
    }

    pub(crate) async fn says(self, from: &str, to: &str, text: &str) -> String {
        let body = json!({ "to": to, "text": text });
        let sent = self.post(&format!("/phones/{from}/messages"), body).await;
        sent["message_id"].as_str().unwrap().to_owned()
    }

    /// Waits until somebody listens.
    pub(crate) async fn up(self) {
        let end = Instant::now() + DEADLINE;
        while tokio::net::TcpStream::connect(self.0).await.is_err() {
            assert!(Instant::now() < end, "nobody listens");
            tokio::time::sleep(POLL).await;
        }
    }
}
