//! Texts and files between a session and Baileys, what each has decrypted, and what each learns of the other's reading.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::client::{ALICE_JID, Baileys, assert_from_alice, chats};
use crate::{
    harness::{
        app::phones::JPEG,
        field::{ALICE, BOB},
    },
    messages::stage::{MESSAGES, Stage, assert_holds},
};

/// Baileys learns that a message of its own was `delivered` or `read`.
async fn learns(baileys: &mut Baileys, chat: &str, id: &str, read: bool) {
    if chat.ends_with("@g.us") {
        let what = if read {
            "readTimestamp"
        } else {
            "receiptTimestamp"
        };
        let is_so = |data: &Value| data["key"]["id"] == id && data["receipt"][what].is_u64();
        baileys.hears("message-receipt.update", is_so).await;
    } else {
        // As WhatsApp's clients count: 3 is delivered, 4 is read.
        let status = if read { 4 } else { 3 };
        let is_so = |data: &Value| data["key"]["id"] == id && data["update"]["status"] == status;
        baileys.hears("messages.update", is_so).await;
    }
}

#[tokio::test]
async fn texts_go_both_ways_and_each_side_learns_that_the_other_has_read() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    let alice = stage.app.lid_of(ALICE).await;
    for (ours, theirs) in chats(&stage) {
        let text = json!({"to": ours, "type": "text", "text": {"body": "Grüße 🚢"}});
        let sent = stage.send(text).await;
        let copy = baileys.copy(&sent).await;
        assert_eq!(text_of(&copy), "Grüße 🚢", "{copy}");
        assert_from_alice(&copy, &theirs, &alice);
        stage.stored(&sent, |one| one["ack"] == 2).await;
        baileys.ask("read", json!({"message_id": sent})).await;
        stage.stored(&sent, |one| one["ack"] == 3).await;

        let answer = json!({"text": "und zurück"});
        let answer = baileys.write(&theirs, answer).await;
        let told = stage.heard("message", &answer).await;
        let wanted = json!({"type": "text", "text": {"body": "und zurück"}, "from_me": false, "sender": {"phone": BOB}});
        assert_holds(&told, &wanted);
        learns(&mut baileys, &theirs, &answer, false).await;
        let read = format!("{MESSAGES}/{answer}/read");
        stage.ann.post(&read, json!({})).await.expect(204);
        learns(&mut baileys, &theirs, &answer, true).await;
    }
}

#[tokio::test]
async fn an_image_arrives_byte_for_byte_in_both_directions() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    let bytes = STANDARD.decode(JPEG).unwrap();
    let sha256 = hex::encode(Sha256::digest(&bytes));
    for (ours, theirs) in chats(&stage) {
        let media = json!({"base64": JPEG, "mimetype": "image/jpeg"});
        let image =
            json!({"to": ours, "type": "image", "image": {"media": media, "caption": "a point"}});
        let sent = stage.send(image).await;
        let copy = baileys.copy(&sent).await;
        assert_eq!(copy["message"]["imageMessage"]["caption"], "a point");
        let opened = baileys.ask("download", json!({"message_id": sent})).await;
        assert_eq!(opened["sha256"], sha256);

        let image = json!({"image": JPEG, "caption": "another"});
        let image = baileys.write(&theirs, image).await;
        let told = stage.heard("message", &image).await;
        assert_holds(
            &told,
            &json!({"type": "image", "image": {"caption": "another"}, "media": {"mimetype": "image/jpeg"}}),
        );
        let media = told["media"]["id"].as_str().unwrap();
        let path = format!("/v1/sessions/sales/media/{media}");
        let read = stage.ann.get(&path).await;
        assert_eq!(read.status, 200);
        assert_eq!(read.bytes, bytes);
    }
}

#[tokio::test]
async fn a_group_that_baileys_makes_is_told_to_the_session_which_writes_into_it() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    let made = json!({"subject": "made elsewhere", "participants": [ALICE_JID]});
    let group = baileys.ask("create_group", made).await;
    let group = group["id"].as_str().unwrap().to_owned();
    let first = json!({"text": "welcome"});
    let first = baileys.write(&group, first).await;
    assert_holds(
        &stage.heard("message", &first).await,
        &json!({"chat": {"id": group, "kind": "group"}, "text": {"body": "welcome"}}),
    );
    let path = format!("/v1/sessions/sales/groups/{group}");
    let shown = stage.ann.get(&path).await.expect(200);
    assert_eq!(shown["subject"], "made elsewhere", "{shown}");
    let text = json!({"to": group, "type": "text", "text": {"body": "thanks"}});
    let sent = stage.send(text).await;
    assert_eq!(text_of(&baileys.copy(&sent).await), "thanks");
}

/// The text in its copy of a message.
fn text_of(copy: &Value) -> &str {
    let message = &copy["message"];
    let plain = message["conversation"].as_str();
    plain
        .or_else(|| message["extendedTextMessage"]["text"].as_str())
        .unwrap_or_else(|| panic!("not a text: {copy}"))
}
