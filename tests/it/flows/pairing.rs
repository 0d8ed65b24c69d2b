//! Linking a phone, and every way in which it can end.

use entity::enums::SessionState;
use serde_json::json;
use wharf::{domain::address::Address, service::Error};

use crate::harness::field::{ALICE, BOB, Field};

#[tokio::test]
async fn a_scanned_code_links_the_phone_and_connects() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let view = field
        .process
        .sessions
        .get(&field.ctx, &session.to_string())
        .await
        .unwrap();
    assert_eq!(view.phone.as_deref(), Some(ALICE));
    assert!(view.lid.is_some_and(|lid| lid.ends_with("@lid")));
    field.until_logged(session, "connected", 1).await;
    assert_eq!(
        field.event_names(session).await,
        ["qr", "success", "connected"]
    );
    field.process.stop().await;
}

#[tokio::test]
async fn a_code_typed_on_the_phone_links_it_too() {
    let field = Field::start().await;
    let session = field.session().await;
    let to: Address = ALICE.parse().unwrap();
    let code = field
        .process
        .sessions
        .pair_code(&field.ctx, &session.to_string(), &to)
        .await
        .unwrap();
    assert_eq!(code.code.len(), 8);
    let asked_again = field
        .process
        .sessions
        .pair_code(&field.ctx, &session.to_string(), &to)
        .await
        .unwrap();
    assert_eq!(asked_again, code, "one code at a time");
    let other: Address = BOB.parse().unwrap();
    let refused = field
        .process
        .sessions
        .pair_code(&field.ctx, &session.to_string(), &other)
        .await;
    assert!(
        matches!(refused, Err(Error::NotReady { code, .. }) if code == "pair_code_outstanding")
    );
    let body = json!({ "code": code.code });
    field
        .control("POST", &format!("/phones/{ALICE}/enter-code"), body)
        .await;
    field.until_connected(session).await;
    assert!(
        field
            .event_names(session)
            .await
            .contains(&"pair_code".to_owned())
    );
    field.process.stop().await;
}

#[tokio::test]
async fn codes_that_nobody_scans_end_in_a_named_state_and_a_new_connect_shows_new_ones() {
    let field = Field::start().await;
    let session = field.session().await;
    field.connect(session).await;
    let first = field.qr(session).await;
    field
        .control(
            "POST",
            "/faults",
            json!({ "target": "*", "kind": "expire_qr" }),
        )
        .await;
    field
        .until_shown(session, SessionState::Expired, Some("qr_timeout"))
        .await;
    assert_eq!(
        field.event_names(session).await.last().unwrap(),
        "qr_timeout"
    );

    field
        .control("DELETE", "/faults", serde_json::Value::Null)
        .await;
    field.connect(session).await;
    assert_ne!(field.qr(session).await, first);
    field.process.stop().await;
}

#[tokio::test]
async fn unlinking_on_the_phone_logs_the_session_out_and_it_can_be_linked_again() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    field
        .control("POST", &format!("/phones/{ALICE}/unlink"), json!({}))
        .await;
    field
        .until_shown(session, SessionState::LoggedOut, Some("device_removed"))
        .await;
    assert_eq!(
        field.event_names(session).await.last().unwrap(),
        "logged_out"
    );

    field.connect(session).await;
    let qr = field.qr(session).await;
    field.scan(ALICE, &qr).await;
    field.until_connected(session).await;
    field.process.stop().await;
}

#[tokio::test]
async fn a_logout_removes_the_device_from_the_phone() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let view = field
        .process
        .sessions
        .logout(&field.ctx, &session.to_string())
        .await
        .unwrap();
    assert_eq!(view.state, SessionState::LoggedOut);
    assert_eq!(view.reason.as_deref(), Some("requested"));
    let state = field
        .control("GET", "/state", serde_json::Value::Null)
        .await;
    let phone = state["phones"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["number"] == ALICE)
        .unwrap();
    assert_eq!(phone["devices"].as_array().unwrap().len(), 0, "{phone}");
    field.process.stop().await;
}

#[tokio::test]
async fn a_whatsapp_that_is_down_is_told_and_found_again() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    field
        .control(
            "POST",
            "/faults",
            json!({ "target": ALICE, "kind": "drop", "count": 1 }),
        )
        .await;
    field.until_logged(session, "connected", 2).await;
    let names = field.event_names(session).await;
    assert!(names.contains(&"degraded".to_owned()), "{names:?}");
    field.process.stop().await;
}
