//! A pairing that is disturbed: it ends in a pairing, or in a word that says why not.

use entity::{enums::SessionState, ids::SessionId};
use serde_json::{Value, json};

use crate::harness::{
    field::{ALICE, BOB, Field},
    processes::client,
};

async fn connecting(field: &Field) -> SessionId {
    let session = field.session().await;
    field.connect(session).await;
    session
}

async fn fault(field: &Field, rule: Value) {
    field.control("POST", "/faults", rule).await;
}

/// Waits for another QR code than `old`.
async fn next_qr(field: &Field, session: SessionId, old: &str) -> String {
    let state = field
        .until(session, |state| {
            state.phase.qr().is_some_and(|qr| qr.code != old)
        })
        .await;
    state.phase.qr().unwrap().code.clone()
}

/// A scan that may fail, and what the person reads then.
async fn try_scan(field: &Field, qr: &str) -> (u16, Value) {
    let url = format!(
        "http://{}/sandbox/phones/{ALICE}/scan",
        field.sandbox.addr()
    );
    let http = client().post(url).json(&json!({ "qr": qr }));
    let answer = http.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn connected(field: &Field, session: SessionId) {
    field.until_connected(session).await;
    field.write(BOB, ALICE, "are you there?").await;
    field.until_logged(session, "message", 1).await;
}

#[tokio::test]
async fn a_connection_that_drops_while_a_code_is_shown_is_told_and_shows_a_new_code() {
    let field = Field::start().await;
    let session = connecting(&field).await;
    let old = field.qr(session).await;
    fault(&field, json!({ "target": "*", "kind": "drop" })).await;
    let lost = field.until_logged(session, "degraded", 1).await;
    assert_eq!(lost[0]["reason"], "connection_lost");
    let new = next_qr(&field, session, &old).await;
    field.scan(ALICE, &new).await;
    connected(&field, session).await;
    field.process.stop().await;
}

#[tokio::test]
async fn a_connection_that_drops_right_after_the_scan_still_becomes_a_pairing() {
    let field = Field::start().await;
    let session = connecting(&field).await;
    let qr = field.qr(session).await;
    // The device's signature gets through; the first word of its login does not.
    fault(&field, json!({ "target": "*", "kind": "drop", "after": 1 })).await;
    field.scan(ALICE, &qr).await;
    connected(&field, session).await;
    let names = field.event_names(session).await;
    assert_eq!(names.iter().filter(|name| *name == "success").count(), 1);
    field.process.stop().await;
}

#[tokio::test]
async fn a_connection_that_drops_before_the_phone_hears_back_ends_with_a_reason_and_can_be_linked()
{
    let field = Field::start().await;
    let session = connecting(&field).await;
    let qr = field.qr(session).await;
    // Not certain, so that it waits for the next stanza: the device's signature, which the phone never sees.
    let lost = json!({ "target": "*", "kind": "drop", "probability": 0.999_999 });
    fault(&field, lost).await;
    let (status, answer) = try_scan(&field, &qr).await;
    assert_eq!((status, &answer["code"]), (409, &json!("device_gone")));
    // It takes itself for linked, and is told at its login that it is not.
    field
        .until_shown(session, SessionState::LoggedOut, Some("device_removed"))
        .await;
    let names = field.event_names(session).await;
    assert_eq!(names.last().unwrap(), "logged_out");

    field.connect(session).await;
    let qr = field.qr(session).await;
    field.scan(ALICE, &qr).await;
    connected(&field, session).await;
    field.process.stop().await;
}

#[tokio::test]
async fn a_phone_that_refuses_the_scan_leaves_a_session_that_shows_a_new_code() {
    let field = Field::start().await;
    let session = connecting(&field).await;
    let old = field.qr(session).await;
    fault(&field, json!({ "target": ALICE, "kind": "expire_qr" })).await;
    let (status, answer) = try_scan(&field, &old).await;
    assert_eq!((status, &answer["code"]), (422, &json!("expired_qr")));

    let new = next_qr(&field, session, &old).await;
    field.scan(ALICE, &new).await;
    connected(&field, session).await;
    field.process.stop().await;
}
