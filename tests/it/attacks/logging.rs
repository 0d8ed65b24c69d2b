//! V16, logging: nobody writes lines of the log but the service, and no secret is in one.

use serde_json::json;

use super::{said_to, served};

#[tokio::test]
async fn what_a_caller_sends_forges_no_line_and_no_secret_is_in_one() {
    let (_folder, wharf) = served().await;
    let forged = "x\\n2026-01-01T00:00:00Z ERROR wharf: forged";
    let name = "admin\n2026-01-01T00:00:00Z ERROR wharf: forged\u{1b}[2J";
    let body = json!({"username": name, "password": "a-secret-that-nobody-may-read"}).to_string();
    let head = format!(
        "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: {forged}\r\nx-request-id: {forged}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(
        said_to(&wharf, head.as_bytes())
            .await
            .starts_with("HTTP/1.1 401")
    );
    let token = wharf.token();
    said_to(
        &wharf,
        format!("GET /v1/sessions/none?token={token} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n").as_bytes(),
    )
    .await;
    let log = wharf.said();
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{line}");
    }
    for secret in ["a-secret-that-nobody-may-read", token, "\u{1b}[2J"] {
        assert!(!log.contains(secret), "{secret:?} is in {log}");
    }
}
