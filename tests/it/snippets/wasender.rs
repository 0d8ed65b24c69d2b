//! The guide of the Wasender SDK: its TypeScript, bundled as it is printed and run in Node.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::document::blocks;
use crate::harness::processes::{SandboxProcess, Wharf};

/// What the guide leaves to whoever reads it: its last line, uncommented.
const COMMENTED: &str = "// runAllSessionExamples(); // Uncomment to run the orchestrated examples";

/// Where scripts/wasender.sh has put the clients.
fn tools() -> String {
    std::env::var("TEST_WASENDER").expect("TEST_WASENDER names the clients (scripts/wasender.sh)")
}

/// The program of the guide, with what a reader adds below it.
fn bundle(folder: &Path, more: &str) -> std::path::PathBuf {
    let code: Vec<String> = blocks("000.md")
        .into_iter()
        .filter(|block| block.language == "typescript")
        .map(|block| block.text)
        .collect();
    assert_eq!(code.len(), 11);
    let code = code.join("\n");
    assert!(code.contains(COMMENTED));
    let (source, bundled) = (folder.join("guide.ts"), folder.join("guide.mjs"));
    std::fs::write(&source, format!("{code}\n{more}\n")).unwrap();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasender/sdk");
    let modules = format!("{}/node/node_modules", tools());
    let built = Command::new(format!("{modules}/.bin/esbuild"))
        .arg(&source)
        .args(["--bundle", "--platform=node", "--format=esm"])
        .arg(format!("--alias:path-to-your-sdk={}", sdk.display()))
        .arg("--external:dotenv")
        .arg(format!("--outfile={}", bundled.display()))
        .env("NODE_PATH", &modules)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    bundled
}

async fn run(program: std::path::PathBuf, wharf: &Wharf, token: &str) -> (String, String) {
    let mut node = Command::new("node");
    node.arg(program).env("WASENDER_API_KEY", token).env(
        "WASENDER_BASE_URL",
        format!("http://127.0.0.1:{}/api", wharf.port()),
    );
    let ran = tokio::task::spawn_blocking(move || node.output()).await;
    let ran = ran.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complained) = (text(&ran.stdout), text(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{complained}");
    (said, complained)
}

#[tokio::test]
async fn the_guide_of_the_sdk_runs_as_printed_twice_in_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let made = wharf.call("POST", "/api/auth/pat", json!({})).await;
    let token = made["token"].as_str().unwrap();
    let guide = bundle(folder.path(), "runAllSessionExamples();");
    for round in 0..2 {
        let (said, complained) = run(guide.clone(), &wharf, token).await;
        assert!(!complained.contains("rror"), "{complained}");
        for line in [
            format!("Sessions retrieved: {round} sessions found."),
            "--- All Session Examples (selected) Completed ---".to_owned(),
            "QR Code".to_owned(),
        ] {
            assert!(said.contains(&line), "no {line:?} in {said}");
        }
        let shown = wharf
            .call("GET", "/api/whatsapp-sessions", Value::Null)
            .await;
        let made = shown["data"].as_array().unwrap();
        assert_eq!(made.len(), round + 1);
    }
    // What the guide warns of, on the session that it finds first.
    let last = "fetchAllSessions().then(() => regenerateKeyForSession(activeTestSessionId!)).then(() => deleteSpecificSession(activeTestSessionId!));";
    let (said, _) = run(bundle(folder.path(), last), &wharf, token).await;
    assert!(said.contains("API Key regenerated successfully"), "{said}");
    assert!(
        said.contains("Response data (should be null): null"),
        "{said}"
    );
    let shown = wharf
        .call("GET", "/api/whatsapp-sessions", Value::Null)
        .await;
    assert_eq!(shown["data"].as_array().unwrap().len(), 1);
}
