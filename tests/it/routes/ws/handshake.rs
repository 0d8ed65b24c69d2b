//! Who may open a socket; everything is answered before the upgrade.

use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use wharf::{
    http::{LiveLimits, Settings},
    service::rates::Rate,
};

use crate::harness::app::{TestApp, closed, frame, say};

#[tokio::test]
async fn a_socket_opens_by_header_subprotocol_and_query() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let path = format!("/ws/{session}");
    let token = ann.token();
    let by_protocol = app
        .stranger()
        .header("sec-websocket-protocol", &format!("bearer.{token}"));
    for mut socket in [
        ann.socket(&path).await.unwrap(),
        ann.socket("/ws/sales").await.unwrap(),
        by_protocol.socket(&path).await.unwrap(),
        app.stranger()
            .socket(&format!("{path}?token={token}"))
            .await
            .unwrap(),
    ] {
        let hello = frame(&mut socket).await;
        assert_eq!(hello["type"], "hello");
        assert_eq!(hello["session"], session);
        assert_eq!(hello["data"]["state"], "disconnected");
        assert_eq!(hello["data"]["first_seq"], 1);
        assert_eq!(hello["data"]["last_seq"], 0);
        assert_eq!(hello["data"]["heartbeat_ms"], 25_000);
    }
}

#[tokio::test]
async fn a_stranger_gets_an_http_refusal() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let foreign = bob.session("foreign").await;
    for path in ["/ws".to_owned(), format!("/ws/{foreign}")] {
        let answer = app.stranger().socket(&path).await.unwrap_err();
        answer.refused(401, "token_missing");
        let forger = app.stranger().bearer("nonsense");
        forger
            .socket(&path)
            .await
            .unwrap_err()
            .refused(401, "token_invalid");
    }
    for path in [
        format!("/ws/{foreign}"),
        format!("/ws?sessions={foreign}"),
        "/ws/none".to_owned(),
    ] {
        let answer = ann.socket(&path).await.unwrap_err();
        answer.refused(404, "session_not_found");
    }
    ann.session("mine").await;
    ann.get("/ws/mine").await.refused(426, "upgrade_required");
    let evil = ann.header("origin", "https://evil.example");
    evil.socket("/ws/mine")
        .await
        .unwrap_err()
        .refused(403, "origin_not_allowed");
    let answer = ann.socket("/ws/mine?types=bogus").await.unwrap_err();
    answer.refused(400, "validation_failed");
}

#[tokio::test]
async fn the_socket_that_is_one_too_many_is_refused_and_a_closed_one_makes_room() {
    let app = TestApp::start_with(Settings {
        live: LiveLimits {
            per_token: 2,
            per_address: 3,
            ..LiveLimits::default()
        },
        ..Settings::default()
    })
    .await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.session("sales").await;
    bob.session("sales").await;
    let mut sockets = vec![
        ann.socket("/ws/sales").await.unwrap(),
        ann.socket("/ws/sales").await.unwrap(),
    ];
    let answer = ann.socket("/ws/sales").await.unwrap_err();
    assert!(answer.headers.contains_key("retry-after"));
    answer.refused(429, "too_many_connections");
    sockets.push(bob.socket("/ws/sales").await.unwrap());
    let answer = bob.socket("/ws/sales").await.unwrap_err();
    answer.refused(429, "too_many_connections");

    drop(sockets.remove(0));
    app.until_sockets(2).await;
    ann.socket("/ws/sales").await.unwrap();
}

#[tokio::test]
async fn an_address_that_opens_sockets_too_fast_has_to_wait() {
    let app = TestApp::start_with(Settings {
        live: LiveLimits {
            handshakes: Rate::per_second(1, 3),
            ..LiveLimits::default()
        },
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for _ in 0..3 {
        drop(ann.socket("/ws/sales").await.unwrap());
    }
    let answer = ann.socket("/ws/sales").await.unwrap_err();
    assert_eq!(answer.headers["retry-after"], "1");
    answer.refused(429, "rate_limited");
    app.clock.advance(Duration::from_secs(1));
    ann.socket("/ws/sales").await.unwrap();
}

#[tokio::test]
async fn a_client_that_talks_without_end_is_closed_and_one_that_pings_is_not() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let mut calm = ann.open("/ws/sales").await;
    let mut chatty = ann.open("/ws/sales").await;
    for _ in 0..100 {
        // The close may come before the last of them.
        drop(chatty.send(Message::text("on and on")).await);
    }
    assert_eq!(closed(&mut chatty).await.0, 1008);
    say(&mut calm, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(&mut calm).await["type"], "pong");
}

#[tokio::test]
async fn a_thousand_sockets_hear_the_same_event() {
    const SOCKETS: usize = 1000;
    let app = TestApp::start_with(Settings {
        live: LiveLimits::of(2000, 2000),
        rate: Rate::per_minute(100_000),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut sockets = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        sockets.push(ann.open("/ws/sales").await);
    }
    assert_eq!(app.api.live.len(), SOCKETS);
    let seq = app.emit(&session, "message", json!({"n": 1})).await;
    for socket in &mut sockets {
        assert_eq!(frame(socket).await["seq"], seq);
    }
}
