//! The two sockets.

use serde_json::json;

use super::{linked, refused, user};
use crate::harness::app::{
    TestApp, closed, frame, frame_of,
    phones::{ALICE, BOB},
    say,
};

#[tokio::test]
async fn a_socket_brings_the_code_and_says_when_it_was_scanned() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let token = ann.token();
    // A page can send no header: the token stands in the query, on both paths.
    let page = app.stranger();
    let mut one = page
        .socket(&format!("/api/ws/one?token={token}"))
        .await
        .unwrap();
    let mut other = page
        .socket(&format!("/api/sessions/one/ws?token={token}"))
        .await
        .unwrap();
    let code = frame_of(&mut one, "qr").await;
    assert!(
        code["qr"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    assert!(code["data"]["timeout"].as_i64().unwrap() > 0);
    let polled = ann.get("/api/sessions/one/qr").await.expect(200);
    assert_eq!(
        polled["data"]["qr"], code["data"]["qr"],
        "a poll and a socket agree"
    );
    let same = frame_of(&mut other, "qr").await;
    assert_eq!(same["data"]["qr"], code["data"]["qr"]);
    say(&mut one, r#"{"type":"ping"}"#).await;
    assert_eq!(frame_of(&mut one, "pong").await, json!({"type": "pong"}));
    say(&mut one, "what is this").await;

    let scan = json!({"qr": code["data"]["qr"]});
    app.control("POST", &format!("/phones/{ALICE}/scan"), scan)
        .await;
    for socket in [&mut one, &mut other] {
        let success = frame_of(socket, "success").await;
        assert_eq!(success["data"]["message"], "Login successful");
        let connected = frame(socket).await;
        assert_eq!(connected["type"], "connected");
        assert_eq!(connected["data"]["id"], "one");
    }
    let mut late = ann.socket("/api/ws/one").await.unwrap();
    let success = frame(&mut late).await;
    assert_eq!(success["message"], "Already logged in");
    assert_eq!(frame(&mut late).await["type"], "connected");

    app.control("POST", &format!("/phones/{ALICE}/unlink"), json!({}))
        .await;
    let gone = frame_of(&mut late, "logged_out").await;
    assert_eq!(gone["data"]["logged_in"], false);
    ann.delete("/api/sessions/one").await.expect(200);
    assert_eq!(closed(&mut one).await.0, 1000);
}

#[tokio::test]
async fn a_socket_is_refused_in_http_before_it_is_one() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let bob = user(&app, "bob").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    for path in ["/api/ws/one", "/api/sessions/one/ws"] {
        let answer = app.stranger().socket(path).await.unwrap_err();
        refused(answer, 401, "UNAUTHORIZED", "Missing authorization header");
        let wrong = format!("{path}?token=a.b.c");
        let answer = app.stranger().socket(&wrong).await.unwrap_err();
        refused(answer, 401, "UNAUTHORIZED", "Invalid token");
        let answer = bob.socket(path).await.unwrap_err();
        refused(answer, 404, "NOT_FOUND", "Session not found");
        let answer = ann.get(path).await;
        refused(answer, 400, "BAD_REQUEST", "open this path as a WebSocket");
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_token_and_says_why_a_session_cannot_run() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "one", BOB).await;
    let mut socket = ann.socket("/api/ws/one").await.unwrap();
    frame_of(&mut socket, "connected").await;
    let native = app.sign_in("ann").await;
    app.shut_out(&native).await;
    assert_eq!(closed(&mut socket).await.0, 1008);

    let eve = user(&app, "eve").await;
    let off = json!({"phone": "off", "enabled": false});
    eve.post("/api/sessions", off).await.expect(201);
    let mut socket = eve.socket("/api/ws/off").await.unwrap();
    let error = frame_of(&mut socket, "error").await;
    assert_eq!(
        error["data"]["error"],
        "the session is switched off in its settings"
    );
    assert_eq!(closed(&mut socket).await.0, 1011);
}
