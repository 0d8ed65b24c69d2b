//! A reader that is cut a hundred times has the same list in the end as the log.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wharf::{
    http::{LiveLimits, Settings},
    service::rates::Rate,
};

use super::source::EventSource;
use crate::harness::app::{Caller, TestApp, frame};

const CUTS: usize = 100;

/// Events of each session; more than the cut readers get to.
const EVENTS: i64 = 400;

/// Reconnecting is not what is measured here.
async fn app() -> TestApp {
    TestApp::start_with(Settings {
        live: LiveLimits::of(2_000, 2_000),
        rate: Rate::per_minute(100_000),
        ..Settings::default()
    })
    .await
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What a log holds and what a reader was told: number, id and data.
type List = Vec<(i64, String, Value)>;

fn entry(frame: &Value) -> (i64, String, Value) {
    let id = frame["id"].as_str().unwrap().to_owned();
    (frame["seq"].as_i64().unwrap(), id, frame["data"].clone())
}

async fn log(caller: &Caller, session: &str) -> List {
    let (mut all, mut after) = (List::new(), 0);
    loop {
        let path = format!("/v1/sessions/{session}/events?limit=200&after={after}");
        let page = caller.get(&path).await.expect(200);
        assert_eq!(page["gap"], Value::Null);
        all.extend(page["data"].as_array().unwrap().iter().map(entry));
        match page["next_after"].as_i64() {
            Some(next) => after = next,
            None => return all,
        }
    }
}

async fn emit_all(app: &TestApp, sessions: &[&str]) {
    for n in 1..=EVENTS {
        for session in sessions {
            app.emit(session, "message", json!({"n": n})).await;
        }
    }
}

#[tokio::test]
async fn a_socket_of_one_session_that_is_cut_a_hundred_times_resumes_to_the_same_list() {
    let app = app().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let reading = async {
        let (mut dice, mut heard, mut since) = (Dice(1), List::new(), 0);
        for cut in 0..=CUTS {
            let path = format!("/ws/sales?since={since}");
            let mut socket = ann.socket(&path).await.unwrap();
            let mut left = if cut == CUTS { u64::MAX } else { dice.below(6) };
            while left > 0 && since < EVENTS {
                let told = frame(&mut socket).await;
                if told["type"] != "hello" {
                    heard.push(entry(&told));
                    since = told["seq"].as_i64().unwrap();
                }
                left -= 1;
            }
        }
        heard
    };
    let only = [session.as_str()];
    let (heard, ()) = tokio::join!(reading, emit_all(&app, &only));
    assert_eq!(heard, log(&ann, &session).await);
}

#[tokio::test]
async fn a_socket_of_many_sessions_that_is_cut_a_hundred_times_resumes_each_of_them() {
    let app = app().await;
    let ann = app.user("ann").await;
    let mut sessions = Vec::new();
    for handle in ["one", "two:colon", "three"] {
        sessions.push(ann.session(handle).await);
    }
    let references: Vec<&str> = sessions.iter().map(String::as_str).collect();
    let reading = async {
        let mut dice = Dice(2);
        let mut heard: BTreeMap<String, List> = BTreeMap::new();
        let mut cursors: BTreeMap<String, i64> = BTreeMap::new();
        let done = |cursors: &BTreeMap<String, i64>| {
            sessions.iter().all(|one| cursors.get(one) == Some(&EVENTS))
        };
        for cut in 0..=CUTS {
            let mut since = vec!["*:0".to_owned()];
            since.extend(cursors.iter().map(|(one, seq)| format!("{one}:{seq}")));
            let path = format!("/ws?since={}", since.join(","));
            let mut socket = ann.socket(&path).await.unwrap();
            let mut left = if cut == CUTS { u64::MAX } else { dice.below(9) };
            while left > 0 && !done(&cursors) {
                let told = frame(&mut socket).await;
                if told["type"] != "hello" {
                    let session = told["session"].as_str().unwrap().to_owned();
                    cursors.insert(session.clone(), told["seq"].as_i64().unwrap());
                    heard.entry(session).or_default().push(entry(&told));
                }
                left -= 1;
            }
        }
        heard
    };
    let (heard, ()) = tokio::join!(reading, emit_all(&app, &references));
    for session in &sessions {
        assert_eq!(heard[session], log(&ann, session).await);
    }
}

#[tokio::test]
async fn an_event_source_that_is_cut_a_hundred_times_resumes_to_the_same_list() {
    let app = app().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let path = format!("/v1/sessions/{session}/events");
    let mut source = EventSource::new(app.addr, &ann, &path);
    // Cut before anything has happened: it resumes from there all the same.
    source.open().await;
    source.until_id().await;
    source.cut();
    let reading = async {
        let (mut dice, mut heard) = (Dice(3), List::new());
        for cut in 0..=CUTS {
            source.open().await;
            let mut left = if cut == CUTS { u64::MAX } else { dice.below(6) };
            while left > 0 && source.last_event_id() != EVENTS.to_string() {
                let event = source.next().await.unwrap();
                assert_eq!(event.event, "message");
                let told: Value = serde_json::from_str(&event.data).unwrap();
                assert_eq!(told["seq"].to_string(), event.last_event_id);
                heard.push(entry(&told));
                left -= 1;
            }
            source.cut();
        }
        heard
    };
    let only = [session.as_str()];
    let (heard, ()) = tokio::join!(reading, emit_all(&app, &only));
    assert_eq!(heard, log(&ann, &session).await);
}
