//! Every event is what the description of the API says: in the log, on a socket and in the body of a webhook.
//!
//! `harness::described` is the judge. What really happens to sessions is held to the same in `messages::stage` and where
//! `TestApp::logged` reads a log.

mod samples;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wharf::{
    domain::event::Event,
    webhook::render::{NATIVE, Native, Render as _, Told},
};

use crate::harness::described;

const SESSION: &str = "ses_0190a2b4c6d87e6f8a1b2c3d4e5f6071";
const EVENT: &str = "evt_0190a2b4c6d87e6f8a1b2c3d4e5f6071";
const AT: &str = "2026-01-01T00:00:00.000Z";

/// The event as the log and the socket have it.
fn logged(event: &Event) -> Value {
    let mut told = serde_json::to_value(event).unwrap();
    let place = json!({"seq": 7, "id": EVENT, "session": SESSION, "at": AT});
    told.as_object_mut()
        .unwrap()
        .append(&mut place.as_object().unwrap().clone());
    told
}

fn posted(event: &Event) -> Value {
    let payload = event.data_json().unwrap();
    let told = Told {
        event_type: event.name(),
        session: Some(SESSION),
        seq: 7,
        at_ms: 0,
        payload: &payload,
        shape: NATIVE,
        variant: "",
        who: None,
    };
    let body = Native.render(&told).unwrap().unwrap().body;
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn every_event_is_described_in_the_log_on_the_socket_and_in_a_webhook() {
    let mut seen = BTreeSet::new();
    for event in samples::all() {
        described::is("LoggedEvent", &logged(&event));
        described::is("Frame", &logged(&event));
        described::is("WebhookBody", &posted(&event));
        seen.insert(event.name());
    }
    assert_eq!(seen, BTreeSet::from(Event::NAMES), "an event has no sample");
}

#[test]
fn the_description_names_exactly_the_events_that_there_are() {
    let words = described::schema("EventType")["enum"].as_array().unwrap();
    let words: BTreeSet<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words, BTreeSet::from(Event::NAMES));
}

#[test]
fn what_is_no_event_or_has_the_data_of_another_is_not_as_described() {
    let event = samples::all().remove(0);
    let good = logged(&event);
    assert_eq!(described::fault("LoggedEvent", &good), Ok(()));
    for (pointer, wrong) in [
        ("/type", json!("message.unheard_of")),
        ("/type", json!("message.ack")),
        ("/seq", json!("7")),
        ("/data", json!({})),
        ("/data/message_id", json!(null)),
        ("/data/type", json!("reaction")),
        ("/data/text", json!({})),
        ("/data/text/body", json!(7)),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(
            described::fault("LoggedEvent", &bad).is_err(),
            "{pointer} of {bad}"
        );
    }
    let mut more = good;
    more["data"]["colour"] = json!("red");
    let fault = described::fault("LoggedEvent", &more).unwrap_err();
    assert!(fault.contains("/data/colour is not described"), "{fault}");
}

#[test]
fn a_socket_greets_tells_gaps_and_answers_as_described() {
    let frame = |kind: &str, session: Value, data: Value| {
        let frame = json!({"type": kind, "seq": null, "id": null, "session": session, "at": AT, "data": data});
        described::is("Frame", &frame);
    };
    let greeted =
        json!({"state": "connected", "first_seq": 1, "last_seq": 7, "heartbeat_ms": 25000});
    frame("hello", json!(SESSION), greeted);
    let each = json!({"session": SESSION, "state": "need_scan", "first_seq": 1, "last_seq": 7});
    let greeted = json!({"state": null, "first_seq": null, "last_seq": null, "heartbeat_ms": 25000, "sessions": [each], "more": false});
    frame("hello", json!(null), greeted);
    frame("gap", json!(SESSION), json!({"from": 1, "to": 5}));
    frame("pong", json!(null), json!({}));
}
