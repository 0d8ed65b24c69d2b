//! What the head of a film tells, and the picture that is shown before it has come.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::ImageFormat;
use serde_json::json;

use super::{FRIEND, MESSAGES, body, linked, picture};

/// A film without pictures, whose head says what it is.
fn film() -> Vec<u8> {
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, content].concat()
    };
    let mut movie = vec![0; 100];
    movie[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    movie[16..20].copy_from_slice(&6500_u32.to_be_bytes());
    let mut track = vec![0; 84];
    track[40..44].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    track[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
    track[80..84].copy_from_slice(&(360_u32 << 16).to_be_bytes());
    let track = boxed(b"trak", &boxed(b"tkhd", &track));
    let moov = boxed(b"moov", &[boxed(b"mvhd", &movie), track].concat());
    // The head stands at the end, as phones write it.
    let pictures = boxed(b"mdat", &vec![7; 300_000]);
    [boxed(b"ftyp", b"mp42\0\0\0\0mp42isom"), pictures, moov].concat()
}

#[tokio::test]
async fn a_film_says_how_long_and_how_large_it_is_and_shows_the_picture_that_was_given() {
    let linked = linked().await;
    let media = json!({ "base64": BASE64_STANDARD.encode(film()), "mimetype": "video/mp4" });
    let thumbnail = BASE64_STANDARD.encode(picture(ImageFormat::Png, 400));
    let rest = json!({ "thumbnail": thumbnail });
    let sent = linked
        .ann
        .post(MESSAGES, body(FRIEND, "video", media.clone(), &rest));
    let sent = sent.await.expect(202);
    let seen = linked.phone_opens(&sent["message_id"]).await;
    assert_eq!(
        (&seen["width"], &seen["height"]),
        (&json!(640), &json!(360))
    );
    assert_eq!(seen["seconds"], 7);
    let drawn = hex::decode(seen["thumbnail"].as_str().unwrap()).unwrap();
    let drawn = image::load_from_memory(&drawn).unwrap();
    assert_eq!(drawn.width(), 72);
    let path = format!("{MESSAGES}/{}", sent["message_id"].as_str().unwrap());
    let stored = linked.ann.get(&path).await.expect(200);
    assert_eq!(
        stored["video"],
        json!({ "seconds": 7, "width": 640, "height": 360 })
    );
    // What the caller says goes first.
    let sent = body(FRIEND, "video", media.clone(), &json!({ "seconds": 5 }));
    let sent = linked.ann.post(MESSAGES, sent).await.expect(202);
    let seen = linked.phone_opens(&sent["message_id"]).await;
    assert_eq!(seen["seconds"], 5);
    assert!(seen["thumbnail"].is_null());
    for (drawn, code) in [
        ("no base64!".to_owned(), "validation_failed"),
        (BASE64_STANDARD.encode("no picture"), "media_corrupt"),
        (
            BASE64_STANDARD.encode(vec![0; 1024 * 1024 + 1]),
            "media_too_large",
        ),
    ] {
        let request = body(
            FRIEND,
            "video",
            media.clone(),
            &json!({ "thumbnail": drawn }),
        );
        let refused = linked.ann.post(MESSAGES, request).await.refused(400, code);
        assert!(
            refused["errors"]["/video/thumbnail"].is_array(),
            "{refused}"
        );
    }
}
