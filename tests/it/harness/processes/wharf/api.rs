//! What is asked of the process over its API, and waited for.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, tungstenite::client::IntoClientRequest as _,
};

use super::{
    super::{DEADLINE, POLL, SandboxProcess, answer, success},
    Wharf,
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Wharf {
    /// A call whose answer may be a refusal, or not come at all.
    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Option<(u16, Value)> {
        let call = self.http.request(method.parse().unwrap(), self.url(path));
        answer(call.bearer_auth(&self.token), body).await
    }

    /// A call that must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let answered = self.try_call(method, path, body).await;
        success(answered, &format!("{method} {path}"))
    }

    /// Waits until a session is in a state.
    pub(crate) async fn until_state(&self, session: &str, state: &str) {
        self.until_shown(session, |view| view["state"] == state)
            .await;
    }

    /// Waits for what the API shows of a session.
    pub(crate) async fn until_shown(&self, session: &str, wanted: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        loop {
            let path = format!("/v1/sessions/{session}");
            let seen = self.try_call("GET", &path, Value::Null).await;
            if seen.as_ref().is_some_and(|(_, view)| wanted(view)) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{session} stays {seen:?}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// A session that was told to connect.
    pub(crate) async fn connect(&self) -> String {
        let session = self.call("POST", "/v1/sessions", json!({})).await;
        let id = session["id"].as_str().unwrap().to_owned();
        self.call("POST", &format!("/v1/sessions/{id}/connect"), Value::Null)
            .await;
        id
    }

    /// The QR code that a session shows.
    pub(crate) async fn qr(&self, session: &str) -> Value {
        let path = format!("/v1/sessions/{session}/qr?wait_ms=20000");
        let qr = self.call("GET", &path, Value::Null).await;
        qr["code"].clone()
    }

    /// A session whose QR code the phone of `number` has scanned.
    pub(crate) async fn pair(&self, sandbox: &SandboxProcess, number: &str) -> String {
        let id = self.connect().await;
        let scan = json!({ "qr": self.qr(&id).await });
        sandbox
            .call("POST", &format!("/phones/{number}/scan"), scan)
            .await;
        self.until_state(&id, "connected").await;
        id
    }

    /// Sends a text; the answer may be a refusal, or not come at all.
    pub(crate) async fn send(&self, session: &str, to: &str, text: &str) -> Option<(u16, Value)> {
        let body = json!({ "to": to, "type": "text", "text": { "body": text } });
        let path = format!("/v1/sessions/{session}/messages");
        self.try_call("POST", &path, body).await
    }

    /// Waits until the log of a session holds exactly these incoming texts, in this order, each once.
    pub(crate) async fn until_texts(&self, session: &str, texts: &[&str]) {
        let started = Instant::now();
        loop {
            let log = self.log(session).await;
            let seen: Vec<&str> = log
                .iter()
                .filter(|event| event["type"] == "message")
                .map(|event| event["data"]["text"]["body"].as_str().unwrap())
                .collect();
            if seen.len() >= texts.len() {
                assert_eq!(seen, texts);
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "only {seen:?}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// The whole log of a session, checked to be without a hole.
    pub(crate) async fn log(&self, session: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let path = format!(
                "/v1/sessions/{session}/events?limit=200&after={}",
                all.len()
            );
            let page = self.call("GET", &path, Value::Null).await;
            let page = page["data"].as_array().unwrap().clone();
            if page.is_empty() {
                return all;
            }
            for event in page {
                assert_eq!(event["seq"], all.len() + 1, "the log has no hole");
                all.push(event);
            }
        }
    }

    /// Opens a live socket.
    pub(crate) async fn socket(&self, path: &str) -> Socket {
        let url = format!("ws://127.0.0.1:{}{path}", self.port());
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", self.token());
        let headers = request.headers_mut();
        headers.insert("authorization", bearer.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        socket
    }

    /// Waits until there are `count` webhooks.
    pub(crate) async fn until_webhooks(&self, count: usize) {
        let started = Instant::now();
        loop {
            let shown = self.call("GET", "/v1/webhooks", Value::Null).await;
            if shown["data"].as_array().unwrap().len() == count {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{shown}");
            tokio::time::sleep(POLL).await;
        }
    }
}
