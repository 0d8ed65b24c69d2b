//! Who is online, and who types.

use serde_json::json;
use wacore::types::events::Event;
use wacore_binary::Jid;

use crate::harness::{ALICE, BOB, Companion, Field};

fn jid(number: &str) -> Jid {
    format!("{number}@s.whatsapp.net").parse().unwrap()
}

/// Waits until so many presence updates have come; says of each whether the person was there.
async fn presences(device: &Companion, count: usize) -> Vec<bool> {
    device
        .wait_all("presences", |events| {
            let seen: Vec<bool> = events
                .iter()
                .filter_map(|event| match &**event {
                    Event::Presence(update) => Some(!update.unavailable),
                    _ => None,
                })
                .collect();
            (seen.len() >= count).then_some(seen)
        })
        .await
}

#[tokio::test]
async fn who_watches_somebody_sees_them_come_and_go() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    desk.client().presence().subscribe(jid(BOB)).await.unwrap();
    assert_eq!(presences(&desk, 1).await, [false]);
    let path = format!("/phones/{BOB}/presence");
    field.post(&path, json!({ "available": true })).await;
    field.post(&path, json!({ "available": false })).await;
    assert_eq!(presences(&desk, 3).await, [false, true, false]);
    desk.client()
        .presence()
        .unsubscribe(&jid(BOB))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_device_that_is_gone_is_no_longer_there() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(BOB).await;
    desk.client().presence().subscribe(jid(BOB)).await.unwrap();
    presences(&desk, 1).await;
    tablet.client().presence().set_available().await.unwrap();
    tablet.shutdown().await;
    // There or not when the watching began, but in the end not.
    desk.wait_all("absence", |events| {
        let mut seen = events.iter().filter_map(|event| match &**event {
            Event::Presence(update) => Some(update.unavailable),
            _ => None,
        });
        let there = seen.any(|unavailable| !unavailable);
        (there && seen.next_back() == Some(true)).then_some(())
    })
    .await;
    let bob = field.get(&format!("/phones/{BOB}/presence")).await;
    assert!(
        bob["available"] == false && bob["last_seen"].is_string(),
        "{bob}"
    );
}

#[tokio::test]
async fn typing_is_seen_on_both_sides() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    field
        .post(&format!("/phones/{BOB}/typing"), json!({ "to": ALICE }))
        .await;
    desk.wait("typing", |e| {
        matches!(e, Event::ChatPresence(_)).then_some(())
    })
    .await;

    let shown = async || field.get(&format!("/phones/{BOB}/presence")).await["typing"].clone();
    desk.client()
        .chatstate()
        .send_recording(&jid(BOB))
        .await
        .unwrap();
    // A query is answered after everything before it was done.
    desk.client().groups().get_participating().await.unwrap();
    assert_eq!(shown().await[0]["state"], "recording");
    desk.client()
        .chatstate()
        .send_paused(&jid(BOB))
        .await
        .unwrap();
    desk.client().groups().get_participating().await.unwrap();
    assert_eq!(shown().await, json!([]));
}
