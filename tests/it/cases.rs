//! Cases that Schemathesis makes up from the description of the API, against a process with a linked session.
//!
//! What is asked of each answer: it is no server error, and its status, content type and body are as described.
//! CASES says how many there are, CASES_SEED repeats those of an earlier run. tests/schemathesis/hooks.py says which ids
//! they are aimed at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::harness::{
    app::phones::JPEG,
    processes::{SandboxProcess, Wharf},
};

const ALICE: &str = "491700000101";
const BOB: &str = "491700000202";
const PASSWORD: &str = "correct horse battery";

/// What is wanted of each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// How many cases, unless CASES says so.
const FEW: u32 = 1_000;

fn home() -> PathBuf {
    let home = std::env::var_os("TEST_SCHEMATHESIS").expect(
        "TEST_SCHEMATHESIS is not set: `make test` installs it and sets this (scripts/schemathesis.sh)",
    );
    home.into()
}

fn number(name: &str) -> Option<u32> {
    let given = std::env::var(name).ok()?;
    Some(given.parse().unwrap_or_else(|_| panic!("{name}={given}")))
}

fn id(made: &Value) -> Value {
    made["id"].clone()
}

/// One of everything that a path can name, and a spare one of what some operations end.
async fn fixture(wharf: &Wharf, sandbox: &SandboxProcess) -> Value {
    let session = wharf.pair(sandbox, ALICE).await;
    let path = |rest: &str| format!("/v1/sessions/{session}/{rest}");
    let make = async |path: &str, body: Value| wharf.call("POST", path, body).await;
    let spare_session = make("/v1/sessions", json!({})).await;
    let spare = json!({"username": "spare", "password": PASSWORD});
    let user = make("/v1/users", spare.clone()).await;
    let signed_in = make("/v1/auth/login", spare).await;
    let member = |name: &str| json!({"username": name, "password": PASSWORD, "role": "member"});
    let spare_member = make("/v1/members", member("spare-member")).await;
    let member = make("/v1/members", member("member")).await;
    let key = json!({"name": "spare", "scopes": ["sessions:read"]});
    let key = make("/v1/api-keys", key).await;
    // Nobody listens there: what is due stays, and is tried again.
    let hook = json!({"url": "http://127.0.0.1:9/"});
    let webhook = make("/v1/webhooks", hook.clone()).await;
    let spare_webhook = make("/v1/webhooks", hook).await;
    let group = json!({"subject": "cases", "participants": [BOB]});
    let group = make(&path("groups"), group).await;
    let community = json!({"subject": "cases"});
    let spare_community = make(&path("communities"), community.clone()).await;
    let community = make(&path("communities"), community).await;
    let text = json!({"to": BOB, "type": "text", "text": {"body": "a case"}});
    let message = make(&path("messages"), text).await;
    let image = json!({"base64": JPEG, "mimetype": "image/jpeg"});
    let media = make(&path("media"), image).await;
    let deliveries = format!(
        "/v1/webhooks/{}/deliveries",
        webhook["id"].as_str().unwrap()
    );
    let deliveries = wharf.call("GET", &deliveries, Value::Null).await;
    json!({
        "token": wharf.token(),
        "spare_token": signed_in["access_token"],
        "real": {
            "session": session,
            "spare_session": id(&spare_session),
            "user": wharf.call("GET", "/v1/me", Value::Null).await["id"],
            "spare_user": id(&user),
            "member": id(&member),
            "spare_member": id(&spare_member),
            "api_key": id(&key),
            "webhook": id(&webhook),
            "spare_webhook": id(&spare_webhook),
            "delivery": id(&deliveries["data"][0]),
            "group": id(&group),
            "community": id(&community),
            "spare_community": id(&spare_community),
            "message_id": message["message_id"],
            "media_id": id(&media),
            "chat": BOB,
            "contact": BOB,
            "participant": BOB,
        },
    })
}

/// How many cases Schemathesis says it has made up.
fn made_up(said: &str) -> Option<u32> {
    let (_, summary) = said.split_once("Test cases:")?;
    summary.split_whitespace().next()?.parse().ok()
}

fn schemathesis(wharf: &Wharf, folder: &Path, (cases, seed): (u32, u32)) -> (bool, String) {
    let described = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json"));
    let described: Value = serde_json::from_str(&described.unwrap()).unwrap();
    let paths = described["paths"].as_object().unwrap().values();
    let operations: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    // Some take nothing, and are asked once: the others make up for them.
    let each = cases.div_ceil(u32::try_from(operations).unwrap()) * 8 / 7 + 1;
    let home = home().join("python");
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let python_path = std::env::join_paths([&home, &hooks]).unwrap();
    let ran = Command::new("python3")
        .arg(home.join("bin/schemathesis"))
        .arg("run")
        .arg(format!("http://127.0.0.1:{}/openapi.json", wharf.port()))
        .args(["--phases", "fuzzing", "--checks", CHECKS, "--no-color"])
        .args(["--generation-database", "none", "--continue-on-failure"])
        .args(["--generation-with-security-parameters", "false"])
        // How fast this machine makes cases up says nothing of the service.
        .args(["--suppress-health-check", "too_slow"])
        .args(["--max-examples", &each.to_string()])
        .args(["--seed", &seed.to_string()])
        .env("PYTHONPATH", python_path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("CASES_FIXTURE", folder.join("fixture.json"))
        .current_dir(folder)
        .output()
        .expect("python3 can be started");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), format!("{said}{errors}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_description_allows_is_answered_as_it_says() {
    let cases = number("CASES").unwrap_or(FEW);
    let seed = number("CASES_SEED").unwrap_or_else(|| rand::random::<u32>() >> 1);
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::at(folder.path(), &sandbox.url)
        .env("WHARF_HTTP__REQUESTS_PER_MINUTE", "1000000")
        .env("WHARF_HTTP__REQUESTS_PER_MINUTE_PER_ADDRESS", "1000000");
    wharf.up().await;
    let fixture = fixture(&wharf, &sandbox).await;
    fs::write(folder.path().join("fixture.json"), fixture.to_string()).unwrap();

    let (well, said) = schemathesis(&wharf, folder.path(), (cases, seed));
    assert!(
        well,
        "{said}\nCASES={cases} CASES_SEED={seed} repeats this run"
    );
    let made_up = made_up(&said).unwrap_or_else(|| panic!("{said}"));
    assert!(made_up >= cases, "{made_up} cases:\n{said}");
    // The cases met a session that could do what they asked for until the end.
    let session = fixture["real"]["session"].as_str().unwrap();
    wharf.until_state(session, "connected").await;
}
