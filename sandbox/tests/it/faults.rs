//! Faults: what goes wrong on purpose, and what does not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wacore::types::events::{Event, TempBanReason};
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use crate::harness::{ALICE, BOB, Companion, Field};

fn bob() -> Jid {
    format!("{BOB}@s.whatsapp.net").parse().unwrap()
}

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

async fn fault(field: &Field, body: Value) -> Value {
    field.post("/faults", body).await
}

async fn clear(field: &Field) {
    let (status, _) = field.call("DELETE", "/faults", None).await;
    assert_eq!(status, 200);
}

async fn strikes(field: &Field) -> u64 {
    let state = field.get("/state").await;
    state["faults"][0]["strikes"].as_u64().unwrap()
}

/// Waits until the client has been connected this often.
async fn connected_times(device: &Companion, times: usize) {
    device
        .wait_all("connections", |events| {
            let count = events
                .iter()
                .filter(|e| matches!(***e, Event::Connected(_)))
                .count();
            (count >= times).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_dropped_client_comes_back_and_misses_nothing() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(&field, json!({ "target": ALICE, "kind": "drop" })).await;
    let sent = field.says(BOB, ALICE, "still there?").await;
    assert_eq!(desk.text(&sent).await, "still there?");
    connected_times(&desk, 2).await;
    assert_eq!(strikes(&field).await, 1);
}

#[tokio::test]
async fn a_delayed_message_is_late_and_in_order() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(
        &field,
        json!({ "target": format!("{ALICE}:1"), "kind": "delay", "ms": 700 }),
    )
    .await;
    let before = Instant::now();
    let first = field.says(BOB, ALICE, "one").await;
    let second = field.says(BOB, ALICE, "two").await;
    assert_eq!(desk.message_ids(2).await, [first, second]);
    assert!(before.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn a_refused_message_is_acknowledged_with_the_code_and_reaches_nobody() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(
        &field,
        json!({ "target": ALICE, "kind": "nack", "code": 463, "count": 1 }),
    )
    .await;
    let refused = desk
        .client()
        .send_message(bob(), text("no"))
        .await
        .unwrap()
        .message_id;
    desk.wait("refusal", |event| match event {
        Event::ServerAck(ack) if ack.id == refused => ack.error.clone().filter(|e| e == "463"),
        _ => None,
    })
    .await;
    let taken = desk
        .client()
        .send_message(bob(), text("yes"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(BOB, |e| e["message_id"] == taken.as_str())
        .await;
    let log = field.get(&format!("/phones/{BOB}/messages")).await;
    assert_eq!(log["data"].as_array().unwrap().len(), 1, "{log}");
}

#[tokio::test]
async fn a_phone_that_scans_too_late_gets_another_chance() {
    let field = Field::start().await;
    fault(&field, json!({ "target": ALICE, "kind": "expire_qr" })).await;
    let desk = Companion::start(&field.sandbox.ws_url()).await;
    let late = desk.qr().await;
    let scan = format!("/phones/{ALICE}/scan");
    let (status, body) = field.call("POST", &scan, Some(json!({ "qr": late }))).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("expired_qr")));
    let fresh = desk
        .wait("another QR code", |event| match event {
            Event::PairingQrCode(qr) if qr.code.split(',').next() != late.split(',').next() => {
                Some(qr.code.clone())
            }
            _ => None,
        })
        .await;
    field.post(&scan, json!({ "qr": fresh })).await;
    desk.connected().await;
}

#[tokio::test]
async fn a_stream_error_is_what_the_client_takes_it_for() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(
        &field,
        json!({ "target": ALICE, "kind": "stream_error", "code": 515 }),
    )
    .await;
    connected_times(&desk, 2).await;
    fault(
        &field,
        json!({ "target": ALICE, "kind": "stream_error", "code": "conflict" }),
    )
    .await;
    desk.wait("replacement", |e| {
        matches!(e, Event::StreamReplaced(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_banned_client_learns_why_and_for_how_long() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let body = json!({ "target": ALICE, "kind": "ban", "code": 102, "seconds": 1800 });
    fault(&field, body).await;
    let (reason, seconds) = desk
        .wait("ban", |event| match event {
            Event::TemporaryBan(ban) => Some((ban.code.clone(), ban.expire.num_seconds())),
            _ => None,
        })
        .await;
    assert_eq!((reason, seconds), (TempBanReason::BlockedByUsers, 1800));
}

#[tokio::test]
async fn an_outdated_client_is_told_so_at_its_login() {
    let field = Field::start().await;
    let store = field.pair(ALICE).await.shutdown().await;
    fault(
        &field,
        json!({ "target": ALICE, "kind": "client_outdated" }),
    )
    .await;
    let desk = Companion::start_on(&field.sandbox.ws_url(), store, None).await;
    desk.wait("refusal", |e| {
        matches!(e, Event::ClientOutdated(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rate_limited_query_fails_until_the_limit_is_lifted() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(&field, json!({ "target": ALICE, "kind": "rate_limit" })).await;
    let refused = desk
        .client()
        .groups()
        .get_participating()
        .await
        .unwrap_err();
    assert!(format!("{refused:?}").contains("429"), "{refused:?}");
    clear(&field).await;
    assert!(
        desk.client()
            .groups()
            .get_participating()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_duplicated_message_is_shown_once() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(&field, json!({ "target": ALICE, "kind": "duplicate" })).await;
    let first = field.says(BOB, ALICE, "one").await;
    let second = field.says(BOB, ALICE, "two").await;
    assert_eq!(desk.message_ids(2).await, [first, second]);
    assert!(strikes(&field).await >= 2);
}

#[tokio::test]
async fn an_overtaken_message_arrives_behind_the_next_one() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    // One message first, so that no session has to be set up out of order.
    let zero = field.says(BOB, ALICE, "zero").await;
    desk.text(&zero).await;
    fault(
        &field,
        json!({ "target": ALICE, "kind": "reorder", "count": 1 }),
    )
    .await;
    let first = field.says(BOB, ALICE, "one").await;
    let second = field.says(BOB, ALICE, "two").await;
    assert_eq!(desk.message_ids(3).await, [zero, second, first]);
}

#[tokio::test]
async fn a_lost_receipt_never_arrives_and_the_next_one_does() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(&field, json!({ "target": BOB, "kind": "lose_receipts" })).await;
    let first = desk
        .client()
        .send_message(bob(), text("one"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(BOB, |e| e["message_id"] == first.as_str())
        .await;
    assert_eq!(strikes(&field).await, 1);
    clear(&field).await;
    let second = desk
        .client()
        .send_message(bob(), text("two"))
        .await
        .unwrap()
        .message_id;
    desk.receipt(&second, ReceiptType::Delivered).await;
    let seen_first = desk
        .wait_all("receipts", |events| {
            let of_first = events.iter().any(|event| match &**event {
                Event::Receipt(receipt) => receipt.message_ids.contains(&first),
                _ => false,
            });
            Some(of_first)
        })
        .await;
    assert!(!seen_first);
}

#[tokio::test]
async fn a_deaf_server_delivers_nothing_and_what_it_kept_comes_later() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    fault(&field, json!({ "target": ALICE, "kind": "deaf" })).await;
    let sent = field.says(BOB, ALICE, "hello?").await;
    field
        .until(ALICE, 1, |d| d["queued"] == 1 && d["connected"] == true)
        .await;
    clear(&field).await;
    fault(&field, json!({ "target": ALICE, "kind": "drop" })).await;
    assert_eq!(desk.text(&sent).await, "hello?");
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused_by_name() {
    let field = Field::start().await;
    let refusals = [
        (
            json!({ "target": "*", "kind": "earthquake" }),
            422,
            "no such kind",
        ),
        (json!({ "target": "nobody", "kind": "drop" }), 422, "target"),
        (
            json!({ "target": "*", "kind": "drop", "ms": 5 }),
            422,
            "takes no ms",
        ),
        (json!({ "target": "*", "kind": "delay" }), 422, "needs ms"),
        (
            json!({ "target": "*", "kind": "nack", "code": 200 }),
            422,
            "needs a code",
        ),
        (
            json!({ "target": "*", "kind": "drop", "probability": 0.0 }),
            422,
            "probability",
        ),
        (
            json!({ "target": "*", "kind": "drop", "count": 0 }),
            422,
            "count",
        ),
        (
            json!({ "target": "*", "kind": "drop", "often": true }),
            400,
            "often",
        ),
    ];
    for (body, status, why) in refusals {
        let (got, answer) = field.call("POST", "/faults", Some(body)).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(got == status && detail.contains(why), "{got} {detail}");
    }
    let (status, _) = field.call("DELETE", "/faults/7", None).await;
    assert_eq!(status, 404);
    assert_eq!(field.get("/state").await["faults"], json!([]));
}
