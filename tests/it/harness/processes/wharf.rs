//! The service as a process: started, asked, watched, stopped and started again.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Instant,
};

use serde_json::json;

use super::{DEADLINE, POLL, Process, client, free_port, log_file};

#[path = "wharf/api.rs"]
mod api;

/// The service as a process.
#[derive(Debug)]
pub(crate) struct Wharf {
    folder: PathBuf,
    port: u16,
    program: Vec<OsString>,
    env: Vec<(String, String)>,
    password: String,
    http: reqwest::Client,
    token: String,
    process: Option<Process>,
}

impl Wharf {
    /// The service on `folder`, not running yet.
    pub(crate) fn at(folder: &Path, whatsapp: &str) -> Self {
        let port = free_port();
        let data = folder.join("data").to_str().unwrap().to_owned();
        let env = [
            ("PORT", port.to_string()),
            ("DATA_DIR", data),
            ("WHARF_SANDBOX__URL", whatsapp.to_owned()),
        ];
        Self {
            folder: folder.to_owned(),
            port,
            program: vec![env!("CARGO_BIN_EXE_wharf").into()],
            env: env.map(|(key, value)| (key.to_owned(), value)).into(),
            password: "admin123".to_owned(),
            http: client(),
            token: String::new(),
            process: None,
        }
    }

    /// Starts the service on `folder` and signs in.
    pub(crate) async fn start(folder: &Path, whatsapp: &str) -> Self {
        let mut wharf = Self::at(folder, whatsapp);
        wharf.up().await;
        wharf
    }

    /// Another binary.
    pub(crate) fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = vec![program.into()];
        self
    }

    /// Run by another program, which replaces itself with it.
    pub(crate) fn within(mut self, outer: Vec<OsString>) -> Self {
        self.program.splice(0..0, outer);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// On the port that a text names, once nobody else listens there.
    pub(crate) fn on_port(mut self, port: u16) -> Self {
        let started = Instant::now();
        while std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < DEADLINE,
                "somebody else has port {port}"
            );
            std::thread::sleep(POLL);
        }
        self.port = port;
        self.env("PORT", &port.to_string())
    }

    /// The first administrator's password; the live build has no default.
    pub(crate) fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self.env("ADMIN_PASSWORD", password)
    }

    /// Starts it, waits until it can serve, and signs in.
    pub(crate) async fn up(&mut self) {
        self.launch();
        self.ready().await;
        if self.token.is_empty() {
            self.sign_in().await;
        }
    }

    pub(crate) fn launch(&mut self) {
        let mut command = Command::new(&self.program[0]);
        command
            .args(&self.program[1..])
            .arg("serve")
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdout(log_file(&self.folder, "wharf.log"))
            .stderr(log_file(&self.folder, "wharf.log"));
        self.process = Some(Process::start(&mut command));
    }

    /// Waits until the service says that it can serve.
    pub(crate) async fn ready(&mut self) {
        let started = Instant::now();
        loop {
            let answer = self.http.get(self.url("/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.process.as_mut().and_then(Process::exit);
            assert!(
                started.elapsed() < DEADLINE && ended.is_none(),
                "the service does not start ({ended:?}): {}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    async fn sign_in(&mut self) {
        let body = json!({ "username": "admin", "password": self.password });
        let answer = self.call("POST", "/v1/auth/login", body).await;
        answer["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// SIGKILL and a new start on the same folder.
    pub(crate) async fn kill_and_start(&mut self) {
        self.kill();
        self.launch();
        self.ready().await;
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.process.as_ref().unwrap().terminate();
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn until_exit(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.as_mut().unwrap().exit() {
                return status;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "it runs on: {}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// SIGTERM, and the code that it ends with.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.until_exit().await.code()
    }

    /// Everything that it has said, over all its starts.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("wharf.log")).unwrap_or_default()
    }

    /// Waits until it has said `text`.
    pub(crate) async fn until_said(&self, text: &str) {
        let started = Instant::now();
        while !self.said().contains(text) {
            assert!(
                started.elapsed() < DEADLINE,
                "it does not say {text:?}: {}",
                self.log_tail()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn log_tail(&self) -> String {
        let log = self.said();
        log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}
