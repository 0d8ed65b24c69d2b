//! V4, API and web service: one request is one request, whatever its head claims.

use serde_json::{Value, json};

use super::{answers, said_at, said_to, served};
use crate::harness::app::{PASSWORD, TestApp};

#[tokio::test]
async fn no_second_request_hides_in_the_body_of_the_first() {
    let (_folder, wharf) = served().await;
    let token = wharf.token();
    let hidden = format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 20\r\n\r\n{{\"handle\":\"smuggled\"}}"
    );
    let length = hidden.len();
    for head in [
        format!("content-length: 0\r\ncontent-length: {length}"),
        format!("content-length: {length}, 0"),
        "content-length: +0".to_owned(),
        "content-length: -1".to_owned(),
        format!("content-length: {length}\r\ntransfer-encoding: chunked"),
        "transfer-encoding: chunked, identity".to_owned(),
        "transfer-encoding: xchunked".to_owned(),
        "transfer-encoding : chunked".to_owned(),
    ] {
        let bytes = format!(
            "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n\r\n{hidden}"
        );
        let said = said_to(&wharf, bytes.as_bytes()).await;
        assert_eq!(answers(&said), 1, "{head}: {said}");
    }
    let sessions = wharf.call("GET", "/v1/sessions", Value::Null).await;
    assert_eq!(sessions["data"], json!([]), "nothing was smuggled in");
}

#[tokio::test]
async fn a_head_that_is_none_is_refused_and_the_service_serves_on() {
    let (_folder, wharf) = served().await;
    let long = "x".repeat(100_000);
    for bytes in [
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET  / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\nna me: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\nname: a\0b\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let said = said_to(&wharf, bytes.as_bytes()).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4") || said.starts_with("HTTP/1.1 505"),
            "{said}"
        );
    }
    wharf.call("GET", "/v1/sessions", Value::Null).await;
}

#[tokio::test]
async fn of_two_credentials_none_is_taken() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let (ann, bob) = (ann.token(), bob.token());
    let head = |first: &str, second: &str| {
        format!("authorization: Bearer {first}\r\nauthorization: Bearer {second}")
    };
    for head in [head(&ann, &bob), head(&ann, "x"), head("x", &ann)] {
        for path in ["/v1/sessions", "/api/whatsapp-sessions", "/api/sessions"] {
            let bytes =
                format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n\r\n");
            let said = said_at(app.port(), bytes.as_bytes()).await;
            assert!(said.starts_with("HTTP/1.1 401"), "{path}: {said}");
        }
    }
}

#[tokio::test]
async fn whoever_claims_to_come_from_elsewhere_is_slowed_all_the_same() {
    let (_folder, wharf) = served().await;
    let guess = json!({"username": "admin", "password": format!("not {PASSWORD}")}).to_string();
    let mut slowed = false;
    for number in 0..12 {
        let bytes = format!(
            "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-forwarded-for: 203.0.113.{number}, 198.51.100.7\r\nx-real-ip: 203.0.113.{number}\r\n\
             forwarded: for=203.0.113.{number}\r\ncontent-length: {}\r\n\r\n{guess}",
            guess.len()
        );
        slowed |= said_to(&wharf, bytes.as_bytes())
            .await
            .starts_with("HTTP/1.1 429");
    }
    assert!(slowed, "a header made each guess a stranger's first");
}

#[tokio::test]
async fn the_host_that_a_request_names_is_in_no_link_that_is_handed_out() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.header("host", "evil.example");
    let forwarded = ann.header("x-forwarded-host", "evil.example");
    let made = forwarded
        .post("/v1/sessions", json!({"handle": "one"}))
        .await
        .expect(201);
    let link = json!({"session": made["id"]});
    for (path, body) in [
        ("/v1/sessions/one/link-tokens", json!({"expires_in_s": 600})),
        ("/api/sessions/one/connect", json!({})),
        ("/v1/auth/ws-ticket", link),
    ] {
        let answer = forwarded.post(path, body).await;
        assert!(
            !answer.text().contains("evil.example"),
            "{path}: {}",
            answer.text()
        );
    }
}
