//! The ordered stop of a process that is in the middle of its work.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{
    app::closed,
    field::{ALICE, BOB},
    processes::{DEADLINE, SandboxProcess, Wharf},
    receiver::{Receiver, Reply},
};

/// What the whole stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// How long WhatsApp and the receiver take to answer.
const SLOW: Duration = Duration::from_millis(1500);

async fn until_phone_has(sandbox: &SandboxProcess, number: &str, text: &str) {
    let started = Instant::now();
    loop {
        let path = format!("/phones/{number}/messages");
        let seen = sandbox.call("GET", &path, Value::Null).await;
        if seen["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|m| m["text"] == text)
        {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "{seen}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_within_its_deadline_and_a_start_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let receiver = Receiver::start().await.answering([Reply::Late(SLOW)]);
    let mut wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let hook = json!({ "url": receiver.url(), "types": ["message"] });
    wharf.call("POST", "/v1/webhooks", hook).await;
    let session = wharf.pair(&sandbox, ALICE).await;
    // The first one asks for keys; the next is on its way at once.
    assert_eq!(wharf.send(&session, BOB, "warm").await.unwrap().0, 202);
    let mut socket = wharf.socket(&format!("/ws/{session}")).await;

    sandbox.write(BOB, ALICE, "before").await;
    receiver.has_seen(1).await;
    let ms = u64::try_from(SLOW.as_millis()).unwrap();
    let slow = json!({ "target": ALICE, "kind": "delay", "ms": ms });
    sandbox.call("POST", "/faults", slow).await;
    let stopping = async {
        until_phone_has(&sandbox, BOB, "in flight").await;
        let began = Instant::now();
        wharf.terminate();
        began
    };
    let (sent, began) = tokio::join!(wharf.send(&session, BOB, "in flight"), stopping);
    let (status, sent) = sent.expect("the request gets its answer");
    assert_eq!(status, 202, "{sent}");
    assert_eq!(sent["status"], "sent", "{sent}");
    let (code, _) = closed(&mut socket).await;
    assert_eq!(code, 1012);
    assert_eq!(wharf.until_exit().await.code(), Some(0));
    assert!(began.elapsed() < STOP_WITHIN);
    let said = wharf.said();
    for word in ["cut off", "did not close in time", "did not end"] {
        assert!(!said.contains(word), "{said}");
    }

    sandbox.call("DELETE", "/faults", Value::Null).await;
    sandbox.write(BOB, ALICE, "while it was away").await;
    wharf.up().await;
    wharf.until_state(&session, "connected").await;
    wharf
        .until_texts(&session, &["before", "while it was away"])
        .await;
    let log = wharf.log(&session).await;
    let stopped = log.iter().find(|event| event["type"] == "disconnected");
    assert_eq!(stopped.unwrap()["data"]["reason"], "shutdown");
    // The post that was under way at the stop was finished and noted: it does not come again.
    let seen = receiver.has_seen(2).await;
    let texts: Vec<Value> = seen
        .iter()
        .map(|post| post.json()["data"]["text"]["body"].clone())
        .collect();
    assert_eq!(texts, ["before", "while it was away"]);
    let path = format!(
        "/v1/sessions/{session}/messages/{}",
        sent["message_id"].as_str().unwrap()
    );
    let stored = wharf.call("GET", &path, Value::Null).await;
    assert!(stored["ack"].as_i64().unwrap() >= 1, "{stored}");
}
