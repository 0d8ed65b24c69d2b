//! Logging in again, and every way a link ends.

use serde_json::json;
use wacore::types::events::Event;

use crate::harness::{ALICE, BOB, Companion, Field};

#[tokio::test]
async fn a_linked_device_logs_in_again_and_gets_what_it_missed_in_order() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let store = desk.shutdown().await;
    field
        .until(ALICE, 1, |device| device["connected"] == false)
        .await;
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(field.says(BOB, ALICE, &format!("missed {n}")).await);
    }
    let queued = field.device(ALICE, 1).await.unwrap()["queued"]
        .as_u64()
        .unwrap();
    assert!(queued >= 20, "{queued}");

    let desk = Companion::start_on(&field.sandbox.ws_url(), store, None).await;
    desk.connected().await;
    let order = desk.message_ids(sent.len()).await;
    assert_eq!(order, sent);
    field.until(ALICE, 1, |device| device["queued"] == 0).await;
}

#[tokio::test]
async fn an_unlinked_device_is_told_and_cannot_come_back() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let gone = field
        .post(&format!("/phones/{ALICE}/unlink"), json!({}))
        .await;
    assert_eq!(gone["removed"], json!([1]));
    desk.logged_out().await;
    assert!(field.device(ALICE, 1).await.is_none());

    let store = desk.shutdown().await;
    let again = Companion::start_on(&field.sandbox.ws_url(), store, None).await;
    again.logged_out().await;
    let (status, body) = field
        .call("POST", &format!("/phones/{ALICE}/unlink"), Some(json!({})))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("no_such_device"))
    );
}

#[tokio::test]
async fn a_device_that_logs_itself_out_is_gone() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    desk.client().logout().await;
    assert!(field.device(ALICE, 1).await.is_none());
}

#[tokio::test]
async fn a_second_connection_of_a_device_replaces_the_first() {
    let field = Field::start().await;
    let first = field.pair(ALICE).await;
    let url = field.sandbox.ws_url();
    let second = Companion::start_on(&url, first.backend.clone(), None).await;
    second.connected().await;
    first
        .wait("replacement", |event| {
            matches!(event, Event::StreamReplaced(_)).then_some(())
        })
        .await;
    assert_eq!(field.get("/state").await["counters"]["replaced"], 1);
}
