//! Reactions, edits, deletions and votes between a session and Baileys.

use serde_json::{Value, json};

use super::client::{Baileys, chats};
use crate::{
    harness::field::BOB,
    messages::stage::{MESSAGES, Stage, assert_holds},
};

/// The stub that Baileys leaves in place of a message that was deleted.
const REVOKED: u64 = 1;

fn text(to: &str, body: &str) -> Value {
    json!({"to": to, "type": "text", "text": {"body": body}})
}

#[tokio::test]
async fn a_reaction_is_seen_by_the_other_side_and_taken_back() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    for (ours, theirs) in chats(&stage) {
        let sent = stage.send(text(&ours, "done")).await;
        let key = baileys.copy(&sent).await["key"].clone();
        for emoji in ["👍", ""] {
            let reaction = json!({"react": {"text": emoji, "key": key}});
            let reaction = baileys.write(&theirs, reaction).await;
            let told =
                json!({"reaction": {"message_id": sent, "emoji": emoji}, "sender": {"phone": BOB}});
            assert_holds(&stage.heard("message.reaction", &reaction).await, &told);
        }

        let written = baileys.write(&theirs, json!({"text": "mine"})).await;
        stage.heard("message", &written).await;
        let path = format!("{MESSAGES}/{written}/reactions");
        for emoji in ["🎉", ""] {
            let reaction = stage.ann.post(&path, json!({"emoji": emoji})).await;
            reaction.expect(202);
            let is_so =
                |data: &Value| data["key"]["id"] == *written && data["reaction"]["text"] == emoji;
            baileys.hears("messages.reaction", is_so).await;
        }
    }
}

#[tokio::test]
async fn an_edit_and_then_a_deletion_change_the_message_on_the_other_side() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    for (ours, theirs) in chats(&stage) {
        let sent = stage.send(text(&ours, "helo")).await;
        baileys.copy(&sent).await;
        let path = format!("{MESSAGES}/{sent}");
        let changed = stage.ann.patch(&path, json!({"text": {"body": "hello"}}));
        changed.await.expect(202);
        let of_it = |data: &Value| data["key"]["id"] == *sent;
        let edited = |data: &Value| of_it(data) && data["update"]["message"].is_object();
        let edited = baileys.hears("messages.update", edited).await;
        let wording = &edited["update"]["message"]["editedMessage"]["message"];
        let plain = &wording["conversation"];
        let wording = plain
            .as_str()
            .or_else(|| wording["extendedTextMessage"]["text"].as_str());
        assert_eq!(wording, Some("hello"), "{edited}");
        stage.ann.delete(&path).await.expect(202);
        let gone = |data: &Value| of_it(data) && data["update"]["messageStubType"] == REVOKED;
        baileys.hears("messages.update", gone).await;

        let sent = json!({"to": theirs, "content": {"text": "gud"}});
        let sent = baileys.ask("send", sent).await;
        let key = sent["key"].clone();
        let written = key["id"].as_str().unwrap();
        stage.heard("message", written).await;
        let changed = baileys.write(&theirs, json!({"text": "good", "edit": key}));
        let changed = changed.await;
        let told = json!({"edit": {"message_id": written, "text": {"body": "good"}}});
        assert_holds(&stage.heard("message.edit", &changed).await, &told);
        let gone = baileys.write(&theirs, json!({"delete": key})).await;
        let told = json!({"revoke": {"message_id": written}, "sender": {"phone": BOB}});
        assert_holds(&stage.heard("message.delete", &gone).await, &told);
    }
}

#[tokio::test]
async fn a_vote_is_opened_by_whoever_has_the_poll_and_the_last_one_counts() {
    let mut stage = Stage::set().await;
    let mut baileys = Baileys::linked(&stage).await;
    for (ours, theirs) in chats(&stage) {
        let poll = json!({"to": ours, "type": "poll", "poll": {"name": "Which?", "options": ["a", "b", "c"], "multi": true}});
        let own = stage.send(poll).await;
        baileys.copy(&own).await;
        for options in [json!(["a", "c"]), json!(["b"])] {
            let vote = json!({"poll": own, "options": options});
            let vote = baileys.ask("vote", vote).await;
            let vote = vote["id"].as_str().unwrap();
            let told =
                json!({"vote": {"message_id": own, "options": options}, "sender": {"phone": BOB}});
            assert_holds(&stage.heard("poll.vote", vote).await, &told);
        }
        let stored = stage.stored(&own, |one| one["votes"][1]["count"] == 1);
        assert_eq!(stored.await["votes"][0]["count"], 0);

        let poll = json!({"name": "When?", "values": ["now", "later"], "selectableCount": 1});
        let poll = baileys.write(&theirs, json!({"poll": poll})).await;
        let told = stage.heard("message", &poll).await;
        let wanted =
            json!({"type": "poll", "poll": {"name": "When?", "options": ["now", "later"]}});
        assert_holds(&told, &wanted);
        let path = format!("{MESSAGES}/{poll}/votes");
        let vote = stage.ann.post(&path, json!({"options": ["later"]})).await;
        let vote = vote.expect(202)["message_id"].as_str().unwrap().to_owned();
        let opened = baileys.copy(&vote).await;
        assert_eq!(opened["votes"], json!(["later"]), "{opened}");
    }
}
