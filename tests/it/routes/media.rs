//! Files: put here in every way, read back whole and in parts, refused with a name, and gone when nobody needs them.

use std::time::Duration;

use axum::{Router, http::header, response::Redirect, routing::get};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{RequestBuilder, multipart};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wharf::{
    media::{Place, Store, retention::Retention},
    service::media::MAX_BYTES,
};

use crate::harness::{
    app::{Caller, TestApp, phones::PNG},
    http_client,
};

const PATH: &str = "/v1/sessions/sales/media";

fn png() -> Vec<u8> {
    BASE64_STANDARD.decode(PNG).unwrap()
}

async fn start() -> (TestApp, Caller) {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    (app, ann)
}

fn post(app: &TestApp, caller: &Caller) -> RequestBuilder {
    let client = http_client().build().unwrap();
    client
        .post(format!("http://{}{PATH}", app.addr))
        .bearer_auth(caller.token())
}

async fn read(caller: &Caller, file: &Value) -> Vec<u8> {
    let answer = caller.get(file["url"].as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.bytes
}

/// A web server that a user names.
async fn site() -> String {
    let router = Router::new()
        .route(
            "/offer.png",
            get(async || ([(header::CONTENT_TYPE, "image/png")], png())),
        )
        .route("/moved", get(async || Redirect::temporary("/offer.png")))
        .route(
            "/inside",
            get(async || Redirect::temporary("http://10.0.0.1/")),
        )
        .route("/loop", get(async || Redirect::temporary("/loop")));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "it lives as long as the test")]
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test]
async fn a_file_is_put_here_in_four_ways_and_read_back() {
    let (app, ann) = start().await;
    let raw = post(&app, &ann)
        .header("content-type", "image/png")
        .body(png());
    let part = multipart::Part::bytes(png()).file_name("offer.png");
    let form = multipart::Form::new().part("file", part.mime_str("image/png").unwrap());
    let form = post(&app, &ann).multipart(form);
    let base64 = post(&app, &ann).json(&json!({ "base64": PNG, "filename": "offer.png" }));
    let url = format!("{}/moved", site().await);
    let fetched = post(&app, &ann).json(&json!({ "url": url }));
    for request in [raw, form, base64, fetched] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let file: Value = answer.json().await.unwrap();
        assert_eq!(file["mimetype"], "image/png");
        assert_eq!(file["size"], png().len());
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(png())));
        assert!(file["id"].as_str().unwrap().starts_with("med_"));
        assert_eq!(read(&ann, &file).await, png());
    }
}

#[tokio::test]
async fn a_range_is_read_without_the_rest_and_one_that_lies_outside_is_refused() {
    let (app, ann) = start().await;
    let body = json!({ "base64": BASE64_STANDARD.encode("0123456789"), "filename": "a ü.txt" });
    let file = ann.post(PATH, body).await.expect(201);
    let url = file["url"].as_str().unwrap();
    let part = ann.header("range", "bytes=2-4").get(url).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.bytes, b"234");
    assert_eq!(part.headers["content-range"], "bytes 2-4/10");
    assert_eq!(part.headers["content-length"], "3");
    let whole = ann.get(url).await;
    assert_eq!(whole.headers["content-length"], "10");
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    assert_eq!(whole.headers["x-content-type-options"], "nosniff");
    let named = "attachment; filename*=UTF-8''a%20%C3%BC.txt";
    assert_eq!(whole.headers["content-disposition"], named);
    let outside = ann.header("range", "bytes=10-").get(url).await;
    outside.refused(416, "range_outside");
    drop(app);
}

