//! The processes under measurement: Wharf, the sandbox, and children of this program.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::processes::{SandboxProcess, Wharf};

/// No limit may stand in the way of a measurement; the log says what an operator would see.
const SETTINGS: [(&str, &str); 5] = [
    ("WHARF_HTTP__REQUESTS_PER_MINUTE", "100000000"),
    ("WHARF_HTTP__REQUESTS_PER_MINUTE_PER_ADDRESS", "100000000"),
    ("WHARF_HTTP__SOCKETS_PER_TOKEN", "5000"),
    ("WHARF_HTTP__SOCKETS_PER_ADDRESS", "5000"),
    // So that one machine can play many addresses.
    ("WHARF_HTTP__TRUSTED_PROXIES", "127.0.0.1/32"),
];

/// A sandbox and a Wharf, each in a process of its own, and their folder.
pub(crate) struct Rig {
    pub(crate) wharf: Wharf,
    pub(crate) sandbox: SandboxProcess,
    folder: TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings that differ from those of the others.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = SandboxProcess::start(folder.path()).await;
        let wharf = wharf(folder.path(), &sandbox.url, settings).await;
        Self {
            wharf,
            sandbox,
            folder,
        }
    }

    /// The address of the database that it writes.
    pub(crate) fn database(&self) -> String {
        let file = self.folder.path().join("data/wharf.db");
        format!("sqlite://{}", file.display())
    }
}

async fn wharf(folder: &Path, whatsapp: &str, settings: &[(&str, &str)]) -> Wharf {
    let mut wharf = Wharf::at(folder, whatsapp);
    for &(key, value) in SETTINGS.iter().chain(settings) {
        wharf = wharf.env(key, value);
    }
    wharf.up().await;
    wharf
}

/// Lets everything that a change has set off come to rest.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

/// The resident memory of a process in bytes, without what it shares as files.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap();
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap();
    kib * 1024.0
}

/// This program again, in another part: it is told things by line, and answers each by one line.
pub(crate) struct Part {
    child: Child,
    said: ChildStdin,
    heard: BufReader<ChildStdout>,
}

impl Part {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            said: child.stdin.take().unwrap(),
            heard: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = self.heard.read_line(&mut line).unwrap();
        assert!(read > 0, "a part of the benchmark has ended");
        line.trim().to_owned()
    }

    /// Says a line and waits for the answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.said, "{line}").unwrap();
        self.hear()
    }
}

/// In a part: the lines that it is told.
pub(crate) fn told() -> mpsc::Receiver<String> {
    let (say, said) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            say.blocking_send(line.unwrap()).unwrap();
        }
    });
    said
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
