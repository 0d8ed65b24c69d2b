//! Read, star, pin and keep, and the acks of what was sent up to `played`.

use serde_json::{Value, json};

use super::stage::{MESSAGES, Stage, assert_holds};
use crate::harness::field::{ALICE, BOB};

fn has_receipt(seen: &Value, kind: &str) -> bool {
    let receipts = seen["receipts"].as_array().unwrap();
    receipts.iter().any(|receipt| receipt["kind"] == kind)
}

#[tokio::test]
async fn what_is_marked_as_read_shows_so_on_the_phone_of_its_writer() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let theirs = stage.write(BOB, &chat, json!({"text": "seen?"})).await;
        stage.heard("message", &theirs).await;
        let path = format!("{MESSAGES}/{theirs}/read");
        stage.ann.post(&path, json!({})).await.expect(204);
        stage
            .until_on_phone(BOB, &theirs, |seen| has_receipt(seen, "read"))
            .await;
        let own = json!({"to": chat, "type": "text", "text": {"body": "mine"}});
        let own = stage.send(own).await;
        let path = format!("{MESSAGES}/{own}/read");
        let refused = stage.ann.post(&path, json!({})).await;
        refused.refused(409, "own_message");
    }
}

#[tokio::test]
async fn acks_climb_from_delivered_to_read_to_played() {
    let stage = Stage::set().await;
    for chat in stage.chats() {
        let own = json!({"to": chat, "type": "text", "text": {"body": "listen"}});
        let own = stage.send(own).await;
        stage.on_phone(BOB, &own).await;
        for (kind, ack) in [("read", 3), ("played", 4)] {
            let confirm = json!({"message_ids": [own], "kind": kind});
            let path = format!("/phones/{BOB}/receipts");
            stage.app.control("POST", &path, confirm).await;
            stage.stored(&own, |one| one["ack"] == ack).await;
        }
    }
}

#[tokio::test]
async fn a_pin_and_what_is_kept_are_on_the_phone_and_with_the_message() {
    let stage = Stage::set().await;
    for chat in stage.chats() {
        let rule =
            json!({"to": chat, "type": "text", "text": {"body": "rules"}, "expires_in_s": 86400});
        let rule = stage.send(rule).await;
        stage.on_phone(BOB, &rule).await;
        let path = format!("{MESSAGES}/{rule}");
        for pinned in [true, false] {
            let pin = json!({"pinned": pinned});
            let pin = stage.ann.post(&format!("{path}/pin"), pin).await;
            let pin = pin.expect(202);
            let id = pin["message_id"].as_str().unwrap();
            let shown = json!({"type": "pin", "pinned": pinned, "target": rule});
            assert_holds(&stage.on_phone(BOB, id).await, &shown);
            let stored = stage.stored(&rule, |one| one["pinned"].is_object() == pinned);
            let stored = stored.await;
            if pinned {
                assert_eq!(stored["pinned"]["by"]["phone"], ALICE);
            }
        }
        let keep = stage.ann.post(&format!("{path}/keep"), json!({})).await;
        let keep = keep.expect(202);
        let id = keep["message_id"].as_str().unwrap();
        let shown = json!({"type": "keep", "kept": true, "target": rule});
        assert_holds(&stage.on_phone(BOB, id).await, &shown);
        stage.stored(&rule, |one| one["kept"] == true).await;

        let odd = json!({"expires_in_s": 5});
        let refused = stage.ann.post(&format!("{path}/pin"), odd).await;
        refused.refused(400, "expiry_not_offered");
        let stays = json!({"to": chat, "type": "text", "text": {"body": "stays"}});
        let stays = stage.send(stays).await;
        let path = format!("{MESSAGES}/{stays}/keep");
        let refused = stage.ann.post(&path, json!({})).await;
        refused.refused(409, "message_does_not_expire");
    }
}

#[tokio::test]
async fn a_star_is_synced_to_the_account_and_taken_away_again() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        let theirs = stage.write(BOB, &chat, json!({"text": "gold"})).await;
        stage.heard("message", &theirs).await;
        let path = format!("{MESSAGES}/{theirs}/star");
        for starred in [true, false] {
            let star = stage.ann.post(&path, json!({"starred": starred})).await;
            star.expect(204);
        }
    }
    let nobody = format!("{MESSAGES}/3EB0NOBODY/star");
    let refused = stage.ann.post(&nobody, json!({})).await;
    refused.refused(404, "message_not_found");
}
