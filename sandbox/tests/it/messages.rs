//! One-to-one messages and receipts.

use serde_json::json;
use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use crate::harness::{ALICE, BOB, Field};

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_text_from_a_phone_reaches_the_linked_device() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    for body in ["hello", "again"] {
        let sent = field.says(BOB, ALICE, body).await;
        assert_eq!(desk.text(&sent).await, body);
    }
    // The receipt of the device reaches the phone that wrote.
    let delivered =
        field.phone_sees(BOB, |entry| {
            entry["receipts"].as_array().unwrap().iter().any(|r| {
                r["device"] == format!("{ALICE}:1@s.whatsapp.net") && r["kind"] == "delivered"
            })
        });
    delivered.await;
}

#[tokio::test]
async fn a_text_from_a_linked_device_reaches_the_phone_and_its_receipts_come_back() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let mut ids = Vec::new();
    for body in ["one", "two"] {
        let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
        let sent = desk.client().send_message(to, text(body)).await.unwrap();
        let seen = field
            .phone_sees(BOB, |e| e["message_id"] == sent.message_id.as_str())
            .await;
        assert_eq!(
            (seen["text"].as_str(), seen["from"].as_str()),
            (Some(body), Some(ALICE))
        );
        ids.push(sent.message_id);
    }
    // The person's own phone has a copy.
    field
        .phone_sees(ALICE, |e| e["text"] == "two" && e["to"] == BOB)
        .await;

    desk.receipt(&ids[1], ReceiptType::Delivered).await;
    let read = json!({ "message_ids": ids, "kind": "read" });
    field.post(&format!("/phones/{BOB}/receipts"), read).await;
    desk.receipt(&ids[0], ReceiptType::Read).await;
    desk.receipt(&ids[1], ReceiptType::Read).await;
    assert_eq!(field.get("/state").await["counters"]["counter_reuse"], 0);
}

#[tokio::test]
async fn two_linked_devices_of_one_person_see_what_the_other_sends() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(ALICE).await;
    let from_bob = field.says(BOB, ALICE, "to all").await;
    assert_eq!(desk.text(&from_bob).await, "to all");
    assert_eq!(tablet.text(&from_bob).await, "to all");

    let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    let sent = desk
        .client()
        .send_message(to, text("from the desk"))
        .await
        .unwrap();
    assert_eq!(tablet.text(&sent.message_id).await, "from the desk");
    let from_phone = field.says(ALICE, BOB, "from the phone").await;
    assert_eq!(desk.text(&from_phone).await, "from the phone");
    assert_eq!(tablet.text(&from_phone).await, "from the phone");
}

#[tokio::test]
async fn a_read_message_is_confirmed_to_the_phone_that_wrote_it() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let sent = field.says(BOB, ALICE, "read me").await;
    let chat = desk
        .wait("message", |event| match event {
            Event::Messages(batch) => {
                let found = batch.iter().find(|m| m.info.id == sent)?;
                Some(found.info.source.chat.clone())
            }
            _ => None,
        })
        .await;
    desk.client()
        .mark_as_read(&chat, None, &[sent.as_str()])
        .await
        .unwrap();
    field
        .phone_sees(BOB, |e| {
            e["receipts"]
                .as_array()
                .unwrap()
                .iter()
                .any(|r| r["kind"] == "read")
        })
        .await;
}

#[tokio::test]
async fn every_kind_without_media_arrives_and_is_shown_by_the_phone() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let asked = field.says(BOB, ALICE, "lunch?").await;
    let send = async |content: serde_json::Value| {
        let mut body = content;
        body["to"] = json!(ALICE);
        let sent = field.post(&format!("/phones/{BOB}/messages"), body).await;
        sent["message_id"].as_str().unwrap().to_owned()
    };
    let location = send(json!({ "location": { "latitude": 52.5, "longitude": 13.4 } })).await;
    let contact = send(json!({ "contact": { "name": "Eve", "phone": "491700000303" } })).await;
    let poll = send(json!({ "poll": { "name": "Where?", "options": ["here", "there"] } })).await;
    let vote = send(json!({ "vote": { "message_id": poll, "options": ["there"] } })).await;
    let reaction = send(json!({ "reaction": { "message_id": asked, "emoji": "👍" } })).await;
    let edit = send(json!({ "edit": { "message_id": asked, "text": "dinner?" } })).await;
    let revoke = send(json!({ "revoke": { "message_id": asked } })).await;
    let reply = send(json!({ "text": "well", "reply_to": asked, "mentions": [ALICE] })).await;

    assert!(desk.message(&location).await.location_message.is_set());
    assert!(desk.message(&contact).await.contact_message.is_set());
    assert!(desk.message(&poll).await.poll_creation_message_v3.is_set());
    assert!(desk.message(&vote).await.poll_update_message.is_set());
    assert!(desk.message(&reaction).await.reaction_message.is_set());
    let _ = (edit, revoke);
    let quoted = desk.message(&reply).await;
    let context = &quoted
        .extended_text_message
        .as_option()
        .unwrap()
        .context_info;
    assert_eq!(
        context.as_option().unwrap().stanza_id.as_deref(),
        Some(asked.as_str())
    );

    let log = field.get(&format!("/phones/{BOB}/messages?after=1")).await;
    let kinds: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].as_str().unwrap())
        .collect();
    let all = [
        "location", "contact", "poll", "vote", "reaction", "edit", "revoke", "text",
    ];
    assert_eq!(kinds, all);
    assert_eq!(log["data"][3]["options"], json!(["there"]));
}

#[tokio::test]
async fn a_draft_that_is_no_message_is_refused_with_its_fault() {
    let field = Field::start().await;
    let write = format!("/phones/{BOB}/messages");
    let cases = [
        (json!({ "to": ALICE }), 422, "bad_content"),
        (
            json!({ "to": ALICE, "text": "a", "poll": { "name": "p", "options": ["a", "b"] } }),
            422,
            "bad_content",
        ),
        (json!({ "to": "12", "text": "a" }), 422, "bad_number"),
        (
            json!({ "to": "491700000000", "text": "a" }),
            404,
            "not_on_whatsapp",
        ),
        (
            json!({ "to": ALICE, "reaction": { "message_id": "x", "emoji": "a" } }),
            422,
            "unknown_message",
        ),
        (json!({ "to": ALICE, "txt": "a" }), 400, "bad_body"),
    ];
    for (body, status, code) in cases {
        let (got, answer) = field.call("POST", &write, Some(body.clone())).await;
        assert_eq!(
            (got, answer["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
    }
}
