//! Reactions, edits, deletions, votes and answers, in both directions, and what the stored message shows of them.

use std::time::Duration;

use buffa::MessageField;
use serde_json::{Value, json};
use waproto::whatsapp::{self as wa, message::protocol_message::Type};

use super::stage::{CAROL, MESSAGES, Stage, assert_holds, once, product, raw};
use crate::harness::{
    app::Answer,
    field::{ALICE, BOB},
};

/// Says something about a message; gives the id of what was said.
fn taken(answer: Answer) -> String {
    let sent = answer.expect(202);
    assert_eq!(sent["status"], "sent", "{sent}");
    sent["message_id"].as_str().unwrap().to_owned()
}

fn text(to: &str, body: &str) -> Value {
    json!({"to": to, "type": "text", "text": {"body": body}})
}

fn edit(body: &str) -> Value {
    json!({"text": {"body": body}})
}

#[tokio::test]
async fn a_reaction_is_on_the_phone_and_with_the_message_until_it_is_taken_back() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let message = stage.write(BOB, &chat, json!({"text": "done"})).await;
        stage.heard("message", &message).await;
        let path = format!("{MESSAGES}/{message}/reactions");
        for emoji in ["👍", ""] {
            let reaction = taken(stage.ann.post(&path, json!({"emoji": emoji})).await);
            let seen = stage.on_phone(BOB, &reaction).await;
            let shown = json!({"type": "reaction", "emoji": emoji, "target": message});
            assert_holds(&seen, &shown);
            let reactions = |stored: &Value| stored["reactions"].as_array().unwrap().len();
            let wanted = usize::from(!emoji.is_empty());
            let stored = stage.stored(&message, |stored| reactions(stored) == wanted);
            let stored = stored.await;
            if wanted == 1 {
                let ours = json!([{"emoji": emoji, "sender": {"phone": ALICE}}]);
                assert_holds(&stored["reactions"], &ours);
            }
        }

        let own = stage.send(text(&chat, "mine")).await;
        stage.on_phone(BOB, &own).await;
        let reaction = json!({"reaction": {"message_id": own, "emoji": "🎉"}});
        let reaction = stage.write(BOB, &chat, reaction).await;
        let told = json!({"type": "reaction", "reaction": {"message_id": own, "emoji": "🎉"}, "sender": {"phone": BOB}});
        assert_holds(&stage.heard("message.reaction", &reaction).await, &told);
        assert_holds(&stage.posted(&reaction).await["data"], &told);
        let stored = stage.stored(&own, |_| true).await;
        assert_holds(&stored["reactions"], &json!([{"emoji": "🎉"}]));
    }
    // None of them is a message of its own in the list.
    let listed = stage.ann.get(MESSAGES).await.expect(200);
    let listed = listed["data"].as_array().unwrap();
    assert!(
        listed.iter().all(|one| one["type"] == "text"),
        "{listed:#?}"
    );
}

#[tokio::test]
async fn an_edit_is_on_the_phone_and_the_message_has_its_last_wording() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let own = stage.send(text(&chat, "helo")).await;
        let path = format!("{MESSAGES}/{own}");
        let changed = taken(stage.ann.patch(&path, edit("hello")).await);
        let seen = stage.on_phone(BOB, &changed).await;
        assert_holds(
            &seen,
            &json!({"type": "edit", "text": "hello", "target": own}),
        );
        let stored = stage.stored(&own, |one| one["edited_at"].is_string()).await;
        assert_eq!(stored["text"]["body"], "hello");

        let theirs = stage.write(BOB, &chat, json!({"text": "gud"})).await;
        stage.heard("message", &theirs).await;
        let changed = json!({"edit": {"message_id": theirs, "text": "good"}});
        let changed = stage.write(BOB, &chat, changed).await;
        let told =
            json!({"type": "edit", "edit": {"message_id": theirs, "text": {"body": "good"}}});
        assert_holds(&stage.heard("message.edit", &changed).await, &told);
        assert_holds(&stage.posted(&changed).await["data"], &told);
        let stored = stage.stored(&theirs, |_| true).await;
        assert_eq!(stored["text"]["body"], "good");

        let path = format!("{MESSAGES}/{theirs}");
        let refused = stage.ann.patch(&path, edit("bad")).await;
        refused.refused(409, "not_own_message");
    }
}

