//! What an open socket tells, and how it ends.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use wharf::http::{LiveLimits, Settings};

use crate::harness::app::{Socket, TestApp, closed, frame, say};

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames
        .iter()
        .map(|frame| frame["seq"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn live_events_come_in_order_in_the_documented_shape() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    app.emit(&session, "message", json!({"n": 0})).await;
    let mut socket = ann.socket("/ws/sales?types=message").await.unwrap();
    assert_eq!(frame(&mut socket).await["data"]["last_seq"], 1);
    app.emit(&session, "degraded", json!({"reason": "unreachable"}))
        .await;
    app.emit(&session, "message", json!({"n": 2})).await;
    let event = frame(&mut socket).await;
    assert_eq!(event["type"], "message");
    assert_eq!(event["seq"], 3);
    assert_eq!(event["session"], session);
    assert_eq!(event["data"], json!({"n": 2}));
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    assert!(event["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn since_replays_the_log_and_goes_on_live_without_a_seam() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=250 {
        app.emit(&session, "message", json!({"n": n})).await;
    }
    let mut socket = ann.open("/ws/sales?since=20").await;
    let emitting = async {
        for n in 251..=300 {
            app.emit(&session, "message", json!({"n": n})).await;
        }
    };
    let reading = async {
        let mut frames = Vec::new();
        for _ in 21..=300 {
            frames.push(frame(&mut socket).await);
        }
        frames
    };
    let (frames, ()) = tokio::join!(reading, emitting);
    assert_eq!(seqs(&frames), (21..=300).collect::<Vec<i64>>());
}

#[tokio::test]
async fn an_event_of_another_node_is_read_from_the_log_before_the_next() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut one = ann.open("/ws/sales").await;
    let mut all = ann.open("/ws").await;
    app.write(&session, "message", json!({"n": 1})).await;
    app.emit(&session, "message", json!({"n": 2})).await;
    for socket in [&mut one, &mut all] {
        assert_eq!(frame(socket).await["seq"], 1);
        assert_eq!(frame(socket).await["seq"], 2);
    }
}

#[tokio::test]
async fn one_socket_hears_all_of_ones_own_sessions_and_no_other() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (one, two) = (ann.session("one").await, ann.session("two").await);
    let foreign = bob.session("foreign").await;
    let mut all = ann.socket("/ws").await.unwrap();
    let mut only = ann.socket("/ws?sessions=two").await.unwrap();
    assert_eq!(frame(&mut all).await["session"], Value::Null);
    frame(&mut only).await;
    app.emit(&foreign, "message", json!({})).await;
    app.emit(&one, "message", json!({})).await;
    app.emit(&two, "message", json!({})).await;
    assert_eq!(frame(&mut all).await["session"], one);
    assert_eq!(frame(&mut all).await["session"], two);
    assert_eq!(frame(&mut only).await["session"], two);

    let later = ann.session("later").await;
    app.emit(&later, "message", json!({})).await;
    assert_eq!(frame(&mut all).await["session"], later);
}

#[tokio::test]
async fn a_ping_gets_a_pong_and_anything_else_is_ignored() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    for noise in ["", "nonsense", r#"{"type":"logout"}"#, "[]"] {
        say(&mut socket, noise).await;
    }
    socket.send(Message::binary(vec![0, 1, 2])).await.unwrap();
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(&mut socket).await["type"], "pong");
    let session = ann.get("/v1/sessions/sales").await.expect(200);
    assert_eq!(session["state"], "disconnected");
}

#[tokio::test]
async fn a_message_of_more_than_64_kib_ends_the_socket() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    say(&mut socket, &"x".repeat(64 * 1024)).await;
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(&mut socket).await["type"], "pong");
    drop(socket.send(Message::text("x".repeat(64 * 1024 + 1))).await);
    app.until_sockets(0).await;
}

#[tokio::test]
async fn a_stop_closes_with_1012_and_the_last_number() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    app.emit(&session, "message", json!({})).await;
    frame(&mut socket).await;
    app.stop.soft();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 1012);
    assert!(reason.ends_with("last_seq=1"), "{reason}");
}

#[tokio::test]
async fn the_end_of_the_token_closes_with_4401() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    app.clock
        .advance(Duration::from_millis(15 * 60 * 1000 - 200));
    let mut socket = ann.open("/ws/sales").await;
    assert_eq!(closed(&mut socket).await.0, 4401);
}

#[tokio::test]
async fn whoever_is_shut_out_loses_the_open_socket_too() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    app.shut_out(&ann).await;
    assert_eq!(closed(&mut socket).await.0, 4401);
}

/// Sockets count as stalled soon.
fn impatient() -> Settings {
    Settings {
        live: LiveLimits {
            write_stall: Duration::from_millis(200),
            ..LiveLimits::default()
        },
        ..Settings::default()
    }
}

/// More than the buffers of a line hold for a reader that does not read.
const FLOOD: i64 = 400;

/// Many large events, one by one; `hears` hears each.
async fn flood(app: &TestApp, session: &str, hears: &mut Socket) {
    let filler = "x".repeat(64 * 1024);
    for n in 1..=FLOOD {
        let data = json!({"n": n, "filler": filler});
        app.emit(session, "message", data).await;
        assert_eq!(frame(hears).await["seq"], n);
    }
}

#[tokio::test]
async fn a_socket_that_never_reads_is_closed_and_the_others_hear_everything() {
    let app = TestApp::start_with(impatient()).await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let deaf = ann.open("/ws/sales").await;
    let mut hears = ann.open("/ws/sales").await;
    flood(&app, &session, &mut hears).await;
    app.until_sockets(1).await;
    drop(deaf);
    app.emit(&session, "message", json!({})).await;
    assert_eq!(frame(&mut hears).await["seq"], FLOOD + 1);
}

#[tokio::test]
async fn a_stalled_reader_that_wakes_up_is_told_4008_and_where_to_resume() {
    let app = TestApp::start_with(impatient()).await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut slow = ann.open("/ws/sales").await;
    let mut hears = ann.open("/ws/sales").await;
    flood(&app, &session, &mut hears).await;
    let (code, reason) = closed(&mut slow).await;
    assert_eq!(code, 4008);
    let last: i64 = reason.rsplit_once('=').unwrap().1.parse().unwrap();
    assert!((1..FLOOD).contains(&last), "{reason}");
    let path = format!("/ws/sales?since={last}");
    let mut again = ann.open(&path).await;
    assert_eq!(frame(&mut again).await["seq"], last + 1);
}

#[tokio::test]
async fn a_reader_that_lags_behind_the_bus_reads_the_log_and_misses_nothing() {
    const EVENTS: i64 = 600;
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut one = ann.open("/ws/sales").await;
    let mut all = ann.open("/ws").await;
    let mut entries = Vec::new();
    for n in 1..=EVENTS {
        entries.push(app.write(&session, "message", json!({"n": n})).await);
    }
    // More at once than the bus holds for one reader.
    app.bus.publish(&entries);
    for socket in [&mut one, &mut all] {
        let mut frames = Vec::new();
        for _ in 1..=EVENTS {
            frames.push(frame(socket).await);
        }
        assert_eq!(seqs(&frames), (1..=EVENTS).collect::<Vec<i64>>());
    }
}
