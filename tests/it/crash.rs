//! A process that is killed at random moments loses nothing and doubles nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::harness::processes::{DEADLINE, SandboxProcess, Wharf};

const KILLS: usize = 30;
const OWNERS: [&str; 2] = ["491700000101", "491700000303"];
const WRITER: &str = "491700000202";

/// What the consumer has kept: `webhook-id` and the event, in the order of arrival.
type Kept = Arc<Mutex<Vec<(String, Value)>>>;

async fn consumer() -> (String, Kept) {
    let kept = Kept::default();
    let router = Router::new()
        .route("/", post(keep))
        .with_state(Arc::clone(&kept));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "it lives as long as the test")]
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, kept)
}

async fn keep(State(kept): State<Kept>, headers: HeaderMap, body: Bytes) {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    kept.lock()
        .unwrap()
        .push((id, serde_json::from_slice(&body).unwrap()));
}

fn texts_of(events: &[Value]) -> Vec<String> {
    let messages = events.iter().filter(|event| event["type"] == "message");
    messages
        .map(|event| event["data"]["text"]["body"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_lose_nothing_double_nothing_and_spend_no_counter_twice() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let (url, kept) = consumer().await;
    wharf
        .call(
            "POST",
            "/v1/webhooks",
            json!({ "url": url, "types": ["message"] }),
        )
        .await;
    let mut sessions = Vec::new();
    for owner in OWNERS {
        sessions.push(wharf.pair(&sandbox, owner).await);
    }

    let mut rng = StdRng::seed_from_u64(20_261_121);
    let mut written: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for _ in 0..KILLS {
        // Work goes on right up to the kill, whose moment is drawn by lot.
        let until = Instant::now() + Duration::from_millis(rng.random_range(50..600));
        while Instant::now() < until {
            for (owner, session) in OWNERS.iter().zip(&sessions) {
                count += 1;
                let text = format!("text {count}");
                let body = json!({ "to": owner, "text": text });
                sandbox
                    .call("POST", &format!("/phones/{WRITER}/messages"), body)
                    .await;
                written.entry(owner).or_default().push(text);
                let body = json!({ "to": WRITER, "type": "text", "text": { "body": format!("out {count}") } });
                // A session that is on its way back refuses, and that is fine.
                wharf
                    .try_call("POST", &format!("/v1/sessions/{session}/messages"), body)
                    .await;
            }
        }
        wharf.kill_and_start().await;
    }

    for (owner, session) in OWNERS.iter().zip(&sessions) {
        wharf.until_state(session, "connected").await;
        let expected: BTreeSet<&String> = written[owner].iter().collect();
        let started = Instant::now();
        let log = loop {
            let log = wharf.log(session).await;
            let texts = texts_of(&log);
            if texts.len() >= expected.len() {
                break log;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{} of {} messages",
                texts.len(),
                expected.len()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let texts = texts_of(&log);
        assert_eq!(
            texts.len(),
            expected.len(),
            "every message is in the log exactly once"
        );
        assert_eq!(texts.iter().collect::<BTreeSet<_>>(), expected);
        let pairings = log
            .iter()
            .filter(|event| event["type"] == "success")
            .count();
        assert_eq!(pairings, 1, "no session needed a new pairing");

        let logged: BTreeMap<String, String> = log
            .iter()
            .filter(|event| event["type"] == "message")
            .map(|event| {
                let text = event["data"]["text"]["body"].as_str().unwrap();
                (text.to_owned(), event["id"].as_str().unwrap().to_owned())
            })
            .collect();
        let started = Instant::now();
        loop {
            let seen: BTreeSet<String> = kept
                .lock()
                .unwrap()
                .iter()
                .map(|(id, _)| id.clone())
                .collect();
            let missing = logged.values().filter(|id| !seen.contains(*id)).count();
            if missing == 0 {
                break;
            }
            assert!(
                started.elapsed() < 2 * DEADLINE,
                "{missing} events did not reach the consumer"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (id, event) in kept.lock().unwrap().iter() {
            let text = event["data"]["text"]["body"].as_str().unwrap_or_default();
            if let Some(logged) = logged.get(text) {
                assert_eq!(id, logged, "a message always comes under one webhook-id");
            }
        }
    }
    let state = sandbox.call("GET", "/state", Value::Null).await;
    assert_eq!(
        state["counters"]["counter_reuse"], 0,
        "no Signal counter was used twice"
    );
}