#[tokio::test]
async fn a_deletion_reaches_the_phone_and_the_message_says_who_deleted_it() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let own = stage.send(text(&chat, "oops")).await;
        let path = format!("{MESSAGES}/{own}");
        let gone = taken(stage.ann.delete(&path).await);
        let seen = stage.on_phone(BOB, &gone).await;
        assert_holds(&seen, &json!({"type": "revoke", "target": own}));
        let stored = stage.stored(&own, |one| one["deleted"].is_object()).await;
        assert_eq!(stored["deleted"]["by"]["phone"], ALICE);
        let refused = stage.ann.patch(&path, edit("again")).await;
        refused.refused(409, "message_deleted");
        let refused = stage.ann.delete(&path).await;
        refused.refused(409, "message_deleted");

        let theirs = stage.write(BOB, &chat, json!({"text": "sorry"})).await;
        stage.heard("message", &theirs).await;
        let gone = json!({"revoke": {"message_id": theirs}});
        let gone = stage.write(BOB, &chat, gone).await;
        let told = json!({"type": "revoke", "revoke": {"message_id": theirs}});
        assert_holds(&stage.heard("message.delete", &gone).await, &told);
        assert_holds(&stage.posted(&gone).await["data"], &told);
        let stored = stage.stored(&theirs, |_| true).await;
        assert_eq!(stored["deleted"]["by"]["phone"], BOB);
    }
}

#[tokio::test]
async fn an_admin_deletes_what_others_wrote_and_nobody_else_does() {
    let mut stage = Stage::set().await;
    let group = stage.group.clone();
    // The session's phone has made the group.
    let theirs = stage.write(BOB, &group, json!({"text": "spam"})).await;
    stage.heard("message", &theirs).await;
    let gone = taken(stage.ann.delete(&format!("{MESSAGES}/{theirs}")).await);
    let seen = stage.on_phone(CAROL, &gone).await;
    assert_holds(&seen, &json!({"type": "revoke", "target": theirs}));
    let stored = stage.stored(&theirs, |one| one["deleted"].is_object());
    assert_eq!(stored.await["deleted"]["by"]["phone"], ALICE);

    let others = json!({"subject": "theirs", "members": [BOB, ALICE]});
    let others = stage.app.control("POST", "/groups", others).await;
    let others = others["id"].as_str().unwrap().to_owned();
    let theirs = stage.write(BOB, &others, json!({"text": "mine"})).await;
    stage.heard("message", &theirs).await;
    let refused = stage.ann.delete(&format!("{MESSAGES}/{theirs}")).await;
    refused.refused(409, "not_an_admin");
    // An admin's word counts also when it comes in.
    let own = stage.send(text(&others, "ours")).await;
    stage.on_phone(BOB, &own).await;
    let gone = json!({"revoke": {"message_id": own}});
    let gone = stage.write(BOB, &others, gone).await;
    stage.heard("message.delete", &gone).await;
    let stored = stage.stored(&own, |_| true).await;
    assert_eq!(stored["deleted"]["by"]["phone"], BOB);

    let private = stage.write(BOB, BOB, json!({"text": "hi"})).await;
    stage.heard("message", &private).await;
    let refused = stage.ann.delete(&format!("{MESSAGES}/{private}")).await;
    refused.refused(409, "not_own_message");
}

#[tokio::test]
async fn what_somebody_may_not_do_to_the_message_of_another_is_neither_told_nor_shown() {
    let mut stage = Stage::set().await;
    let group = stage.group.clone();
    let theirs = stage.write(BOB, &group, json!({"text": "true"})).await;
    stage.heard("message", &theirs).await;
    let forged = |kind, edited: Option<&str>| {
        raw(&wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage {
                key: MessageField::some(wa::MessageKey {
                    remote_jid: Some(group.clone()),
                    from_me: Some(true),
                    id: Some(theirs.clone()),
                    participant: None,
                }),
                r#type: Some(kind),
                edited_message: edited.map_or_else(MessageField::none, |text| {
                    MessageField::some(wa::Message {
                        conversation: Some(text.to_owned()),
                        ..Default::default()
                    })
                }),
                ..Default::default()
            }),
            ..Default::default()
        })
    };
    for forged in [
        forged(Type::MESSAGE_EDIT, Some("false")),
        forged(Type::REVOKE, None),
    ] {
        stage.write(CAROL, &group, forged).await;
    }
    let last = stage.write(CAROL, &group, json!({"text": "done"})).await;
    stage.heard("message", &last).await;
    let stored = stage.stored(&theirs, |_| true).await;
    assert_eq!(stored["text"]["body"], "true");
    assert_eq!(
        (&stored["deleted"], &stored["edited_at"]),
        (&Value::Null, &Value::Null)
    );
    let path = "/v1/sessions/sales/events?types=message.edit,message.delete";
    let told = stage.ann.get(path).await.expect(200);
    assert_eq!(told["data"], json!([]));
}

