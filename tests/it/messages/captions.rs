//! Files that are quoted, and what stands below them: in both directions, as the phone shows it.

use std::{io::Cursor, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use super::stage::{MESSAGES, Stage, assert_holds};
use crate::harness::field::BOB;

fn picture(format: ImageFormat) -> String {
    let mut bytes = Cursor::new(Vec::new());
    let drawn = DynamicImage::new_rgb8(48, 24);
    drawn.write_to(&mut bytes, format).unwrap();
    BASE64_STANDARD.encode(bytes.into_inner())
}

/// The kinds with a caption: what is sent, and the same as a phone writes it.
fn kinds() -> [(&'static str, Value); 3] {
    let film = BASE64_STANDARD.encode(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom");
    let file = |base64: String, mimetype: &str| json!({"base64": base64, "mimetype": mimetype});
    [
        ("image", file(picture(ImageFormat::Png), "image/png")),
        ("video", file(film, "video/mp4")),
        (
            "document",
            file(BASE64_STANDARD.encode(b"%PDF-1.7\n"), "application/pdf"),
        ),
    ]
}

fn sent(to: &str, kind: &str, file: &Value, caption: &str) -> Value {
    json!({"to": to, "type": kind, kind: {"media": file, "caption": caption}})
}

#[tokio::test]
async fn an_answer_to_a_file_quotes_what_the_phone_shows_of_it() {
    let mut stage = Stage::set().await;
    let thumbnail = picture(ImageFormat::Jpeg);
    let drawn = hex::encode(BASE64_STANDARD.decode(&thumbnail).unwrap());
    for chat in stage.chats() {
        for (kind, file) in kinds() {
            let mut theirs = file.clone();
            theirs["caption"] = json!("theirs");
            theirs["thumbnail"] = json!(thumbnail);
            let theirs = stage.write(BOB, &chat, json!({kind: theirs})).await;
            stage.heard("message", &theirs).await;
            let answer =
                json!({"to": chat, "type": "text", "text": {"body": "yes"}, "reply_to": theirs});
            let answer = stage.send(answer).await;
            let seen = stage.on_phone(BOB, &answer).await;
            let quoted = json!({"reply_to": theirs, "quoted": {"type": kind, "caption": "theirs", "thumbnail": drawn, "openable": true}});
            assert_holds(&seen, &quoted);

            // One's own, of which the phone answers.
            let own = stage.send(sent(&chat, kind, &file, "ours")).await;
            stage.on_phone(BOB, &own).await;
            let said = stage
                .write(BOB, &chat, json!({"text": "no", "reply_to": own}))
                .await;
            let told = stage.heard("message", &said).await;
            let quoted =
                json!({"reply_to": {"message_id": own, "type": kind, kind: {"caption": "ours"}}});
            assert_holds(&told, &quoted);
            assert_holds(&stage.posted(&said).await["data"], &quoted);
            let text = told.to_string();
            assert!(
                !text.contains("media_key") && !text.contains("direct_path"),
                "{text}"
            );
            let url = told["reply_to"]["media"]["url"].as_str().unwrap();
            let bytes = stage.ann.get(url).await.bytes;
            assert_eq!(
                BASE64_STANDARD.encode(bytes),
                file["base64"].as_str().unwrap()
            );
            let own = json!({"to": chat, "type": "text", "text": {"body": "so"}, "reply_to": own});
            let own = stage.send(own).await;
            let seen = stage.on_phone(BOB, &own).await;
            let quoted = json!({"quoted": {"type": kind, "caption": "ours", "openable": true}});
            assert_holds(&seen, &quoted);
            if kind == "image" {
                assert!(seen["quoted"]["thumbnail"].is_string(), "{seen}");
            }
        }
    }
}

#[tokio::test]
async fn what_can_be_opened_once_is_quoted_without_its_key() {
    let stage = Stage::set().await;
    let [(kind, file), ..] = kinds();
    let mut body = sent(BOB, kind, &file, "once");
    body["view_once"] = json!(true);
    let once = stage.send(body).await;
    let answer = json!({"to": BOB, "type": "text", "text": {"body": "?"}, "reply_to": once});
    let answer = stage.send(answer).await;
    let seen = stage.on_phone(BOB, &answer).await;
    assert_holds(
        &seen["quoted"],
        &json!({"type": "image", "openable": false}),
    );
    assert!(
        seen["quoted"].get("thumbnail").is_none_or(Value::is_null),
        "{seen}"
    );
}

#[tokio::test]
async fn the_caption_of_a_file_is_edited_in_both_directions() {
    let mut stage = Stage::set().await;
    for chat in stage.chats() {
        for (kind, file) in kinds() {
            let own = stage.send(sent(&chat, kind, &file, "helo")).await;
            let path = format!("{MESSAGES}/{own}");
            for caption in ["hello", ""] {
                let edit = stage.ann.patch(&path, json!({"caption": caption})).await;
                let edit = edit.expect(202)["message_id"].as_str().unwrap().to_owned();
                let seen = stage.on_phone(BOB, &edit).await;
                let shown = json!({"type": "edit", "target": own, "openable": true});
                assert_holds(&seen, &shown);
                assert_eq!(seen["caption"].as_str().unwrap_or_default(), caption);
                let is_so = |one: &Value| {
                    one["edited_at"].is_string()
                        && one[kind]["caption"].as_str().unwrap_or_default() == caption
                };
                let stored = stage.stored(&own, is_so).await;
                assert_eq!(stored["type"], kind);
                assert!(stored["media"]["url"].is_string(), "{stored}");
            }
            stage
                .ann
                .patch(&path, json!({"caption": "found"}))
                .await
                .expect(202);
            stage
                .stored(&own, |one| one[kind]["caption"] == "found")
                .await;
            let found = stage
                .ann
                .get(&format!("{MESSAGES}?q=found"))
                .await
                .expect(200);
            assert_eq!(found["data"][0]["message_id"], own.as_str());

            let mut theirs = file.clone();
            theirs["caption"] = json!("gud");
            let theirs = stage.write(BOB, &chat, json!({kind: theirs})).await;
            stage.heard("message", &theirs).await;
            let edit = json!({"edit": {"message_id": theirs, "caption": "good"}});
            let edit = stage.write(BOB, &chat, edit).await;
            let told = json!({"type": "edit", "edit": {"message_id": theirs, "caption": "good"}});
            let heard = stage.heard("message.edit", &edit).await;
            assert_holds(&heard, &told);
            assert!(heard["edit"].get("text").is_none(), "{heard}");
            assert_holds(&stage.posted(&edit).await["data"], &told);
            let stored = stage.stored(&theirs, |_| true).await;
            assert_holds(&stored, &json!({"type": kind, kind: {"caption": "good"}}));
            let of_theirs = format!("{MESSAGES}/{theirs}");
            let refused = stage.ann.patch(&of_theirs, json!({"caption": "x"}));
            refused.await.refused(409, "not_own_message");
            // The other one of the words is free again.
            stage
                .ann
                .patch(&path, json!({"caption": ""}))
                .await
                .expect(202);
            stage
                .stored(&own, |one| one[kind]["caption"].is_null())
                .await;
        }
    }
}

#[tokio::test]
async fn a_caption_that_cannot_be_is_refused_by_name() {
    let mut stage = Stage::set().await;
    let text = json!({"to": BOB, "type": "text", "text": {"body": "hi"}});
    let text = format!("{MESSAGES}/{}", stage.send(text).await);
    let [(kind, file), ..] = kinds();
    let mut once = sent(BOB, kind, &file, "once");
    let own = format!("{MESSAGES}/{}", stage.send(once.clone()).await);
    once["view_once"] = json!(true);
    let once = format!("{MESSAGES}/{}", stage.send(once).await);
    let long = json!({"caption": "x".repeat(4097)});
    for (path, body, status, code) in [
        (&text, json!({"caption": "x"}), 409, "no_caption"),
        (&own, json!({"text": {"body": "x"}}), 409, "not_a_text"),
        (&own, json!({}), 400, "validation_failed"),
        (
            &own,
            json!({"text": {"body": "x"}, "caption": "x"}),
            400,
            "validation_failed",
        ),
        (&own, long, 400, "caption_too_long"),
        (&once, json!({"caption": "x"}), 409, "view_once_not_edited"),
    ] {
        stage.ann.patch(path, body).await.refused(status, code);
    }
    stage.app.clock.advance(Duration::from_mins(16));
    stage.ann = stage.app.sign_in("ann").await;
    let late = stage.ann.patch(&own, json!({"caption": "late"})).await;
    late.refused(409, "edit_window_closed");
}
