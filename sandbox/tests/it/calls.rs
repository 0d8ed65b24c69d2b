//! Calls ring on linked devices, which reject them; the caller can give up.

use std::time::Duration;

use serde_json::{Value, json};
use wacore::types::call::CallAction;
use wacore::types::events::Event;

use crate::harness::{ALICE, BOB, Companion, Field};

async fn call(field: &Field) -> String {
    let to = json!({ "to": ALICE, "video": false });
    let made = field.post(&format!("/phones/{BOB}/call"), to).await;
    made["call_id"].as_str().unwrap().to_owned()
}

async fn state(field: &Field, id: &str) -> Value {
    let calls = field.get(&format!("/phones/{BOB}/calls")).await;
    let mut calls = calls["data"].as_array().unwrap().iter();
    calls.find(|call| call["call_id"] == id).unwrap()["state"].clone()
}

/// Waits for a signal of a call that `wanted` picks.
async fn signal(desk: &Companion, id: &str, wanted: fn(&CallAction) -> bool) -> Event {
    desk.wait("a signal of a call", |event| match event {
        Event::IncomingCall(call) if call.action.call_id() == id && wanted(&call.action) => {
            Some(event.clone())
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_call_rings_until_it_is_rejected_or_given_up() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let first = call(&field).await;
    let rings = |action: &CallAction| matches!(action, CallAction::Offer { .. });
    let Event::IncomingCall(offer) = signal(&desk, &first, rings).await else {
        panic!("a call was waited for");
    };
    assert_eq!(state(&field, &first).await, "ringing");
    desk.client().voip().reject(&offer).await.unwrap();
    let rejected = async {
        while state(&field, &first).await != "rejected" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), rejected)
        .await
        .expect("the caller hears of it");
    let path = format!("/phones/{BOB}/calls/{first}");
    let (status, _) = field.call("DELETE", &path, None).await;
    assert_eq!(status, 404, "it does not ring any more");

    let second = call(&field).await;
    signal(&desk, &second, rings).await;
    let path = format!("/phones/{BOB}/calls/{second}");
    let (status, _) = field.call("DELETE", &path, None).await;
    assert_eq!(status, 200);
    let ends = |action: &CallAction| matches!(action, CallAction::Terminate { .. });
    signal(&desk, &second, ends).await;
    assert_eq!(state(&field, &second).await, "ended");
}
