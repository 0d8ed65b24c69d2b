//! The clients in `clients/`: each is packed, type-checked from its package, and run against the real binary.
//!
//! What they are built with comes from TEST_CLIENTS (scripts/clients.sh). That their generated parts are those of the
//! description is held by `make lint`.

mod built;
mod webhooks;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use self::built::{Built, Language};
use crate::harness::processes::{DEADLINE, SandboxProcess, Wharf};

const ALICE: &str = "491700000101";
const BOB: &str = "491700000202";

/// A key that may do what the examples do.
async fn key(wharf: &Wharf) -> String {
    let scopes = [
        "sessions:read",
        "sessions:write",
        "messages:read",
        "messages:send",
        "webhooks:manage",
    ];
    let key = json!({"name": "clients", "scopes": scopes});
    let key = wharf.call("POST", "/v1/api-keys", key).await;
    key["key"].as_str().unwrap().to_owned()
}

/// What a program of a client's needs to know.
fn told<'a>(command: &'a mut Command, wharf: &Wharf, key: &str) -> &'a mut Command {
    command
        .env("WHARF_URL", format!("http://127.0.0.1:{}", wharf.port()))
        .env("WHARF_TOKEN", key)
}

async fn end(mut child: Child, what: &str) -> String {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > DEADLINE {
            child.kill().unwrap();
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}\n{complained}");
    said
}

async fn plays_the_quick_start(language: Language) {
    let folder = tempfile::tempdir().unwrap();
    let built = Built::from_its_package(language, folder.path());
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let key = key(&wharf).await;
    let mut program = built.example();
    told(&mut program, &wharf, &key).env("SANDBOX_URL", sandbox.control());
    let said = end(start(&mut program), "the quick start").await;
    for line in [
        "connected as 49170000070",
        "webhook told ship ahoy in ses_",
        "socket told ship ahoy",
        "acknowledged ",
        "listed 2",
        "refused session_not_found",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
}

fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

async fn goes_on_where_it_was(language: Language) {
    let folder = tempfile::tempdir().unwrap();
    let built = Built::from_its_package(language, folder.path());
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let key = key(&wharf).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    sandbox.write(BOB, ALICE, "one").await;
    wharf.until_texts(&session, &["one"]).await;
    let log = folder.path().join("heard");
    let mut program = built.program("follow");
    let program = told(&mut program, &wharf, &key).arg(&session);
    let heard = std::fs::File::create(&log).unwrap();
    let child = program.stdout(heard).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    until_heard(&log, "one").await;

    wharf.kill_and_start().await;
    sandbox.write(BOB, ALICE, "two").await;
    until_heard(&log, "two").await;
    wharf.kill_and_start().await;
    sandbox.write(BOB, ALICE, "enough").await;
    end(child, "follow").await;
    let heard = std::fs::read_to_string(&log).unwrap();
    let heard: Vec<&str> = heard.lines().collect();
    assert_eq!(heard, ["one", "two", "enough"], "each once, in order");
}

async fn until_heard(log: &Path, text: &str) {
    let began = Instant::now();
    loop {
        let heard = std::fs::read_to_string(log).unwrap();
        if heard.lines().any(|line| line == text) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "no {text} in {heard:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_typescript_client_is_packed_and_plays_its_example() {
    plays_the_quick_start(Language::TypeScript).await;
}

#[tokio::test]
async fn the_python_client_is_packed_and_plays_its_example() {
    plays_the_quick_start(Language::Python).await;
}

#[tokio::test]
async fn the_typescript_client_follows_a_session_over_kills_and_hears_each_event_once() {
    goes_on_where_it_was(Language::TypeScript).await;
}

#[tokio::test]
async fn the_python_client_follows_a_session_over_kills_and_hears_each_event_once() {
    goes_on_where_it_was(Language::Python).await;
}

/// Both need every operation, under the names that the generator gives them.
#[test]
fn both_clients_have_every_operation_and_every_schema_of_the_description() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let ts = "clients/typescript/src/generated";
    let py = "clients/python/src/wharf_client/_generated";
    let (ts, ts_models) = (
        read(&format!("{ts}/operations.ts")),
        read(&format!("{ts}/models.ts")),
    );
    let (py, py_models) = (
        read(&format!("{py}/operations.py")),
        read(&format!("{py}/models.py")),
    );
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    for operation in operations {
        let name = operation["operationId"].as_str().unwrap();
        let camel: String = name.split('_').enumerate().map(capitalised).collect();
        assert!(ts.contains(&format!("  {camel}(")), "no {camel}");
        assert_eq!(py.matches(&format!("def {name}(\n")).count(), 2, "{name}");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        let name = name.replace('_', "");
        let is_there = |text: &str, forms: &[String]| forms.iter().any(|form| text.contains(form));
        assert!(
            is_there(&ts_models, &[format!("export type {name} =")]),
            "{name}"
        );
        let forms = [
            format!("class {name}("),
            format!("{name}: t.TypeAlias ="),
            format!("{name} = t.TypedDict("),
        ];
        assert!(is_there(&py_models, &forms), "{name}");
    }
}

fn capitalised((place, part): (usize, &str)) -> String {
    let (first, rest) = part.split_at(1.min(part.len()));
    match place {
        0 => part.to_owned(),
        _ => first.to_uppercase() + rest,
    }
}
