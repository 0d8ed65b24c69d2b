//! Linking Baileys to a phone of the sandbox: by a scanned code, and by a typed one.

use serde_json::{Value, json};

use super::client::Baileys;
use crate::harness::{
    app::TestApp,
    field::{ALICE, BOB},
};

/// The devices that are linked to the phone of `number`.
async fn devices(app: &TestApp, number: &str) -> Value {
    let state = app.control("GET", "/state", Value::Null).await;
    let phones = state["phones"].as_array().unwrap();
    let phone = phones.iter().find(|phone| phone["number"] == number);
    phone.unwrap()["devices"].clone()
}

#[tokio::test]
async fn baileys_links_by_the_code_that_it_shows_and_comes_back_as_the_device_that_was_linked() {
    let app = TestApp::start_with_phones().await;
    let mut client = Baileys::start();
    client.connect(&app).await;
    let qr = client.shown_qr().await;
    let path = format!("/phones/{BOB}/scan");
    let (reference, keys) = qr.split_once(',').unwrap();
    let foreign = json!({"qr": format!("{reference}x,{keys}")});
    app.try_control("POST", &path, foreign).await.expect(422);
    let linked = app.control("POST", &path, json!({"qr": qr})).await;
    // Opening means that it was sent away after linking, and has logged in anew.
    client.until_open().await;
    let devices = devices(&app, BOB).await;
    assert_eq!(devices[0]["jid"], linked["jid"], "{devices}");
    assert_eq!(devices[0]["connected"], true, "{devices}");
    assert!(devices[0]["last_login_at"].is_string(), "{devices}");
}

#[tokio::test]
async fn baileys_links_by_a_typed_code_and_by_no_other() {
    let app = TestApp::start_with_phones().await;
    let mut client = Baileys::start();
    client.connect(&app).await;
    client.shown_qr().await;
    let code = client.ask("pair_code", json!({"phone": ALICE})).await;
    let typed = format!("/phones/{ALICE}/enter-code");
    let wrong = app.try_control("POST", &typed, json!({"code": "11111111"}));
    wrong.await.expect(422);
    app.control("POST", &typed, code).await;
    client.until_open().await;
    assert_eq!(devices(&app, ALICE).await.as_array().unwrap().len(), 1);
}