#[tokio::test]
async fn what_is_done_on_the_own_phone_is_told_as_ones_own_and_shown_with_the_message() {
    let mut stage = Stage::set().await;
    for to in stage.chats() {
        let path = format!("/phones/{ALICE}/messages");
        let written = async |body: Value| {
            let written = stage.app.control("POST", &path, body).await;
            written["message_id"].as_str().unwrap().to_owned()
        };
        let text = written(json!({"to": to, "text": "from the phone"})).await;
        let changed = json!({"to": to, "edit": {"message_id": text, "text": "mended"}});
        let changed = written(changed).await;
        let reaction = json!({"to": to, "reaction": {"message_id": text, "emoji": "👍"}});
        let reaction = written(reaction).await;
        for (kind, id) in [
            ("message", &text),
            ("message.edit", &changed),
            ("message.reaction", &reaction),
        ] {
            let heard = stage.heard(kind, id).await;
            let own = json!({"from_me": true, "sender": {"phone": ALICE}});
            assert_holds(&heard, &own);
        }
        let stored = stage.stored(&text, |_| true).await;
        let became = json!({"text": {"body": "mended"}, "reactions": [{"emoji": "👍"}]});
        assert_holds(&stored, &became);
        // Written on the phone, it can be mended here as well.
        let path = format!("{MESSAGES}/{text}");
        taken(stage.ann.patch(&path, edit("once more")).await);
        stage
            .stored(&text, |one| one["text"]["body"] == "once more")
            .await;
    }
}

#[tokio::test]
async fn what_is_too_old_unknown_or_no_emoji_is_refused_by_name() {
    let mut stage = Stage::set().await;
    let own = stage.send(text(BOB, "hello")).await;
    let poll = json!({"to": BOB, "type": "poll", "poll": {"name": "?", "options": ["a", "b"]}});
    let poll = stage.send(poll).await;
    let path = format!("{MESSAGES}/{own}");
    let about = |what: &str| format!("{path}/{what}");
    for emoji in ["x", "+1", "👍 👍", "👍\n"] {
        let refused = stage
            .ann
            .post(&about("reactions"), json!({"emoji": emoji}))
            .await;
        let problem = refused.refused(400, "invalid_emoji");
        assert!(problem["errors"]["/emoji"].is_array(), "{problem}");
    }
    let refused = stage
        .ann
        .patch(&format!("{MESSAGES}/{poll}"), edit("x"))
        .await;
    refused.refused(409, "not_a_text");
    let refused = stage
        .ann
        .post(&about("votes"), json!({"options": []}))
        .await;
    refused.refused(409, "not_a_poll");
    let refused = stage.ann.patch(&path, edit("")).await;
    refused.refused(400, "validation_failed");
    for what in ["reactions", "votes", "forward"] {
        let path = format!("{MESSAGES}/3EB0NOBODY/{what}");
        let body =
            json!({"reactions": {"emoji": ""}, "votes": {"options": []}, "forward": {"to": BOB}});
        let refused = stage.ann.post(&path, body[what].clone()).await;
        refused.refused(404, "message_not_found");
    }

    stage.app.clock.advance(Duration::from_mins(16));
    stage.ann = stage.app.sign_in("ann").await;
    let refused = stage.ann.patch(&path, edit("late")).await;
    refused.refused(409, "edit_window_closed");
    stage.app.clock.advance(Duration::from_hours(60));
    stage.ann = stage.app.sign_in("ann").await;
    let refused = stage.ann.delete(&path).await;
    refused.refused(409, "revoke_window_closed");
}

