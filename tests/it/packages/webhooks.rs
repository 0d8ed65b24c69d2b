//! What the clients take for a webhook: what the service has signed, now, and nothing else.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use wharf::domain::clock::{Clock as _, SystemClock};

use super::built::{Built, Language};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const OTHER: &str = "whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const BODY: &str = r#"{"type":"message","timestamp":"2026-01-01T00:00:00.000Z","data":{"é":"…"}}"#;

/// As the official library signs it.
fn signed(secret: &str, at: i64, body: &str) -> Value {
    let signature = Webhook::new(secret)
        .unwrap()
        .sign("evt_1", at, body.as_bytes());
    json!({"webhook-id": "evt_1", "webhook-timestamp": at.to_string(), "webhook-signature": signature.unwrap()})
}

fn now() -> i64 {
    SystemClock.now_ms() / 1000
}

fn takes_what_is_signed(language: Language) {
    let folder = tempfile::tempdir().unwrap();
    let built = Built::from_its_package(language, folder.path());
    let good = signed(SECRET, now(), BODY);
    let with = |name: &str, value: Value| {
        let mut headers = good.clone();
        headers[name] = value;
        headers
    };
    let without = |name: &str| {
        let mut headers = good.clone();
        headers.as_object_mut().unwrap().remove(name);
        headers
    };
    let rotated = good["webhook-signature"].as_str().unwrap();
    let rotated = with(
        "webhook-signature",
        format!("v1,AAAA v2,x {rotated}").into(),
    );
    let cases = [
        (json!(SECRET), good.clone(), BODY, "message"),
        (json!([OTHER, SECRET]), good.clone(), BODY, "message"),
        (json!(SECRET), rotated, BODY, "message"),
        (json!(OTHER), good.clone(), BODY, "refused"),
        (json!("whsec_%%"), good.clone(), BODY, "refused"),
        (json!(SECRET), good.clone(), "{}", "refused"),
        (
            json!(SECRET),
            with("webhook-id", "evt_2".into()),
            BODY,
            "refused",
        ),
        (
            json!(SECRET),
            with("webhook-signature", "v1,".into()),
            BODY,
            "refused",
        ),
        (
            json!(SECRET),
            with("webhook-signature", "v1,é".into()),
            BODY,
            "refused",
        ),
        (
            json!(SECRET),
            with("webhook-timestamp", "soon".into()),
            BODY,
            "refused",
        ),
        (json!(SECRET), without("webhook-signature"), BODY, "refused"),
        (
            json!(SECRET),
            signed(SECRET, now() - 400, BODY),
            BODY,
            "refused",
        ),
        (
            json!(SECRET),
            signed(SECRET, now() + 400, BODY),
            BODY,
            "refused",
        ),
        (json!(SECRET), signed(SECRET, now(), "[]"), "[]", "refused"),
        (
            json!(SECRET),
            signed(SECRET, now(), "no JSON"),
            "no JSON",
            "refused",
        ),
    ];
    let asked = cases.iter().map(|(secret, headers, body, _)| {
        json!({"secret": secret, "headers": headers, "body": body}).to_string() + "\n"
    });
    let said = ask(&mut built.program("verify"), &asked.collect::<String>());
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said, cases.map(|(.., expected)| expected));
}

fn ask(command: &mut Command, asked: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_typescript_client_takes_for_a_webhook_what_is_signed_now_and_refuses_the_rest() {
    takes_what_is_signed(Language::TypeScript);
}

#[test]
fn the_python_client_takes_for_a_webhook_what_is_signed_now_and_refuses_the_rest() {
    takes_what_is_signed(Language::Python);
}
