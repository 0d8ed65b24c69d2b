//! Linking a device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use wacore::types::events::Event;
use wharf_sandbox::{Clock, Config};

use crate::harness::{ALICE, BOB, Companion, Field};

#[tokio::test]
async fn a_client_is_linked_when_the_phone_scans_its_qr() {
    let field = Field::start().await;
    let client = Companion::start(&field.sandbox.ws_url()).await;
    let qr = client.qr().await;
    let state = field.get("/state").await;
    assert!(
        qr.starts_with(state["waiting"][0]["ref"].as_str().unwrap()),
        "{state}"
    );

    let linked = field
        .post(&format!("/phones/{ALICE}/scan"), json!({ "qr": qr }))
        .await;
    let (id, lid) = client
        .wait("pair success", |event| match event {
            Event::PairSuccess(ok) => Some((ok.id.to_string(), ok.lid.to_string())),
            _ => None,
        })
        .await;
    assert_eq!(linked["jid"], id);
    assert_eq!(linked["lid"], lid);
    assert_eq!(id, format!("{ALICE}:1@s.whatsapp.net"));
    assert!(field.device(ALICE, 1).await.is_some());
}

#[tokio::test]
async fn a_client_is_linked_when_its_code_is_typed_into_the_phone() {
    let field = Field::start().await;
    let client = Companion::start_with_code(&field.sandbox.ws_url(), ALICE).await;
    let code = client.pair_code().await;
    let enter = format!("/phones/{ALICE}/enter-code");

    let mut wrong: Vec<char> = code.chars().collect();
    wrong[0] = if wrong[0] == '2' { '3' } else { '2' };
    let body = json!({ "code": String::from_iter(wrong) });
    let (status, body) = field.call("POST", &enter, Some(body)).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("wrong_code")));

    field.post(&enter, json!({ "code": code })).await;
    client.connected().await;
    assert!(field.device(ALICE, 1).await.is_some());
}

#[tokio::test]
async fn a_code_that_nobody_asked_for_is_refused() {
    let field = Field::start().await;
    let body = Some(json!({ "code": "ABCD1234" }));
    let (status, body) = field
        .call("POST", &format!("/phones/{ALICE}/enter-code"), body)
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("no_code_asked"))
    );
}

#[tokio::test]
async fn a_phone_refuses_what_is_no_qr_of_anybody_here() {
    let field = Field::start().await;
    let scan = format!("/phones/{ALICE}/scan");
    let (status, body) = field
        .call("POST", &scan, Some(json!({ "qr": "hello" })))
        .await;
    assert_eq!((status, body["code"].as_str()), (422, Some("bad_qr")));

    let client = Companion::start(&field.sandbox.ws_url()).await;
    let foreign = client.qr().await.replacen("2@", "2@x", 1);
    let (status, body) = field
        .call("POST", &scan, Some(json!({ "qr": foreign })))
        .await;
    assert_eq!((status, body["code"].as_str()), (422, Some("unknown_qr")));
}

#[tokio::test]
async fn a_number_that_ends_in_000_is_not_on_whatsapp() {
    let field = Field::start().await;
    let body = Some(json!({ "number": "491700000000" }));
    let (status, body) = field.call("POST", "/phones", body).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (404, Some("not_on_whatsapp"))
    );
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let field = Field::start().await;
    let body = Some(json!({ "number": BOB, "nmae": "Bob" }));
    let (status, body) = field.call("POST", "/phones", body).await;
    assert_eq!(status, 400);
    assert!(body["detail"].as_str().unwrap().contains("nmae"), "{body}");
}

#[tokio::test]
async fn a_qr_that_has_expired_is_refused() {
    let now = Arc::new(AtomicU64::new(1_800_000_000_000));
    let clock = Arc::clone(&now);
    let clock = Clock::from_fn(move || clock.load(Ordering::SeqCst));
    let field = Field::start_with(Config {
        clock,
        ..Config::default()
    })
    .await;
    let client = Companion::start(&field.sandbox.ws_url()).await;
    let qr = client.qr().await;
    now.fetch_add(66_000, Ordering::SeqCst);
    let body = Some(json!({ "qr": qr }));
    let (status, body) = field
        .call("POST", &format!("/phones/{ALICE}/scan"), body)
        .await;
    assert_eq!((status, body["code"].as_str()), (422, Some("expired_qr")));
}
