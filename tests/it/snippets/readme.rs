//! The steps of our own README, from the sign-in to a verified webhook.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use serde_json::Value;

use super::document::cut;
use crate::harness::processes::{DEADLINE, POLL, Wharf, free_port};

/// The shell with all that it leaves in the background.
struct Shell(Child);

impl Shell {
    fn run(text: &str, said: &Path) -> Self {
        let mut bash = Command::new("bash");
        bash.args(["-c", text])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(File::create(said).unwrap());
        Self(bash.spawn().unwrap())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -{}", self.0.id());
        drop(Command::new("bash").args(["-c", &kill]).status());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn the_steps_of_the_readme_end_in_a_verified_webhook_and_an_answer() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let blocks = cut(&std::fs::read_to_string(readme).unwrap());
    let steps = blocks
        .iter()
        .find(|block| block.text.contains("# 1. Sign in."));
    let folder = tempfile::tempdir().unwrap();
    // With the sandbox within, as `make run` has it.
    let wharf = Wharf::start(folder.path(), "").await;
    // The ports of the text may be somebody's.
    let text = steps
        .unwrap()
        .text
        .replace("http://localhost:8080", &wharf.url(""));
    let text = text.replace("9000", &free_port().to_string());
    let said = folder.path().join("said");
    let shell = Shell::run(&text, &said);

    let started = Instant::now();
    let told = |line: &str| {
        let (judged, event) = line.split_once(' ')?;
        let event: Value = serde_json::from_str(event).ok()?;
        Some((judged.to_owned(), event))
    };
    let is_ahoy = |event: &Value| event["data"]["text"]["body"] == "Ahoy";
    loop {
        let lines = std::fs::read_to_string(&said).unwrap();
        // An answer of curl has no line of its own.
        let events = lines
            .lines()
            .filter_map(|line| told(&line[line.find("verified ").unwrap_or(0)..]));
        let events: Vec<(String, Value)> = events.collect();
        if let Some((judged, event)) = events.iter().find(|(_, event)| is_ahoy(event)) {
            assert_eq!(
                (judged.as_str(), &event["type"]),
                ("verified", &Value::from("message"))
            );
            break;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "no webhook: {lines}\n{}",
            wharf.said()
        );
        tokio::time::sleep(POLL).await;
    }
    loop {
        let got = wharf
            .call("GET", "/sandbox/phones/4915100000002/messages", Value::Null)
            .await;
        if got.to_string().contains("Ahoy yourself") {
            break;
        }
        assert!(started.elapsed() < DEADLINE, "no answer: {got}");
        tokio::time::sleep(POLL).await;
    }
    drop(shell);
}
