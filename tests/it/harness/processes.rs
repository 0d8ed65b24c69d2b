//! The real binaries as processes of their own, to be killed.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(25);

/// A port that nobody had a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
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
        // The binaries of a workspace lie next to each other.
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_wharf")).with_file_name("wharf-sandbox");
        let port = free_port();
        let process = Process::start(
            Command::new(binary)
                .args(["--listen", &format!("127.0.0.1:{port}"), "--data"])
                .arg(folder.join("people"))
                .stderr(log_file(folder, "sandbox.log"))
                .stdout(log_file(folder, "sandbox.log")),
        );
        let sandbox = Self {
            url: format!("ws://127.0.0.1:{port}/ws/chat"),
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

    async fn try_call(&self, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.control());
        let mut call = self.http.request(method.parse().unwrap(), url);
        if !body.is_null() {
            call = call.json(&body);
        }
        let answer = call.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.unwrap_or(Value::Null)))
    }

    /// Where its control API is.
    pub(crate) fn control(&self) -> String {
        format!("http://127.0.0.1:{}/sandbox", self.port)
    }

    /// A control call that must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self
            .try_call(method, path, body)
            .await
            .expect("the sandbox answers");
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }
}

pub(crate) fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

/// The service as a process.
#[derive(Debug)]
pub(crate) struct Wharf {
    folder: PathBuf,
    port: u16,
    whatsapp: String,
    http: reqwest::Client,
    pub(crate) token: String,
    settings: Vec<(&'static str, &'static str)>,
    process: Option<Process>,
}

impl Wharf {
    /// Starts the service on `folder` and signs in.
    pub(crate) async fn start(folder: &Path, whatsapp: &str) -> Self {
        Self::start_with(folder, whatsapp, &[]).await
    }

    /// The same with more variables in its environment.
    pub(crate) async fn start_with(
        folder: &Path,
        whatsapp: &str,
        settings: &[(&'static str, &'static str)],
    ) -> Self {
        let mut wharf = Self {
            settings: settings.to_vec(),
            folder: folder.to_owned(),
            port: free_port(),
            whatsapp: whatsapp.to_owned(),
            http: client(),
            token: String::new(),
            process: None,
        };
        wharf.launch();
        wharf.ready().await;
        wharf.sign_in().await;
        wharf
    }

    fn launch(&mut self) {
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .arg("serve")
                .current_dir(&self.folder)
                .env_clear()
                .env("PORT", self.port.to_string())
                .env("DATA_DIR", self.folder.join("data"))
                .env("WHARF_SANDBOX__URL", &self.whatsapp)
                .envs(self.settings.iter().copied())
                .stdout(log_file(&self.folder, "wharf.log"))
                .stderr(log_file(&self.folder, "wharf.log")),
        );
        self.process = Some(process);
    }

    /// Waits until the service says that it can serve.
    pub(crate) async fn ready(&self) {
        let started = Instant::now();
        loop {
            let answer = self.http.get(self.url("/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "the service does not start: {}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("wharf.log")).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }

    async fn sign_in(&mut self) {
        let body = json!({ "username": "admin", "password": "admin123" });
        let answer = self.call("POST", "/v1/auth/login", body).await;
        answer["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    /// SIGKILL and a new start on the same folder.
    pub(crate) async fn kill_and_start(&mut self) {
        self.process.take().unwrap().kill();
        self.launch();
        self.ready().await;
    }

    /// The id of the running process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().0.id()
    }

    /// An address of the service.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A call whose answer may be a refusal, or not come at all.
    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> Option<(u16, Value)> {
        let mut call = self.http.request(method.parse().unwrap(), self.url(path));
        call = call.bearer_auth(&self.token);
        if !body.is_null() {
            call = call.json(&body);
        }
        let answer = call.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.unwrap_or(Value::Null)))
    }

    /// A call that must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self
            .try_call(method, path, body)
            .await
            .expect("the service answers");
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// Waits until a session is in a state.
    pub(crate) async fn until_state(&self, session: &str, state: &str) {
        let started = Instant::now();
        loop {
            let path = format!("/v1/sessions/{session}");
            let seen = self.try_call("GET", &path, Value::Null).await;
            if seen
                .as_ref()
                .is_some_and(|(_, view)| view["state"] == state)
            {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{session} is not {state}: {seen:?}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// A session whose QR code the phone of `number` has scanned.
    pub(crate) async fn pair(&self, sandbox: &SandboxProcess, number: &str) -> String {
        let session = self.call("POST", "/v1/sessions", json!({})).await;
        let id = session["id"].as_str().unwrap().to_owned();
        self.call("POST", &format!("/v1/sessions/{id}/connect"), Value::Null)
            .await;
        let qr = self
            .call(
                "GET",
                &format!("/v1/sessions/{id}/qr?wait_ms=20000"),
                Value::Null,
            )
            .await;
        let scan = json!({ "qr": qr["code"] });
        sandbox
            .call("POST", &format!("/phones/{number}/scan"), scan)
            .await;
        self.until_state(&id, "connected").await;
        id
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
}