#[tokio::test]
async fn what_is_no_file_is_refused_with_its_name_and_leaves_nothing_behind() {
    let (app, ann) = start().await;
    let nothing = post(&app, &ann).body("").send().await.unwrap();
    assert_eq!(
        nothing.json::<Value>().await.unwrap()["code"],
        "media_empty"
    );
    let lie =
        json!({ "base64": BASE64_STANDARD.encode("%PDF-1.7 and more"), "mimetype": "image/png" });
    let refused = ann
        .post(PATH, lie)
        .await
        .refused(400, "media_type_mismatch");
    assert!(refused["errors"]["/mimetype"].is_array(), "{refused}");
    let both = json!({ "base64": PNG, "url": "https://example.org/" });
    ann.post(PATH, both).await.refused(400, "validation_failed");
    ann.post(PATH, json!({}))
        .await
        .refused(400, "validation_failed");
    let garbled = json!({ "base64": "no base64!" });
    ann.post(PATH, garbled)
        .await
        .refused(400, "media_incomplete");
    let name = json!({ "base64": PNG, "filename": "../../etc/passwd" });
    let refused = ann.post(PATH, name).await.refused(400, "validation_failed");
    assert!(refused["errors"]["/filename"].is_array(), "{refused}");
    let form = multipart::Form::new().text("caption", "no file");
    let refused = post(&app, &ann).multipart(form).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_while_it_comes() {
    let (app, ann) = start().await;
    let piece = bytes::Bytes::from(vec![7; 1024 * 1024]);
    // More than ten times of what is taken.
    let endless = futures_util::stream::iter(
        (0..10 * MAX_BYTES / (1024 * 1024)).map(move |_| Ok::<_, std::io::Error>(piece.clone())),
    );
    let sent = post(&app, &ann)
        .body(reqwest::Body::wrap_stream(endless))
        .send();
    // The answer comes before the body has ended; a client that only writes sees the line cut.
    if let Ok(answer) = sent.await {
        assert_eq!(answer.status(), 413);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["code"],
            "media_too_large"
        );
    }
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn a_url_that_leads_inside_or_nowhere_is_refused() {
    let (app, ann) = start().await;
    let site = site().await;
    for (url, code) in [
        (format!("{site}/inside"), "media_url_refused"),
        ("http://10.0.0.1/x".to_owned(), "media_url_refused"),
        (
            "http://[::ffff:169.254.169.254]/".to_owned(),
            "media_url_refused",
        ),
        ("file:///etc/passwd".to_owned(), "media_url_refused"),
        (format!("{site}/nothing"), "media_url_failed"),
        (format!("{site}/loop"), "media_url_failed"),
        ("http://127.0.0.1:9/".to_owned(), "media_url_failed"),
    ] {
        let refused = ann
            .post(PATH, json!({ "url": url }))
            .await
            .refused(400, code);
        assert!(refused["errors"]["/url"].is_array(), "{refused}");
    }
    assert_eq!(app.stored_files(), 0);
}

#[tokio::test]
async fn a_file_is_seen_by_whom_its_session_belongs_to_and_by_nobody_else() {
    let (app, ann) = start().await;
    let file = ann.post(PATH, json!({ "base64": PNG })).await.expect(201);
    let bob = app.user("bob").await;
    bob.session("other").await;
    let url = file["url"].as_str().unwrap();
    bob.get(url).await.refused(404, "session_not_found");
    // Not through a session of one's own, either.
    let other = format!("/v1/sessions/other/media/{}", file["id"].as_str().unwrap());
    bob.get(&other).await.refused(404, "media_not_found");
    app.stranger().get(url).await.refused(401, "token_missing");
    assert_eq!(read(&ann, &file).await, png());
}

#[tokio::test]
async fn a_file_that_nobody_uses_leaves_in_time_and_that_of_a_deleted_session_at_once() {
    let (app, ann) = start().await;
    let file = ann.post(PATH, json!({ "base64": PNG })).await.expect(201);
    let store = Store::open(&Place::Folder(app.media_folder())).unwrap();
    let retention = Retention::new(app.db.clone(), app.clock.clone(), store, 90);
    assert_eq!(retention.sweep().await.unwrap(), 0);
    let day = Duration::from_hours(24);
    app.clock.advance(89 * day);
    let ann = app.sign_in("ann").await;
    // It is used once more.
    assert_eq!(read(&ann, &file).await, png());
    app.clock.advance(89 * day);
    assert_eq!(retention.sweep().await.unwrap(), 0);
    app.clock.advance(2 * day);
    assert_eq!(retention.sweep().await.unwrap(), 1);
    assert_eq!(app.stored_files(), 0);
    let ann = app.sign_in("ann").await;
    let gone = ann.get(file["url"].as_str().unwrap()).await;
    gone.refused(404, "media_not_found");

    ann.post(PATH, json!({ "base64": PNG })).await.expect(201);
    ann.delete("/v1/sessions/sales").await;
    assert_eq!(retention.sweep().await.unwrap(), 1);
    assert_eq!(app.stored_files(), 0);
}