#[tokio::test]
async fn votes_are_decrypted_counted_and_replaced_in_both_directions() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let poll = json!({"to": chat, "type": "poll", "poll": {"name": "Which?", "options": ["a", "b", "c"], "multi": true}});
        let own = stage.send(poll).await;
        stage.on_phone(BOB, &own).await;
        for (options, counts) in [
            (vec!["a", "c"], [1, 0, 1]),
            (vec!["b"], [0, 1, 0]),
            (vec![], [0, 0, 0]),
        ] {
            let vote = json!({"vote": {"message_id": own, "options": options}});
            let vote = stage.write(BOB, &chat, vote).await;
            let told = json!({"type": "vote", "vote": {"message_id": own, "options": options}, "sender": {"phone": BOB}});
            assert_holds(&stage.heard("poll.vote", &vote).await, &told);
            assert_holds(&stage.posted(&vote).await["data"], &told);
            let stored = stage.stored(&own, |_| true).await;
            let found: Vec<_> = stored["votes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["count"].as_u64().unwrap())
                .collect();
            assert_eq!(found, counts, "{stored:#}");
        }

        let theirs = json!({"poll": {"name": "When?", "options": ["now", "later"]}});
        let theirs = stage.write(BOB, &chat, theirs).await;
        stage.heard("message", &theirs).await;
        let path = format!("{MESSAGES}/{theirs}/votes");
        for (options, code) in [
            (json!(["never"]), "vote_option_unknown"),
            (json!(["now", "later"]), "vote_is_single"),
            (json!(["now", "now"]), "vote_option_twice"),
        ] {
            let refused = stage.ann.post(&path, json!({"options": options})).await;
            refused.refused(400, code);
        }
        let vote = taken(stage.ann.post(&path, json!({"options": ["later"]})).await);
        let seen = stage.on_phone(BOB, &vote).await;
        assert_holds(
            &seen,
            &json!({"type": "vote", "options": ["later"], "target": theirs}),
        );
        let stored = stage
            .stored(&theirs, |one| one["votes"][1]["count"] == 1)
            .await;
        assert_eq!(stored["votes"][1]["voters"][0]["phone"], ALICE);
    }
}

#[tokio::test]
async fn answers_to_an_event_are_decrypted_and_shown_with_it() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let event = json!({"to": chat, "type": "event", "event": {"name": "Launch", "starts_at": "2027-01-31T18:00:00Z"}});
        let own = stage.send(event).await;
        stage.on_phone(BOB, &own).await;
        for answer in ["maybe", "going"] {
            let written = json!({"answer": {"message_id": own, "answer": answer}});
            let written = stage.write(BOB, &chat, written).await;
            let told =
                json!({"type": "response", "response": {"message_id": own, "answer": answer}});
            assert_holds(&stage.heard("event.response", &written).await, &told);
            assert_holds(&stage.posted(&written).await["data"], &told);
        }
        let stored = stage.stored(&own, |_| true).await;
        let last = json!([{"answer": "going", "sender": {"phone": BOB}}]);
        assert_holds(&stored["responses"], &last);
    }
}

#[tokio::test]
async fn a_message_that_is_handed_on_says_so_and_what_cannot_be_is_refused() {
    let mut stage = Stage::set().await;
    let group = stage.group.clone();
    let news = stage
        .write(
            BOB,
            BOB,
            json!({"location": {"latitude": 1.5, "longitude": 2.5}}),
        )
        .await;
    stage.heard("message", &news).await;
    let path = format!("{MESSAGES}/{news}/forward");
    let forwarded = taken(stage.ann.post(&path, json!({"to": group})).await);
    let seen = stage.on_phone(CAROL, &forwarded).await;
    assert_holds(
        &seen,
        &json!({"type": "location", "latitude": 1.5, "forwarded": true}),
    );
    let stored = stage.stored(&forwarded, |_| true).await;
    assert_eq!(stored["forwarded"], true);
    let refused = stage.ann.post(&path, json!({"to": "nobody"})).await;
    refused.refused(400, "invalid_recipient");
    for (written, status, code) in [
        (once(), 409, "view_once_not_forwarded"),
        (product(), 400, "kind_not_sent"),
    ] {
        let id = stage.write(BOB, BOB, written).await;
        stage.heard("message", &id).await;
        let path = format!("{MESSAGES}/{id}/forward");
        let refused = stage.ann.post(&path, json!({"to": group})).await;
        refused.refused(status, code);
    }
}
