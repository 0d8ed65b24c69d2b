//! App state: the person's name, and several devices in step.

use std::time::{Duration, Instant};

use serde_json::json;
use wacore::types::events::Event;
use wacore_binary::Jid;

use crate::harness::{ALICE, BOB, Companion, Field};

/// The client waits this long for the phone's key before it asks.
const KEY_GRACE: Duration = Duration::from_secs(10);

fn bob() -> Jid {
    format!("{BOB}@s.whatsapp.net").parse().unwrap()
}

async fn renamed(device: &Companion, name: &str) {
    device
        .wait("new name", |event| match event {
            Event::SelfPushNameUpdated(update) if update.new_name == name => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_client_without_a_name_is_connected_at_once_and_gets_the_persons_name() {
    let field = Field::start().await;
    field
        .post("/phones", json!({ "number": ALICE, "name": "Alice" }))
        .await;
    let desk = Companion::start_named(&field.sandbox.ws_url(), "").await;
    let qr = desk.qr().await;
    let scanned = Instant::now();
    field
        .post(&format!("/phones/{ALICE}/scan"), json!({ "qr": qr }))
        .await;
    desk.connected().await;
    let took = scanned.elapsed();
    assert!(
        took < KEY_GRACE / 2,
        "connected only after {took:?}: it waited for the key"
    );
    assert_eq!(desk.client().push_name(), "Alice");
}

#[tokio::test]
async fn a_name_changed_on_the_phone_reaches_the_linked_device() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    field
        .post("/phones", json!({ "number": ALICE, "name": "Alicia" }))
        .await;
    renamed(&desk, "Alicia").await;
}

#[tokio::test]
async fn a_name_changed_on_a_device_reaches_the_phone_and_the_other_device() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(ALICE).await;
    desk.client().profile().set_push_name("Ali").await.unwrap();
    renamed(&tablet, "Ali").await;
    let state = field.get("/state").await;
    assert_eq!(state["phones"][0]["name"], "Ali");
}

#[tokio::test]
async fn two_devices_that_change_the_same_collection_at_once_end_in_step() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(ALICE).await;
    let chat = bob();
    let (desk_client, tablet_client) = (desk.client(), tablet.client());
    let (archived, pinned) = tokio::join!(
        async { desk_client.chat_actions().archive_chat(&chat, None).await },
        async { tablet_client.chat_actions().pin_chat(&chat).await },
    );
    archived.unwrap();
    pinned.unwrap();
    tablet
        .wait("archived chat", |e| {
            matches!(e, Event::ArchiveUpdate(_)).then_some(())
        })
        .await;
    desk.wait("pinned chat", |e| {
        matches!(e, Event::PinUpdate(_)).then_some(())
    })
    .await;
}
