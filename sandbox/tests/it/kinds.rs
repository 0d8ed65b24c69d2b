//! Kinds beyond texts: cards, events and the answers to them, and what an admin deletes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wacore::types::events::Event;
use wacore_binary::Jid;
use waproto::whatsapp::message::event_response_message::EventResponseType;
use whatsapp_rust::RevokeType;

use crate::harness::{ALICE, BOB, Field};

#[tokio::test]
async fn cards_and_events_of_a_person_reach_the_device_and_its_answer_is_read_by_the_phone() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let path = format!("/phones/{BOB}/messages");
    let card = |name: &str| json!({ "name": name, "phone": "491700000404" });
    let cards = json!({ "to": ALICE, "contacts": [card("Dora"), card("Emil")] });
    let cards = field.post(&path, cards).await;
    let seen = desk.message(cards["message_id"].as_str().unwrap()).await;
    let names = seen.contacts_array_message.contacts.iter();
    let names: Vec<_> = names
        .map(|card| card.display_name.clone().unwrap())
        .collect();
    assert_eq!(names, ["Dora", "Emil"]);

    let event = json!({ "to": ALICE, "event": { "name": "Launch", "starts_at": 1_801_418_400 } });
    let event = field.post(&path, event).await;
    let id = event["message_id"].as_str().unwrap();
    let seen = desk.message(id).await;
    assert_eq!(seen.event_message.name.as_deref(), Some("Launch"));
    let secret = seen.message_context_info.message_secret.clone().unwrap();
    let bob = field.post("/phones", json!({ "number": BOB })).await;
    let bob: Jid = bob["lid"].as_str().unwrap().parse().unwrap();
    let (client, going) = (desk.client(), EventResponseType::GOING);
    let events = client.events();
    let answer = events.respond(bob.clone(), id, &bob, &secret, going, None);
    let answer = answer.await.unwrap();
    let seen = field
        .phone_sees(BOB, |one| one["message_id"] == answer.message_id.as_str())
        .await;
    assert_eq!(
        (&seen["type"], &seen["answer"]),
        (&json!("answer"), &json!("going"))
    );

    let answer =
        json!({ "to": ALICE, "answer": { "message_id": cards["message_id"], "answer": "maybe" } });
    let (status, refused) = field.call("POST", &path, Some(answer)).await;
    assert_eq!((status, &refused["code"]), (422, &json!("bad_event")));
    let odd = json!({ "to": ALICE, "raw": STANDARD.encode([255, 255]) });
    let (status, refused) = field.call("POST", &path, Some(odd)).await;
    assert_eq!((status, &refused["code"]), (422, &json!("bad_bytes")));
}

#[tokio::test]
async fn who_is_no_admin_deletes_nothing_that_others_wrote() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let group = json!({ "subject": "Crew", "members": [BOB, ALICE] });
    let group = field.post("/groups", group).await;
    let id = group["id"].as_str().unwrap();
    let said = field.says(BOB, id, "mine").await;
    desk.text(&said).await;
    let bob = field.post("/phones", json!({ "number": BOB })).await;
    let original_sender: Jid = bob["lid"].as_str().unwrap().parse().unwrap();
    let to: Jid = id.parse().unwrap();
    let revoke = RevokeType::Admin { original_sender };
    desk.client()
        .revoke_message(to, said, revoke)
        .await
        .unwrap();
    desk.wait("a refusal", |event| match event {
        Event::ServerAck(ack) => ack.error.as_ref().map(|code| assert_eq!(code, "403")),
        _ => None,
    })
    .await;

    // The one who made the group may.
    let own = desk.client();
    let to: Jid = id.parse().unwrap();
    let sent = own.send_text(to, "ours").await.unwrap().message_id;
    field
        .phone_sees(BOB, |one| one["message_id"] == sent.as_str())
        .await;
    let path = format!("/phones/{BOB}/messages");
    let gone = json!({ "to": id, "revoke": { "message_id": sent } });
    let gone = field.post(&path, gone).await;
    let seen = desk.message(gone["message_id"].as_str().unwrap()).await;
    let key = &seen.protocol_message.key;
    assert_eq!(
        (key.id.as_deref(), key.from_me),
        (Some(sent.as_str()), Some(false))
    );
}
