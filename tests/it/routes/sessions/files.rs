//! Messages with a file, in both directions: the phone's own copy is the judge of what is sent, the bytes of what comes.

use std::{io::Cursor, time::Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::app::{Caller, DEADLINE, Socket, TestApp, frame_of};

mod eager;
mod film;

const PHONE: &str = "491700000101";
const FRIEND: &str = "491700000202";
const MESSAGES: &str = "/v1/sessions/sales/messages";

fn picture(format: ImageFormat, side: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let drawn = DynamicImage::new_rgb8(side, side);
    drawn.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A head that says what it is, and a body that nobody plays.
fn sound(head: &[u8]) -> Vec<u8> {
    [head, vec![7; 100_000].as_slice()].concat()
}

/// Each kind with a file, its type, and what else its body says.
fn kinds() -> Vec<(&'static str, &'static str, Vec<u8>, Value)> {
    let opus = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead";
    vec![
        (
            "image",
            "image/png",
            picture(ImageFormat::Png, 64),
            json!({ "caption": "look" }),
        ),
        (
            "video",
            "video/mp4",
            sound(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
            json!({ "caption": "a film" }),
        ),
        (
            "audio",
            "audio/mpeg",
            sound(b"ID3\x03\0\0\0\0\0\0"),
            json!({}),
        ),
        (
            "voice",
            "audio/opus",
            sound(opus),
            json!({ "seconds": 3, "waveform": [0, 50, 100] }),
        ),
        (
            "document",
            "application/pdf",
            sound(b"%PDF-1.7\n"),
            json!({ "caption": "the offer" }),
        ),
        (
            "sticker",
            "image/webp",
            picture(ImageFormat::WebP, 256),
            json!({}),
        ),
    ]
}

struct Linked {
    app: TestApp,
    ann: Caller,
    socket: Socket,
}

async fn linked() -> Linked {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    let connect = ann.post("/v1/sessions/sales/connect", json!({})).await;
    connect.expect(202);
    let qr = frame_of(&mut socket, "qr").await;
    let scan = json!({ "qr": qr["data"]["code"] });
    app.control("POST", &format!("/phones/{PHONE}/scan"), scan)
        .await;
    frame_of(&mut socket, "connected").await;
    Linked { app, ann, socket }
}

impl Linked {
    async fn group(&self) -> String {
        let group = json!({ "subject": "friends", "members": [PHONE, FRIEND] });
        let group = self.app.control("POST", "/groups", group).await;
        group["id"].as_str().unwrap().to_owned()
    }

    async fn on_phone(&self) -> Vec<Value> {
        let path = format!("/phones/{FRIEND}/messages");
        let seen = self.app.control("GET", &path, Value::Null).await;
        seen["data"].as_array().unwrap().clone()
    }

    async fn phone_opens(&self, message_id: &Value) -> Value {
        let begun = Instant::now();
        loop {
            let seen = self.on_phone().await;
            if let Some(found) = seen.iter().find(|one| one["message_id"] == *message_id) {
                return found.clone();
            }
            assert!(begun.elapsed() < DEADLINE, "the phone has {seen:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn body(to: &str, kind: &str, media: Value, rest: &Value) -> Value {
    let mut inner = rest.clone();
    inner["media"] = media;
    json!({ "to": to, "type": kind, kind: inner })
}

#[tokio::test]
async fn every_kind_of_file_that_is_sent_is_opened_by_the_phone() {
    let linked = linked().await;
    let group = linked.group().await;
    for to in [FRIEND, &group] {
        for (kind, mimetype, bytes, rest) in kinds() {
            let media = json!({
                "base64": BASE64_STANDARD.encode(&bytes), "mimetype": mimetype, "filename": "a file",
            });
            let sent = linked
                .ann
                .post(MESSAGES, body(to, kind, media, &rest))
                .await;
            let sent = sent.expect(202);
            let seen = linked.phone_opens(&sent["message_id"]).await;
            assert_eq!(seen["type"], kind, "{seen}");
            assert_eq!(
                seen["media"]["sha256"],
                hex::encode(Sha256::digest(&bytes)),
                "{kind}"
            );
            assert_eq!(seen["media"]["size"], bytes.len());
            if rest["caption"].is_string() {
                assert_eq!(seen["caption"], rest["caption"], "{kind}");
            }
            let path = format!("{MESSAGES}/{}", sent["message_id"].as_str().unwrap());
            let stored = linked.ann.get(&path).await.expect(200);
            assert_eq!(stored["type"], kind);
            let url = stored["media"]["url"].as_str().unwrap();
            assert_eq!(linked.ann.get(url).await.bytes, bytes, "{kind}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_file_from_a_phone_is_typed_and_fetched_once() {
    let mut linked = linked().await;
    let group = linked.group().await;
    for to in [PHONE, &group] {
        let mut urls = Vec::new();
        for (kind, mimetype, bytes, rest) in kinds() {
            let mut file =
                json!({ "base64": BASE64_STANDARD.encode(&bytes), "mimetype": mimetype });
            file["caption"] = rest["caption"].clone();
            let path = format!("/phones/{FRIEND}/messages");
            linked
                .app
                .control("POST", &path, json!({ "to": to, kind: file }))
                .await;
            let told = frame_of(&mut linked.socket, "message").await;
            let data = &told["data"];
            assert_eq!(data["type"], kind, "{told}");
            assert_eq!(data[kind]["caption"], rest["caption"]);
            let media = &data["media"];
            assert_eq!(media["size"], bytes.len());
            assert_eq!(media["sha256"], hex::encode(Sha256::digest(&bytes)));
            assert!(media["id"].as_str().unwrap().starts_with("med_"));
            let text = told.to_string();
            assert!(
                !text.contains("direct_path") && !text.contains("key"),
                "{text}"
            );
            let url = media["url"].as_str().unwrap().to_owned();
            let (one, two) = tokio::join!(linked.ann.get(&url), linked.ann.get(&url));
            assert_eq!(one.bytes, bytes, "{kind}: {}", one.text());
            assert_eq!(two.bytes, bytes);
            urls.push((url, bytes));
        }
        assert!(linked.app.stored_files() >= kinds().len());
        // From here on they are read from the store, whatever WhatsApp does.
        linked
            .ann
            .post("/v1/sessions/sales/disconnect", json!({}))
            .await
            .expect(202);
        frame_of(&mut linked.socket, "disconnected").await;
        for (url, bytes) in urls {
            assert_eq!(linked.ann.get(&url).await.bytes, bytes);
        }
        linked
            .ann
            .post("/v1/sessions/sales/connect", json!({}))
            .await
            .expect(202);
        frame_of(&mut linked.socket, "connected").await;
    }
}

#[tokio::test]
async fn a_file_that_is_here_is_sent_by_its_id_as_often_as_one_likes_and_a_reply_quotes_it() {
    let linked = linked().await;
    let file = json!({ "base64": BASE64_STANDARD.encode(picture(ImageFormat::Jpeg, 32)) });
    let file = linked
        .ann
        .post("/v1/sessions/sales/media", file)
        .await
        .expect(201);
    let media = json!({ "media_id": file["id"] });
    let request = body(FRIEND, "image", media, &json!({}));
    let one = linked.ann.post(MESSAGES, request.clone()).await.expect(202);
    let mut again = request;
    again["reply_to"] = one["message_id"].clone();
    again["view_once"] = json!(true);
    let two = linked.ann.post(MESSAGES, again).await.expect(202);
    for sent in [&one, &two] {
        let seen = linked.phone_opens(&sent["message_id"]).await;
        assert_eq!(seen["media"]["sha256"], file["sha256"]);
    }
    assert_eq!(linked.app.stored_files(), 1);
}

#[tokio::test]
async fn a_file_that_would_not_be_shown_is_refused_with_its_name_and_nothing_is_sent() {
    let linked = linked().await;
    let png = picture(ImageFormat::Png, 64);
    let of = |bytes: &[u8]| json!({ "base64": BASE64_STANDARD.encode(bytes) });
    let half = &png[..png.len() / 2];
    let mut bomb = png.clone();
    // Its head promises 60,000 by 60,000 pixels.
    bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    // A few bytes that would unfold to 16,384 by 16,384 pixels, beside a head that says something else.
    let mut bomb_sticker = picture(ImageFormat::WebP, 1);
    let at = bomb_sticker.windows(4).position(|four| four == b"VP8L");
    let at = at.unwrap() + 9;
    bomb_sticker[at..at + 3].copy_from_slice(&[0xFF, 0xFF, 0xFF]);
    bomb_sticker[at + 3] |= 0x0F;
    let large_sticker = picture(ImageFormat::WebP, 800);
    let endless_sticker = [
        b"RIFF\xff\xff\xff\x7fWEBPVP8L",
        vec![0; 2 * 1024 * 1024].as_slice(),
    ]
    .concat();
    for (kind, media, code, pointer) in [
        ("image", of(half), "media_corrupt", "/image/media"),
        ("image", of(&bomb), "media_corrupt", "/image/media"),
        ("image", of(b""), "media_empty", "/image/media"),
        (
            "image",
            of(b"%PDF-1.7\n"),
            "media_type_not_for_kind",
            "/image/media",
        ),
        ("video", of(&png), "media_type_not_for_kind", "/video/media"),
        (
            "voice",
            of(&sound(b"ID3\x03\0\0\0\0\0\0")),
            "media_type_not_for_kind",
            "/voice/media",
        ),
        (
            "sticker",
            of(&png),
            "media_type_not_for_kind",
            "/sticker/media",
        ),
        (
            "sticker",
            of(&bomb_sticker),
            "media_corrupt",
            "/sticker/media",
        ),
        (
            "sticker",
            of(&large_sticker),
            "picture_too_large",
            "/sticker/media",
        ),
        (
            "sticker",
            of(&endless_sticker),
            "media_too_large",
            "/sticker/media",
        ),
        (
            "document",
            json!({ "media_id": "med_00000000000000000000000000000000" }),
            "media_not_found",
            "/document/media/media_id",
        ),
        (
            "document",
            json!({ "url": "http://10.0.0.1/x" }),
            "media_url_refused",
            "/document/media/url",
        ),
        (
            "document",
            json!({}),
            "validation_failed",
            "/document/media",
        ),
    ] {
        let answer = linked
            .ann
            .post(MESSAGES, body(FRIEND, kind, media, &json!({})))
            .await;
        let refused = answer.refused(400, code);
        assert!(refused["errors"][pointer].is_array(), "{kind}: {refused}");
    }
    let sent = json!({ "to": FRIEND, "type": "text", "text": { "body": "the last one" } });
    let sent = linked.ann.post(MESSAGES, sent).await.expect(202);
    linked.phone_opens(&sent["message_id"]).await;
    assert_eq!(linked.on_phone().await.len(), 1, "nothing else came");
}

#[tokio::test]
async fn a_session_that_is_not_connected_takes_no_file_in() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let media = json!({ "base64": BASE64_STANDARD.encode(picture(ImageFormat::Png, 8)) });
    let answer = ann
        .post(MESSAGES, body(FRIEND, "image", media, &json!({})))
        .await;
    answer.refused(409, "session_not_connected");
    assert_eq!(app.stored_files(), 0);
}

/// Drops the file of a message from WhatsApp's servers, and with `everywhere` from the phones.
async fn drop_file(linked: &Linked, message_id: &Value, everywhere: bool) {
    let id = message_id.as_str().unwrap();
    let path = format!("/phones/{PHONE}/messages/{id}/media?everywhere={everywhere}");
    linked.app.control("DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn a_file_that_whatsapp_has_dropped_is_put_up_again_by_the_phone_and_one_that_nobody_has_is_gone()
 {
    let mut linked = linked().await;
    let group = linked.group().await;
    let bytes = picture(ImageFormat::Png, 32);
    let file = json!({ "base64": BASE64_STANDARD.encode(&bytes), "mimetype": "image/png" });
    let path = format!("/phones/{FRIEND}/messages");
    for to in [PHONE, &group] {
        for everywhere in [false, true] {
            let message = json!({ "to": to, "image": file });
            linked.app.control("POST", &path, message).await;
            let told = frame_of(&mut linked.socket, "message").await;
            let data = &told["data"];
            drop_file(&linked, &data["message_id"], everywhere).await;
            let read = linked.ann.get(data["media"]["url"].as_str().unwrap()).await;
            if everywhere {
                read.refused(502, "media_gone");
            } else {
                assert_eq!(read.bytes, bytes, "{}", read.text());
            }
        }
    }
}
