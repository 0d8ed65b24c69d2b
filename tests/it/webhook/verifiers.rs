//! The official libraries of Rust, Python and Node on our deliveries.
//!
//! What they refuse is a body, a time or a signature that is not ours, and whatever is older than five minutes. The same
//! delivery twice within that time they accept twice, since they remember nothing: a handler tells it by `webhook-id`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use wharf::webhook::signer::Secret;

use super::desk::Desk;
use crate::harness::receiver::{Receiver, Seen};

/// A delivery, and whether a receiver should believe it.
struct Case {
    name: &'static str,
    secret: Secret,
    seen: Seen,
    good: bool,
}

impl Case {
    fn to_json(&self) -> Value {
        let header = |name: &str| self.seen.header(name).to_owned();
        json!({
            "secret": self.secret.reveal().as_str(),
            "body": String::from_utf8(self.seen.body.clone()).unwrap(),
            "headers": {
                "webhook-id": header("webhook-id"),
                "webhook-timestamp": header("webhook-timestamp"),
                "webhook-signature": header("webhook-signature"),
            },
        })
    }
}

async fn cases() -> Vec<Case> {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    let (id, old_secret) = desk.endpoint(&receiver.url()).await;
    let now = wharf::domain::clock::Clock::now_ms(&*desk.clock);
    // Six minutes ago a delivery was sent, and somebody kept it.
    desk.clock.set(now - 6 * 60_000);
    desk.event().await;
    desk.deliver().await;
    desk.clock.set(now);
    let (_, secret) = desk.webhooks.rotate_secret(&desk.ctx, id).await.unwrap();
    desk.event_with(
        desk.session,
        "message",
        |_| json!({"text": {"body": "Grüße 🚢"}}),
    )
    .await;
    desk.deliver().await;
    desk.clock.advance(Duration::from_secs(1));
    let [kept, fresh] = receiver.seen().try_into().unwrap();

    let case = |name, secret: &Secret, seen: &Seen, good| Case {
        name,
        secret: secret.clone(),
        seen: seen.clone(),
        good,
    };
    let mut all = vec![
        case("a delivery", &secret, &fresh, true),
        case(
            "the previous secret during a rotation",
            &old_secret,
            &fresh,
            true,
        ),
        case("the same delivery once more", &secret, &fresh, true),
        case("a late one", &old_secret, &kept, false),
        case(
            "the wrong secret",
            &Secret::from_bytes([7; 32]),
            &fresh,
            false,
        ),
    ];
    let mut tampered = case("a tampered body", &secret, &fresh, false);
    tampered.seen.body.push(b' ');
    all.push(tampered);
    let mut renamed = case("another id", &secret, &fresh, false);
    let stolen = kept.headers["webhook-id"].clone();
    renamed.seen.headers.insert("webhook-id", stolen);
    all.push(renamed);
    let mut replayed = case("a replay with a new time", &old_secret, &kept, false);
    let time = fresh.headers["webhook-timestamp"].clone();
    replayed.seen.headers.insert("webhook-timestamp", time);
    all.push(replayed);
    all
}

fn folder() -> PathBuf {
    let home = std::env::var_os("TEST_VERIFIERS").expect(
        "TEST_VERIFIERS is not set: `make test` installs the libraries and sets it (scripts/verifiers.sh)",
    );
    home.into()
}

/// What `program` says of `cases`.
fn ask(program: &str, script: &str, library: (&str, PathBuf), cases: &[Case]) -> Vec<bool> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers");
    let mut child = Command::new(program)
        .arg(scripts.join(script))
        .env(library.0, library.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    let told: Vec<Value> = cases.iter().map(Case::to_json).collect();
    let told = serde_json::to_vec(&told).unwrap();
    child.stdin.take().unwrap().write_all(&told).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{script} failed: {}", done.status);
    serde_json::from_slice(&done.stdout).unwrap()
}

fn check(cases: &[Case], said: &[bool]) {
    assert_eq!(cases.len(), said.len());
    for (case, said) in cases.iter().zip(said) {
        assert_eq!(*said, case.good, "{}", case.name);
    }
}

#[tokio::test]
async fn the_rust_library_believes_ours_and_refuses_what_was_tampered_with_or_is_late() {
    let cases = cases().await;
    let believes = |case: &Case| {
        let webhook = standardwebhooks::Webhook::new(&case.secret.reveal()).unwrap();
        webhook.verify(&case.seen.body, &case.seen.headers).is_ok()
    };
    check(&cases, &cases.iter().map(believes).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_python_library_believes_ours_and_refuses_what_was_tampered_with_or_is_late() {
    let cases = cases().await;
    let library = ("PYTHONPATH", folder().join("python"));
    check(&cases, &ask("python3", "verify.py", library, &cases));
}

#[tokio::test]
async fn the_node_library_believes_ours_and_refuses_what_was_tampered_with_or_is_late() {
    let cases = cases().await;
    let library = ("NODE_PATH", folder().join("node/node_modules"));
    check(&cases, &ask("node", "verify.cjs", library, &cases));
}
