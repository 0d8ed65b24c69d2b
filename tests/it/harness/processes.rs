//! The real binaries as processes of their own, to be stopped and killed.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde_json::Value;

// By its path, because the benchmarks include this file too.
#[path = "processes/wharf.rs"]
mod wharf;

pub(crate) use wharf::Wharf;

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// A port that stays free until the process it is for listens there: no other test of this program is given it, and
/// the system gives none of this range to a connection.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = std::process::id() * 131 + NEXT.fetch_add(1, Relaxed);
        let port = 11_000 + u16::try_from(turn % 9_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A child that does not outlive the test.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM: the ordered stop.
    pub(crate) fn terminate(&self) {
        // A shell can always do it; `kill` as a program is not everywhere.
        let kill = format!("kill -TERM {}", self.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it has ended, once it has.
    pub(crate) fn exit(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn log_file(folder: &Path, name: &str) -> Stdio {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(name));
    file.unwrap().into()
}

/// The stand-alone sandbox.
#[derive(Debug)]
pub(crate) struct SandboxProcess {
    pub(crate) url: String,
    port: u16,
    http: reqwest::Client,
    _process: Process,
}

impl SandboxProcess {
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_at(folder, free_port()).await
    }

    /// On a port that somebody was told already.
    pub(crate) async fn start_at(folder: &Path, port: u16) -> Self {
        // The binaries of a workspace lie next to each other.
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_wharf")).with_file_name("wharf-sandbox");
        let process = Process::start(
            Command::new(binary)
                .args(["--listen", &format!("127.0.0.1:{port}"), "--data"])
                .arg(folder.join("people"))
                .stderr(log_file(folder, "sandbox.log"))
                .stdout(log_file(folder, "sandbox.log")),
        );
        let sandbox = Self {
            url: Self::url_at(port),
            port,
            http: client(),
            _process: process,
        };
        let started = Instant::now();
        while sandbox
            .try_call("GET", "/state", Value::Null)
            .await
            .is_none()
        {
            assert!(started.elapsed() < DEADLINE, "the sandbox does not start");
            tokio::time::sleep(POLL).await;
        }
        sandbox
    }

    /// The WhatsApp socket of a sandbox on `port`.
    pub(crate) fn url_at(port: u16) -> String {
        format!("ws://127.0.0.1:{port}/ws/chat")
    }

    /// The person behind `from` writes to the person behind `to`.
    pub(crate) async fn write(&self, from: &str, to: &str, text: &str) {
        let body = serde_json::json!({ "to": to, "text": text });
        self.call("POST", &format!("/phones/{from}/messages"), body)
            .await;
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.control());
        answer(self.http.request(method.parse().unwrap(), url), body).await
    }

    /// Where its control API is.
    pub(crate) fn control(&self) -> String {
        format!("http://127.0.0.1:{}/sandbox", self.port)
    }

    /// A control call that must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let answered = self.try_call(method, path, body).await;
        success(answered, &format!("{method} {path}"))
    }
}

/// The status and the body of what is answered, if anything is.
async fn answer(mut call: reqwest::RequestBuilder, body: Value) -> Option<(u16, Value)> {
    if !body.is_null() {
        call = call.json(&body);
    }
    let answer = call.send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().await.unwrap_or(Value::Null)))
}

/// The body of what must be answered, and well.
fn success(answered: Option<(u16, Value)>, call: &str) -> Value {
    let (status, body) = answered.unwrap_or_else(|| panic!("{call}: no answer"));
    assert!((200..300).contains(&status), "{call}: {status} {body}");
    body
}

pub(crate) fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}
