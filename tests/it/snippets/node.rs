//! Code of a guide as a program: its own lines unchanged, with those that a reader writes below them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::harness::processes::DEADLINE;

/// Lines that nobody has read yet; when it is full, the program waits.
const LINES: usize = 1024;

fn ours(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snippets");
    folder.join(file)
}

fn tools() -> PathBuf {
    let home = std::env::var_os("TEST_SNIPPETS").expect(
        "TEST_SNIPPETS is not set: `make test` installs what the guides run on and sets it (scripts/snippets.sh)",
    );
    home.into()
}

/// A program that runs; it ends when it is dropped.
pub(super) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
    log: PathBuf,
}

impl Running {
    fn start(folder: &Path, command: &mut Command) -> Self {
        let log = folder.join("program.log");
        let mut child = command
            .current_dir(folder)
            .env("TEST_SNIPPETS", tools())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = mpsc::channel(LINES);
        // Ends with the program, whose end closes its stdout.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tx.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
            log,
        }
    }

    /// A block that needs what a page or an application has around it.
    pub(super) fn module(folder: &Path, text: &str, env: &[(&str, &str)]) -> Self {
        let file = folder.join("block.mjs");
        std::fs::write(&file, text).unwrap();
        // An import of a block finds its package from where the block is.
        let modules = folder.join("node_modules");
        if !modules.exists() {
            symlink(tools().join("node/node_modules"), modules).unwrap();
        }
        let mut command = Command::new("node");
        command.arg("--import").arg(ours("reader.mjs")).arg(file);
        Self::start(folder, command.envs(env.iter().copied()))
    }

    /// A page in a browser.
    pub(super) fn page(folder: &Path, text: &str) -> Self {
        let file = folder.join("page.html");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("node");
        Self::start(folder, command.arg(ours("browser.mjs")).arg(file))
    }

    /// Waits until it says a line that begins so, and gives the rest of that.
    pub(super) async fn says(&mut self, beginning: &str) -> String {
        loop {
            let next = tokio::time::timeout(DEADLINE, self.lines.recv()).await;
            let Ok(Some(line)) = next else {
                let log = std::fs::read_to_string(&self.log).unwrap();
                panic!("it does not say {beginning:?}: {:#?}\n{log}", self.heard);
            };
            let rest = line.strip_prefix(beginning).map(str::to_owned);
            self.heard.push(line);
            if let Some(rest) = rest {
                return rest;
            }
        }
    }

    /// What it has said up to what was waited for.
    pub(super) fn heard(&self) -> &[String] {
        &self.heard
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It goes with its stdin, and closes its browser.
        drop(self.child.stdin.take());
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A whole program that a guide prints, run to its end; gives what it says.
pub(super) fn program(folder: &Path, name: &str, text: &str) -> String {
    std::fs::write(folder.join(name), text).unwrap();
    let runner = match name.rsplit_once('.') {
        Some((_, "py")) => "python3",
        _ => "node",
    };
    let output = Command::new(runner)
        .arg(name)
        .current_dir(folder)
        .env("NODE_PATH", tools().join("node/node_modules"))
        .env("PYTHONPATH", tools().join("python"))
        .env_remove("DISPLAY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}\n{complained}");
    said
}

/// The code in a picture.
pub(super) fn code_in(picture: &Path) -> String {
    let output = Command::new("node")
        .arg(ours("qr.mjs"))
        .arg(picture)
        .env("TEST_SNIPPETS", tools())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let code = String::from_utf8(output.stdout).unwrap();
    code.trim_end().to_owned()
}
