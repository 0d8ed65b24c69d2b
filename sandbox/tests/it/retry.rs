//! When one side cannot decrypt, the message is sent again.

use std::io::Write as _;

use wacore::store::traits::SignalStore as _;
use wacore::types::events::Event;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use wharf_sandbox::Config;

use crate::harness::{ALICE, BOB, Companion, Field};

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_phone_sends_again_what_the_device_could_not_decrypt() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    // One message each way, so that the phone's next one needs the session.
    let hello = field.says(BOB, ALICE, "hello").await;
    desk.text(&hello).await;
    let sent = desk.client().send_message(to, text("hi")).await.unwrap();
    field
        .phone_sees(BOB, |e| e["message_id"] == sent.message_id.as_str())
        .await;
    let bob = field
        .post("/phones", serde_json::json!({ "number": BOB }))
        .await;
    let address = bob["lid"].as_str().unwrap().to_owned();

    let store = desk.shutdown().await;
    store.delete_session(&format!("{address}.0")).await.unwrap();
    let desk = Companion::start_on(&field.sandbox.ws_url(), store, None).await;
    desk.connected().await;
    let lost = field.says(BOB, ALICE, "do you read me?").await;
    desk.wait("failure to decrypt", |event| match event {
        Event::UndecryptableMessage(m) => (m.info.id == lost).then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(desk.text(&lost).await, "do you read me?");
    let after = field.says(BOB, ALICE, "fine").await;
    assert_eq!(desk.text(&after).await, "fine");
}

#[tokio::test]
async fn a_device_sends_again_what_the_phone_could_not_decrypt() {
    let dir = tempfile::tempdir().unwrap();
    let data = Some(dir.path().to_owned());
    let field = Field::start_with(Config {
        data: data.clone(),
        ..Config::default()
    })
    .await;
    let desk = field.pair(ALICE).await;
    let hello = field.says(BOB, ALICE, "hello").await;
    desk.text(&hello).await;
    let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    let sent = desk
        .client()
        .send_message(to.clone(), text("hi"))
        .await
        .unwrap();
    field
        .phone_sees(BOB, |e| e["message_id"] == sent.message_id.as_str())
        .await;
    let listen = field.sandbox.addr();
    field.sandbox.stop().await;

    // Bob's phone forgets its session with Alice's device.
    let forget = format!("[[\"phone_sessions\",[{BOB},{{\"pn\":{ALICE},\"device\":1}}],null]]\n");
    let journal = dir.path().join("world.journal");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(journal)
        .unwrap();
    file.write_all(forget.as_bytes()).unwrap();
    drop(file);

    let field = Field::start_with(Config {
        data,
        listen,
        ..Config::default()
    })
    .await;
    field.until(ALICE, 1, |d| d["connected"] == true).await;
    let sent = desk
        .client()
        .send_message(to, text("still there?"))
        .await
        .unwrap();
    let seen = field
        .phone_sees(BOB, |e| e["message_id"] == sent.message_id.as_str())
        .await;
    assert_eq!(seen["text"], "still there?");
    assert_eq!(field.get("/state").await["counters"]["counter_reuse"], 0);
}
