//! Files that are fetched before anybody reads them.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::ImageFormat;
use serde_json::json;
use wharf::{
    domain::clock::{Clock as _, SystemClock},
    service::media::Eager,
};

use super::{FRIEND, PHONE, drop_file, linked, picture};
use crate::harness::app::frame_of;

#[tokio::test]
async fn an_eager_session_has_its_files_before_anybody_reads_them_and_a_lazy_one_has_not() {
    let mut linked = linked().await;
    // What phones write has the time of the machine.
    linked.app.clock.set(SystemClock.now_ms());
    linked.ann = linked.app.sign_in("ann").await;
    let mut eager = Eager::new(linked.app.api.media.clone());
    let bytes = picture(ImageFormat::Png, 32);
    let file = json!({ "base64": BASE64_STANDARD.encode(&bytes), "mimetype": "image/png" });
    let path = format!("/phones/{FRIEND}/messages");
    let message = json!({ "to": PHONE, "image": file });
    linked.app.control("POST", &path, message.clone()).await;
    frame_of(&mut linked.socket, "message").await;
    assert_eq!(eager.fetch_due().await.unwrap(), 0);
    assert_eq!(linked.app.stored_files(), 0);

    // What has come shortly before is fetched as well.
    let set = json!({ "settings": { "download_media": "eager" } });
    let set = linked
        .ann
        .patch("/v1/sessions/sales", set)
        .await
        .expect(200);
    assert_eq!(set["settings"]["download_media"], "eager");
    assert_eq!(eager.fetch_due().await.unwrap(), 1);
    for _ in 0..6 {
        linked.app.control("POST", &path, message.clone()).await;
        frame_of(&mut linked.socket, "message").await;
    }
    // Nothing is known of it after a restart but what is stored.
    let mut eager = Eager::new(linked.app.api.media.clone());
    assert_eq!(eager.fetch_due().await.unwrap(), 6);
    assert_eq!(linked.app.stored_files(), 7);
    assert_eq!(eager.fetch_due().await.unwrap(), 0);

    let refused = json!({ "settings": { "download_media": "sometimes" } });
    let refused = linked.ann.patch("/v1/sessions/sales", refused).await;
    assert_eq!(refused.status, 400);
    // One that is not to be had is tried again later, and not for ever; it holds up no other.
    linked.app.control("POST", &path, message.clone()).await;
    let gone = frame_of(&mut linked.socket, "message").await;
    drop_file(&linked, &gone["data"]["message_id"], true).await;
    linked.app.control("POST", &path, message).await;
    frame_of(&mut linked.socket, "message").await;
    assert_eq!(eager.fetch_due().await.unwrap(), 1);
    for _ in 0..6 {
        linked.app.clock.advance(Duration::from_mins(5));
        assert_eq!(eager.fetch_due().await.unwrap(), 0);
    }
    assert_eq!(linked.app.stored_files(), 8);
}
