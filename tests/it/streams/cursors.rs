//! Many sessions on one socket, each with a cursor of its own.

use serde_json::{Value, json};

use crate::harness::app::{TestApp, frame};

#[tokio::test]
async fn each_cursor_replays_its_log_and_a_session_without_one_starts_live() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (one, two, live) = (
        ann.session("sales").await,
        ann.session("a:b").await,
        ann.session("quiet").await,
    );
    for n in 1..=150 {
        for session in [&one, &two, &live] {
            app.emit(session, "message", json!({"n": n})).await;
        }
    }
    let path = format!("/ws?since={one}:147,a:b:20");
    let mut socket = ann.open(&path).await;
    let mut heard = Vec::new();
    for _ in 0..3 + 130 {
        let told = frame(&mut socket).await;
        let session = told["session"].as_str().unwrap().to_owned();
        heard.push((session, told["seq"].as_i64().unwrap()));
    }
    let of = |session: &String| -> Vec<i64> {
        let theirs = heard.iter().filter(|(of, _)| of == session);
        theirs.map(|(_, seq)| *seq).collect()
    };
    assert_eq!(of(&one), [148, 149, 150]);
    assert_eq!(of(&two), (21..=150).collect::<Vec<_>>());
    app.emit(&live, "message", json!({})).await;
    let told = frame(&mut socket).await;
    assert_eq!(
        (&told["session"], &told["seq"]),
        (&json!(live), &json!(151))
    );
}

#[tokio::test]
async fn the_greeting_tells_where_each_session_is() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (one, two) = (ann.session("one").await, ann.session("two").await);
    for n in 1..=5 {
        app.emit(&one, "message", json!({"n": n})).await;
    }
    app.forget_before(&one, 3).await;
    let state = |session: &str, first_seq, last_seq| json!({"session": session, "state": "disconnected", "first_seq": first_seq, "last_seq": last_seq});
    let mut all = ann.socket("/ws").await.unwrap();
    let hello = frame(&mut all).await["data"].take();
    assert_eq!(
        hello["sessions"],
        json!([state(&one, 3, 5), state(&two, 1, 0)])
    );
    assert_eq!(hello["more"], false);
    assert_eq!(hello["last_seq"], Value::Null);
    let mut some = ann.socket("/ws?sessions=two").await.unwrap();
    let hello = frame(&mut some).await["data"].take();
    assert_eq!(hello["sessions"], json!([state(&two, 1, 0)]));
}

#[tokio::test]
async fn a_star_is_every_session_and_a_gap_is_told_of_each() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (one, two) = (ann.session("one").await, ann.session("two").await);
    for n in 1..=4 {
        app.emit(&one, "message", json!({"n": n})).await;
        app.emit(&two, "message", json!({"n": n})).await;
    }
    app.forget_before(&one, 3).await;
    app.forget_before(&two, 5).await;
    let mut socket = ann.open("/ws?since=*:0").await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let frame = frame(&mut socket).await;
        let shown = match frame["type"].as_str() {
            Some("gap") => frame["data"].clone(),
            _ => frame["seq"].clone(),
        };
        told.push((frame["session"].as_str().unwrap().to_owned(), shown));
    }
    let of = |session: &str| -> Vec<Value> {
        let theirs = told.iter().filter(|(of, _)| of == session);
        theirs.map(|(_, shown)| shown.clone()).collect()
    };
    assert_eq!(of(&one), [json!({"from": 1, "to": 2}), json!(3), json!(4)]);
    assert_eq!(of(&two), [json!({"from": 1, "to": 4})]);
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused_by_name_and_a_foreign_session_is_not_there() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (mine, foreign) = (ann.session("mine").await, bob.session("foreign").await);
    ann.session("other").await;
    let many = vec![format!("{mine}:1"); 1_001].join(",");
    for wrong in [
        "since=7",
        "since=mine",
        "since=mine:x",
        "since=mine:-1",
        "since=",
        "since=mine:1,*:0,*:1",
        "since=mine:1&sessions=other",
        &format!("since=mine:1,{mine}:2"),
        &format!("since={many}"),
    ] {
        let answer = ann.socket(&format!("/ws?{wrong}")).await.unwrap_err();
        let body = answer.refused(400, "validation_failed");
        assert!(body["errors"]["/since"].is_array(), "{wrong}: {body}");
    }
    for unknown in [
        &foreign,
        "foreign",
        "nobody",
        "ses_0190a2b4c6d87e6f8a1b2c3d4e5f6071",
    ] {
        let path = format!("/ws?since={unknown}:0");
        let answer = ann.socket(&path).await.unwrap_err();
        answer.refused(404, "session_not_found");
    }
    let answer = ann.socket("/ws/mine?since=mine:0").await.unwrap_err();
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/since"].is_array(), "{body}");
    ann.socket("/ws?since=mine:0&sessions=mine").await.unwrap();
}

#[tokio::test]
async fn a_key_of_one_session_resumes_that_one_and_sees_no_other() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (mine, other) = (ann.session("mine").await, ann.session("other").await);
    app.emit(&mine, "message", json!({})).await;
    app.emit(&other, "message", json!({})).await;
    let body = json!({"name": "k", "scopes": ["sessions:read"], "session": mine});
    let key = ann.post("/v1/api-keys", body).await.expect(201);
    let bound = app.stranger().bearer(key["key"].as_str().unwrap());
    let mut socket = bound.socket("/ws?since=*:0").await.unwrap();
    let hello = frame(&mut socket).await;
    assert_eq!(hello["data"]["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(frame(&mut socket).await["session"], mine);
    let answer = bound.socket("/ws?since=other:0").await.unwrap_err();
    answer.refused(404, "session_not_found");
}
