//! Media: sealed by whoever sends, opened by whoever receives, and only stored in between.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wacore::download::{Downloadable, MediaType};
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use whatsapp_rust::media::{self, AudioOptions, DocumentOptions, ImageOptions, VideoOptions};
use whatsapp_rust::upload::UploadOptions;

use crate::harness::{ALICE, BOB, Field, http};

fn bob() -> Jid {
    format!("{BOB}@s.whatsapp.net").parse().unwrap()
}

fn content(seed: u8) -> Vec<u8> {
    (0..50_000_u32)
        .map(|n| seed.wrapping_add((n % 251) as u8))
        .collect()
}

fn downloadable<'a>(kind: &str, message: &'a wa::Message) -> &'a dyn Downloadable {
    match kind {
        "image" => message.image_message.as_option().unwrap(),
        "video" => message.video_message.as_option().unwrap(),
        "audio" | "voice" => message.audio_message.as_option().unwrap(),
        "document" => message.document_message.as_option().unwrap(),
        _ => message.sticker_message.as_option().unwrap(),
    }
}

#[tokio::test]
async fn every_kind_of_media_from_a_phone_opens_on_the_device() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let kinds = ["image", "video", "audio", "voice", "document", "sticker"];
    for (seed, kind) in (0..).zip(kinds) {
        let plain = content(seed);
        let mut file = json!({ "base64": BASE64_STANDARD.encode(&plain), "mimetype": "x/y" });
        if kind == "document" {
            file["filename"] = json!("list.pdf");
        }
        let body = json!({ "to": ALICE, kind: file });
        let sent = field.post(&format!("/phones/{BOB}/messages"), body).await;
        let message = desk.message(sent["message_id"].as_str().unwrap()).await;
        let opened = desk
            .client()
            .download(downloadable(kind, &message))
            .await
            .unwrap();
        assert_eq!(opened, plain, "{kind}");
        if let Some(audio) = message.audio_message.as_option() {
            assert_eq!(audio.ptt, Some(kind == "voice"));
        }
    }
}

#[tokio::test]
async fn media_from_a_device_opens_on_the_phone() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    let kinds = [
        MediaType::Image,
        MediaType::Video,
        MediaType::Audio,
        MediaType::Document,
    ];
    for (seed, kind) in (10..).zip(kinds) {
        let plain = content(seed);
        let upload = client
            .upload(plain.clone(), kind, UploadOptions::new())
            .await
            .unwrap();
        let (word, message) = match kind {
            MediaType::Image => {
                let caption = Some("look".to_owned());
                let options = ImageOptions {
                    caption,
                    ..Default::default()
                };
                ("image", media::image_message(upload, options))
            }
            MediaType::Video => (
                "video",
                media::video_message(upload, VideoOptions::default()),
            ),
            MediaType::Audio => {
                let options = AudioOptions {
                    ptt: Some(true),
                    ..Default::default()
                };
                ("voice", media::audio_message(upload, options))
            }
            _ => (
                "document",
                media::document_message(upload, DocumentOptions::default()),
            ),
        };
        let id = client
            .send_message(bob(), message)
            .await
            .unwrap()
            .message_id;
        let seen = field
            .phone_sees(BOB, |e| e["message_id"] == id.as_str())
            .await;
        assert_eq!(seen["type"], word);
        assert_eq!(
            seen["media"]["sha256"],
            hex::encode(Sha256::digest(&plain)),
            "{seen}"
        );
        assert_eq!(seen["media"]["size"], plain.len());
        if word == "image" {
            assert_eq!(seen["caption"], "look");
            let url = format!(
                "{}/phones/{BOB}/messages/{id}/media",
                field.sandbox.control_url()
            );
            assert_eq!(http::send("GET", &url, b"").await.unwrap(), (200, plain));
        }
    }
}

#[tokio::test]
async fn what_does_not_hash_to_its_name_or_has_no_token_is_refused() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let conn = desk.client().refresh_media_conn(false).await.unwrap();
    let name = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(b"content"));
    let url = |auth: &str| {
        format!(
            "http://{}/mms/image/{name}?auth={auth}",
            field.sandbox.addr()
        )
    };
    let status =
        async |method: &str, url: &str, body: &[u8]| http::send(method, url, body).await.unwrap().0;
    assert_eq!(status("GET", &url(""), b"").await, 404);
    assert_eq!(status("POST", &url("stale"), b"content").await, 401);
    assert_eq!(status("POST", &url(&conn.auth), b"other").await, 400);
    assert_eq!(status("GET", &url(""), b"").await, 404);
    assert_eq!(status("POST", &url(&conn.auth), b"content").await, 200);
    assert_eq!(status("GET", &url(""), b"").await, 200);
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_by_name() {
    let field = Field::start().await;
    let path = format!("/phones/{BOB}/messages");
    let refusals = [
        (json!({ "base64": "%%", "mimetype": "image/png" }), "base64"),
        (json!({ "base64": "", "mimetype": "image/png" }), "empty"),
        (json!({ "base64": "eA==", "mimetype": "png" }), "media type"),
        (
            json!({ "base64": "eA==", "mimetype": "image/png", "filename": "x" }),
            "filename",
        ),
    ];
    for (file, why) in refusals {
        let body = json!({ "to": ALICE, "image": file });
        let (status, answer) = field.call("POST", &path, Some(body)).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(status == 422 && detail.contains(why), "{status} {detail}");
    }
}
