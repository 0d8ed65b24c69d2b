//! `log_messages` off: what messages say is told and not kept.

use entity::{message_marks, message_texts, messages};
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::stage::{MESSAGES, Stage, assert_holds};
use crate::harness::field::BOB;

async fn keep_texts(stage: &Stage, keep: bool) {
    let settings = json!({"settings": {"log_messages": keep}});
    stage
        .ann
        .patch("/v1/sessions/sales", settings)
        .await
        .expect(200);
}

/// Whether the rows of messages hold `word` anywhere.
async fn rows_hold(stage: &Stage, word: &str) -> bool {
    let db = &stage.app.db;
    let messages = messages::Entity::find().all(db).await.unwrap();
    let marks = message_marks::Entity::find().all(db).await.unwrap();
    let texts = message_texts::Entity::find().all(db).await.unwrap();
    format!("{messages:?}{marks:?}{texts:?}").contains(word)
}

#[tokio::test]
async fn what_is_said_while_no_texts_are_kept_is_told_and_stands_in_no_row() {
    let mut stage = Stage::set().await;
    keep_texts(&stage, false).await;

    let theirs = stage.write(BOB, BOB, json!({"text": "zebra one"})).await;
    let heard = stage.heard("message", &theirs).await;
    assert_eq!(heard["text"]["body"], "zebra one");
    assert_eq!(
        stage.posted(&theirs).await["data"]["text"]["body"],
        "zebra one"
    );
    let own = json!({"to": BOB, "type": "text", "text": {"body": "zebra two"}, "reply_to": theirs});
    let own = stage.send(own).await;
    assert_eq!(stage.on_phone(BOB, &own).await["text"], "zebra two");
    let reaction = json!({"reaction": {"message_id": own, "emoji": "🦓"}});
    let reaction = stage.write(BOB, BOB, reaction).await;
    let heard = stage.heard("message.reaction", &reaction).await;
    assert_eq!(heard["reaction"]["emoji"], "🦓");

    for id in [&theirs, &own] {
        let stored = stage.stored(id, |one| one["ack"].as_i64() > Some(0)).await;
        let left =
            json!({"type": "not_kept", "not_kept": {"kind": "text"}, "chat": {"phone": BOB}});
        assert_holds(&stored, &left);
    }
    let found = stage
        .ann
        .get(&format!("{MESSAGES}?type=text"))
        .await
        .expect(200);
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
    let found = stage
        .ann
        .get(&format!("{MESSAGES}?q=zebra"))
        .await
        .expect(200);
    assert_eq!(found["data"], json!([]));
    assert!(!rows_hold(&stage, "zebra").await);
    assert!(!rows_hold(&stage, "🦓").await);
}

#[tokio::test]
async fn what_needs_the_words_of_a_message_is_refused_and_the_rest_goes_on() {
    let mut stage = Stage::set().await;
    keep_texts(&stage, false).await;
    let theirs = stage.write(BOB, BOB, json!({"text": "hello"})).await;
    stage.heard("message", &theirs).await;
    let own = json!({"to": BOB, "type": "text", "text": {"body": "hi"}});
    let own = stage.send(own).await;
    stage.on_phone(BOB, &own).await;

    let path = format!("{MESSAGES}/{theirs}");
    let forward = stage
        .ann
        .post(&format!("{path}/forward"), json!({"to": BOB}))
        .await;
    forward.refused(409, "message_not_kept");
    let edit = json!({"text": {"body": "other"}});
    let edit = stage.ann.patch(&format!("{MESSAGES}/{own}"), edit).await;
    edit.refused(409, "message_not_kept");

    let heart = json!({"emoji": "❤️"});
    let reacted = stage
        .ann
        .post(&format!("{path}/reactions"), heart)
        .await
        .expect(202);
    let id = reacted["message_id"].as_str().unwrap();
    assert_holds(
        &stage.on_phone(BOB, id).await,
        &json!({"emoji": "❤️", "target": theirs}),
    );
    let gone = stage
        .ann
        .delete(&format!("{MESSAGES}/{own}"))
        .await
        .expect(202);
    let id = gone["message_id"].as_str().unwrap();
    assert_holds(
        &stage.on_phone(BOB, id).await,
        &json!({"type": "revoke", "target": own}),
    );
    stage.stored(&own, |one| one["deleted"].is_object()).await;
}

#[tokio::test]
async fn what_was_kept_before_stays_and_what_is_said_later_is_kept_again() {
    let mut stage = Stage::set().await;
    let mut ids = Vec::new();
    for (keep, text) in [(true, "before"), (false, "meanwhile"), (true, "after")] {
        keep_texts(&stage, keep).await;
        let id = stage.write(BOB, BOB, json!({"text": text})).await;
        stage.heard("message", &id).await;
        ids.push(id);
    }
    let mut bodies = Vec::new();
    for id in &ids {
        let stored = stage.stored(id, |_| true).await;
        bodies.push(stored["text"]["body"].clone());
    }
    assert_eq!(bodies, [json!("before"), Value::Null, json!("after")]);
}
