//! What retention has taken is told, wherever a reader stands: on a page, at the opening, and in the middle of a stream.

use std::time::Duration;

use serde_json::{Value, json};
use wharf::{
    http::{LiveLimits, Settings},
    service::rates::Rate,
};

use super::source::EventSource;
use crate::harness::app::{Socket, TestApp, frame};

fn gap(from: i64, to: i64) -> Value {
    json!({"from": from, "to": to})
}

#[tokio::test]
async fn a_page_tells_what_is_missing_before_it_with_and_without_types() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=6 {
        let kind = if n % 2 == 0 { "message" } else { "degraded" };
        app.emit(&session, kind, json!({"n": n})).await;
    }
    let page = |query: &'static str| {
        let ann = ann.clone();
        async move {
            let path = format!("/v1/sessions/sales/events?{query}");
            ann.get(&path).await.expect(200)
        }
    };
    assert_eq!(page("after=0").await["gap"], Value::Null);
    app.forget_before(&session, 4).await;
    for (query, missing, seqs, next) in [
        ("", gap(1, 3), vec![4, 5, 6], Value::Null),
        ("after=2", gap(3, 3), vec![4, 5, 6], Value::Null),
        ("after=3", Value::Null, vec![4, 5, 6], Value::Null),
        ("types=message", gap(1, 3), vec![4, 6], Value::Null),
        ("types=message&limit=1", gap(1, 3), vec![4], json!(4)),
        ("after=6", Value::Null, vec![], Value::Null),
        ("after=9", Value::Null, vec![], Value::Null),
    ] {
        let page = page(query).await;
        let told = page["data"].as_array().unwrap().iter();
        let told: Vec<i64> = told.map(|event| event["seq"].as_i64().unwrap()).collect();
        assert_eq!(page["gap"], missing, "{query}");
        assert_eq!((told, &page["next_after"]), (seqs, &next), "{query}");
    }
    app.forget_before(&session, 7).await;
    let page = page("after=4").await;
    assert_eq!(page["gap"], gap(5, 6));
    assert_eq!(
        (&page["first_seq"], &page["last_seq"]),
        (&json!(7), &json!(6))
    );
}

#[tokio::test]
async fn an_opening_tells_what_is_missing_also_when_nothing_is_left() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=5 {
        app.emit(&session, "message", json!({"n": n})).await;
    }
    for first in [4, 7] {
        app.forget_before(&session, first).await;
        let mut socket = ann.socket("/ws/sales?since=2").await.unwrap();
        assert_eq!(frame(&mut socket).await["data"]["first_seq"], first);
        let told = frame(&mut socket).await;
        let missing = gap(3, first - 1);
        assert_eq!((&told["type"], &told["data"]), (&json!("gap"), &missing));
        assert_eq!(told["session"], session);
        app.emit(&session, "message", json!({})).await;
        assert_eq!(frame(&mut socket).await["seq"], first);
    }
}

/// Reads until the number `last`; gives what is missing between, checked against what came.
async fn missing_until(socket: &mut Socket, last: i64) -> Vec<(i64, i64)> {
    let (mut reached, mut gaps) = (0, Vec::new());
    while reached < last {
        let told = frame(socket).await;
        if told["type"] == "gap" {
            let end = |end: &str| told["data"][end].as_i64().unwrap();
            assert_eq!(end("from"), reached + 1);
            gaps.push((end("from"), end("to")));
            reached = end("to");
        } else {
            assert_eq!(told["seq"], reached + 1);
            reached += 1;
        }
    }
    gaps
}

#[tokio::test]
async fn a_slow_reader_that_retention_overtakes_is_told_the_gap_in_the_middle_of_its_stream() {
    const EVENTS: i64 = 1_500;
    let app = TestApp::start_with(Settings {
        live: LiveLimits {
            write_stall: Duration::from_mins(1),
            ..LiveLimits::default()
        },
        rate: Rate::per_minute(100_000),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut one = ann.open("/ws/sales").await;
    let mut many = ann.open("/ws?sessions=sales").await;
    // More than the bus and the buffers of the line hold for readers that do not read.
    let filler = "x".repeat(16 * 1024);
    for n in 1..=EVENTS {
        let data = json!({"n": n, "filler": filler});
        app.emit(&session, "message", data).await;
    }
    app.forget_before(&session, EVENTS - 9).await;
    for socket in [&mut one, &mut many] {
        let gaps = missing_until(socket, EVENTS).await;
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0].1, EVENTS - 10);
    }
}

#[tokio::test]
async fn a_gap_of_an_event_source_carries_the_id_to_resume_with() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=5 {
        app.emit(&session, "message", json!({"n": n})).await;
    }
    app.forget_before(&session, 4).await;
    let mut source = EventSource::new(app.addr, &ann, "/v1/sessions/sales/events?after=0");
    source.open().await;
    let told = source.next().await.unwrap();
    assert_eq!(
        (told.event.as_str(), told.last_event_id.as_str()),
        ("gap", "3")
    );
    let data: Value = serde_json::from_str(&told.data).unwrap();
    assert_eq!(data, gap(1, 3));
    source.cut();
    source.open().await;
    let next = source.next().await.unwrap();
    assert_eq!(
        (next.event.as_str(), next.last_event_id.as_str()),
        ("message", "4")
    );
}
