//! What can be opened once: sent so, and never handed on.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use buffa::MessageField;
use serde_json::{Value, json};
use waproto::whatsapp as wa;

use super::stage::{MESSAGES, Stage, assert_holds, raw};
use crate::harness::{
    app::phones::PNG,
    field::{ALICE, BOB},
};

#[tokio::test]
async fn what_can_be_opened_once_says_so_on_the_phone_and_is_not_handed_on() {
    let stage = Stage::set().await;
    let opus = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead";
    let film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    for chat in stage.chats() {
        for (kind, base64, mimetype) in [
            ("image", PNG.to_owned(), "image/png"),
            ("video", BASE64_STANDARD.encode(film), "video/mp4"),
            ("voice", BASE64_STANDARD.encode(opus), "audio/ogg"),
        ] {
            let media = json!({"base64": base64, "mimetype": mimetype});
            let body = json!({"to": chat, "type": kind, kind: {"media": media}, "view_once": true});
            let sent = stage.send(body).await;
            let seen = stage.on_phone(BOB, &sent).await;
            assert_holds(&seen, &json!({"type": kind, "view_once": true}));
            assert!(
                seen["media"]["sha256"].is_string(),
                "the phone opens it: {seen}"
            );
            let stored = stage.stored(&sent, |_| true).await;
            assert_holds(&stored, &json!({"type": kind, "view_once": true}));
            let path = format!("{MESSAGES}/{sent}/forward");
            let refused = stage.ann.post(&path, json!({"to": chat})).await;
            refused.refused(409, "view_once_not_forwarded");
        }
    }
}

#[tokio::test]
async fn what_could_be_opened_once_and_is_gone_is_refused_by_name() {
    let mut stage = Stage::set().await;
    let once = wa::Message {
        image_message: MessageField::some(wa::message::ImageMessage {
            view_once: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    // WhatsApp takes the key away with what was opened, or has expired: then there is no file to ask for.
    let opened = stage.write(BOB, BOB, raw(&once)).await;
    let told = stage.heard("message", &opened).await;
    assert!(told.get("media").is_none(), "{told}");
    let path = format!("{MESSAGES}/{opened}/forward");
    let refused = stage.ann.post(&path, json!({"to": BOB})).await;
    refused.refused(400, "kind_not_sent");

    let file = json!({"image": {"base64": PNG, "mimetype": "image/png"}});
    let expired = stage.write(BOB, BOB, file).await;
    let told = stage.heard("message", &expired).await;
    let path = format!("/phones/{ALICE}/messages/{expired}/media?everywhere=true");
    stage.app.control("DELETE", &path, Value::Null).await;
    let read = stage.ann.get(told["media"]["url"].as_str().unwrap()).await;
    read.refused(502, "media_gone");
    let path = format!("{MESSAGES}/{expired}/forward");
    let refused = stage.ann.post(&path, json!({"to": BOB})).await;
    refused.refused(502, "media_gone");
}
