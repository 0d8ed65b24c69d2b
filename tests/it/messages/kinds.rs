//! Every kind × sent, received by socket and by webhook × a chat of two and a group.

use serde_json::{Value, json};

use super::stage::{CAROL, Stage, assert_holds, once, product};
use crate::harness::field::{ALICE, BOB};

/// What is asked for, and what the phone then shows.
fn sent() -> Vec<(Value, Value)> {
    vec![
        (
            json!({"type": "text", "text": {"body": "hello"}}),
            json!({"type": "text", "text": "hello"}),
        ),
        (
            json!({"type": "text", "text": {"body": format!("hi @{BOB}")}, "mentions": [BOB], "expires_in_s": 86400}),
            json!({"type": "text", "text": format!("hi @{BOB}"), "mentions": [format!("{BOB}@s.whatsapp.net")], "expires_in_s": 86400}),
        ),
        (
            json!({"type": "text", "text": {"body": "see https://example.org"}, "link_preview": {"url": "https://example.org", "title": "Example"}}),
            json!({"type": "text", "text": "see https://example.org", "link_preview": {"url": "https://example.org", "title": "Example"}}),
        ),
        (
            json!({"type": "location", "location": {"latitude": 52.5, "longitude": 13.4, "name": "Gate", "address": "Square 1"}}),
            json!({"type": "location", "latitude": 52.5, "longitude": 13.4, "name": "Gate"}),
        ),
        (
            json!({"type": "contact", "contact": {"name": "Dora", "phone": "+491700000404"}}),
            json!({"type": "contact", "name": "Dora", "vcard": "BEGIN:VCARD\nVERSION:3.0\nN:;Dora;;;\nFN:Dora\nTEL;type=CELL;waid=491700000404:+491700000404\nEND:VCARD"}),
        ),
        (
            json!({"type": "contact", "contact": {"cards": [{"name": "Dora", "phone": "491700000404"}, {"name": "Emil", "phone": "491700000505"}]}}),
            json!({"type": "contacts", "name": "2 contacts", "cards": [{"name": "Dora"}, {"name": "Emil"}]}),
        ),
        (
            json!({"type": "poll", "poll": {"name": "When?", "options": ["now", "later"]}}),
            json!({"type": "poll", "name": "When?", "options": ["now", "later"], "multi": false}),
        ),
        (
            json!({"type": "poll", "poll": {"name": "Which?", "options": ["a", "b", "c"], "multi": true}}),
            json!({"type": "poll", "options": ["a", "b", "c"], "multi": true}),
        ),
        (
            json!({"type": "poll", "poll": {"name": "6 × 7?", "options": ["41", "42"], "quiz": "42"}}),
            json!({"type": "poll", "options": ["41", "42"], "quiz": "42"}),
        ),
        (
            json!({"type": "event", "event": {"name": "Launch", "starts_at": "2027-01-31T18:00:00Z", "location": {"name": "Quay"}}}),
            json!({"type": "event", "name": "Launch", "starts_at": 1_801_418_400, "location": "Quay"}),
        ),
    ]
}

/// What a person writes, and what is told of it.
fn received() -> Vec<(Value, Value)> {
    vec![
        (
            json!({"text": "good morning"}),
            json!({"type": "text", "text": {"body": "good morning"}}),
        ),
        (
            json!({"text": "hi all", "mentions": [ALICE]}),
            json!({"type": "text", "text": {"body": "hi all"}, "mentions": [{"phone": ALICE}]}),
        ),
        (
            json!({"location": {"latitude": 1.5, "longitude": -2.5, "name": "Pier"}}),
            json!({"type": "location", "location": {"latitude": 1.5, "longitude": -2.5, "name": "Pier"}}),
        ),
        (
            json!({"contact": {"name": "Dora", "phone": "491700000404"}}),
            json!({"type": "contact", "contact": {"name": "Dora", "phone": "491700000404"}}),
        ),
        (
            json!({"contacts": [{"name": "Dora", "phone": "491700000404"}, {"name": "Emil", "phone": "491700000505"}]}),
            json!({"type": "contact", "contact": {"name": "2 contacts", "cards": [{"name": "Dora"}, {"name": "Emil", "phone": "491700000505"}]}}),
        ),
        (
            json!({"poll": {"name": "When?", "options": ["now", "later"]}}),
            json!({"type": "poll", "poll": {"name": "When?", "options": ["now", "later"], "multi": false}}),
        ),
        (
            json!({"poll": {"name": "Which?", "options": ["a", "b"], "multi": true}}),
            json!({"type": "poll", "poll": {"name": "Which?", "options": ["a", "b"], "multi": true}}),
        ),
        (
            json!({"event": {"name": "Launch", "starts_at": 1_801_418_400}}),
            json!({"type": "event", "event": {"name": "Launch", "starts_at": "2027-01-31T18:00:00.000Z"}}),
        ),
        (
            once(),
            json!({"type": "text", "text": {"body": "only once"}, "view_once": true}),
        ),
        (
            product(),
            json!({"type": "unknown", "unknown": {"kind": "product_message", "raw": {"product_message": {"body": "a boat"}}}}),
        ),
    ]
}

#[tokio::test]
async fn every_kind_that_is_sent_is_on_the_phone_of_a_friend_and_of_each_member() {
    let stage = Stage::set().await;
    for chat in stage.chats() {
        for (mut body, shown) in sent() {
            body["to"] = json!(chat);
            let id = stage.send(body.clone()).await;
            let readers = if chat == BOB {
                vec![BOB]
            } else {
                vec![BOB, CAROL]
            };
            for reader in readers {
                assert_holds(&stage.on_phone(reader, &id).await, &shown);
            }
            let stored = stage.stored(&id, |_| true).await;
            assert_eq!(stored["type"], body["type"]);
        }
    }
}

#[tokio::test]
async fn every_kind_that_comes_in_is_told_the_same_by_socket_webhook_and_store() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        for (written, told) in received() {
            let id = stage.write(BOB, &chat, written).await;
            let heard = stage.heard("message", &id).await;
            assert_holds(&heard, &told);
            assert_eq!(heard["sender"]["phone"], BOB);
            assert!(heard["sender"]["lid"].as_str().unwrap().ends_with("@lid"));
            let kind = if chat == BOB { "user" } else { "group" };
            assert_eq!(heard["chat"]["kind"], kind);
            assert_holds(&stage.posted(&id).await["data"], &told);
            assert_holds(&stage.stored(&id, |_| true).await, &told);
        }
    }
}

#[tokio::test]
async fn an_answer_quotes_what_it_answers_in_both_directions() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let question = stage.write(BOB, &chat, json!({"text": "who?"})).await;
        stage.heard("message", &question).await;
        let body =
            json!({"to": chat, "type": "text", "text": {"body": "me"}, "reply_to": question});
        let answer = stage.send(body).await;
        let seen = stage.on_phone(BOB, &answer).await;
        assert_holds(
            &seen,
            &json!({"text": "me", "reply_to": question, "quoted": {"type": "text", "text": "who?"}}),
        );

        let back = json!({"text": "oh", "reply_to": answer});
        let back = stage.write(BOB, &chat, back).await;
        let heard = stage.heard("message", &back).await;
        let quoted = json!({"reply_to": {"message_id": answer, "type": "text", "text": {"body": "me"}, "sender": {"phone": ALICE}}});
        assert_holds(&heard, &quoted);
    }
}
