//! A block of shell that mixes commands with the answers that they get.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// One command, and the answers that are printed below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) answers: Vec<Value>,
}

/// Cuts a block into its commands. A command goes on behind a backslash and within quotes; an answer stands between
/// braces of their own.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut piece = format!("{line}\n");
        if line == "{" {
            for line in lines.by_ref() {
                piece.push_str(line);
                if line == "}" {
                    break;
                }
            }
            let answer = serde_json::from_str(&piece).unwrap();
            found.last_mut().unwrap().answers.push(answer);
            continue;
        }
        while goes_on(&piece) {
            let Some(line) = lines.next() else { break };
            piece.push_str(line);
            piece.push('\n');
        }
        found.push(Step {
            command: piece,
            answers: Vec::new(),
        });
    }
    found
}

fn goes_on(piece: &str) -> bool {
    piece.ends_with("\\\n") || piece.matches('\'').count() % 2 == 1
}

/// Runs it with the real shell in `folder`, and gives what it says.
pub(super) fn run(command: &str, folder: &Path) -> String {
    run_with(command, folder, &[])
}

/// The same, with variables.
pub(super) fn run_with(command: &str, folder: &Path, env: &[(&str, &str)]) -> String {
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(folder)
        .env("HOME", folder)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}{said}\n{complained}");
    said
}

#[test]
fn a_command_goes_on_behind_a_backslash_and_within_quotes() {
    let steps = steps(
        "# a\ncurl -d '{\n  \"a\": 1\n}' x\n\nls \\\n  # more\n\n# answer\n{\n  \"b\": 2\n}\n",
    );
    let commands: Vec<&str> = steps.iter().map(|step| &*step.command).collect();
    assert_eq!(
        commands,
        ["curl -d '{\n  \"a\": 1\n}' x\n", "ls \\\n  # more\n"]
    );
    assert_eq!(steps[1].answers, [serde_json::json!({"b": 2})]);
}
