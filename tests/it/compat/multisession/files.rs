//! Messages with a file: in JSON, by URL and in a form, as the phone opens them.

use axum::{Router, http::header, routing::get};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{linked, refused, user};
use crate::harness::{
    app::{
        Caller, TestApp,
        phones::{ALICE, BOB, PNG, until},
    },
    http_client,
};

const PDF: &[u8] = b"%PDF-1.7\nan offer";

fn png() -> Vec<u8> {
    BASE64_STANDARD.decode(PNG).unwrap()
}

/// A web server that a user names.
async fn site() -> String {
    let router = Router::new()
        .route(
            "/offer.png",
            get(async || ([(header::CONTENT_TYPE, "image/png")], png())),
        )
        .route(
            "/the%20offer.pdf",
            get(async || ([(header::CONTENT_TYPE, "application/pdf")], PDF)),
        )
        .route(
            "/song.mp3",
            get(async || {
                (
                    [(header::CONTENT_TYPE, "audio/mpeg")],
                    b"ID3\x03\0\0\0\0\0\0".as_slice(),
                )
            }),
        )
        .route(
            "/film.webm",
            get(async || {
                (
                    [(header::CONTENT_TYPE, "video/webm")],
                    b"no film that a phone plays".as_slice(),
                )
            }),
        );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "it lives as long as the test")]
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

struct Stage {
    app: TestApp,
    ann: Caller,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start_with_phones().await;
        let ann = user(&app, "ann").await;
        linked(&app, &ann, "one", ALICE).await;
        Self { app, ann }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let path = format!("/api/sessions/one/{path}");
        self.ann.post(&path, body).await.expect(200)
    }

    async fn post_form(&self, path: &str, form: Form) -> (u16, Value) {
        let url = format!("http://{}/api/sessions/one/{path}", self.app.addr);
        let call = http_client().build().unwrap().post(url);
        let call = call.bearer_auth(self.ann.token()).multipart(form);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What the phone of the friend has of a message: the file, opened.
    async fn opens(&self, sent: &Value, kind: &str, bytes: &[u8]) -> Value {
        let path = format!("/phones/{BOB}/messages");
        let id = &sent["message_id"];
        let find = |got: &Value| {
            let mut all = got["data"].as_array().unwrap().iter();
            all.find(|one| one["message_id"] == *id).cloned()
        };
        let look = async || self.app.control("GET", &path, Value::Null).await;
        let got = until(look, |got| find(got).is_some()).await;
        let got = find(&got).unwrap();
        assert_eq!(got["type"], kind, "{got}");
        assert_eq!(got["media"]["sha256"], hex::encode(Sha256::digest(bytes)));
        got
    }
}

#[tokio::test]
async fn a_file_in_json_is_opened_by_the_phone() {
    let stage = Stage::set().await;
    let body = json!({"to": BOB, "file": BASE64_STANDARD.encode(PDF), "filename": "offer.pdf", "caption": "look"});
    let sent = stage.post("send-attachment", body).await;
    assert_eq!(sent["message"], "Attachment sent successfully");
    assert_eq!(sent["session_id"], "one");
    let got = stage.opens(&sent, "document", PDF).await;
    assert_eq!(
        (&got["filename"], &got["caption"]),
        (&json!("offer.pdf"), &json!("look"))
    );
    // A picture that is attached stays the document that it was sent as.
    let data_url = format!("data:image/png;base64,{PNG}");
    let body = json!({"recipient": BOB, "file": data_url});
    let sent = stage.post("send-attachment", body).await;
    stage.opens(&sent, "document", &png()).await;
    for image in [PNG.to_owned(), data_url] {
        let body = json!({"to": BOB, "image": image, "caption": "a point"});
        let sent = stage.post("send-image", body).await;
        assert_eq!(sent["message"], "Image sent successfully");
        let got = stage.opens(&sent, "image", &png()).await;
        assert_eq!(got["caption"], "a point");
    }
}

#[tokio::test]
async fn a_file_by_url_is_fetched_and_opened_by_the_phone_as_what_it_is() {
    let stage = Stage::set().await;
    let site = site().await;
    let body = json!({"to": BOB, "image_url": format!("{site}/offer.png")});
    let sent = stage.post("send-image", body).await;
    stage.opens(&sent, "image", &png()).await;
    let body =
        json!({"to": BOB, "document_url": format!("{site}/the%20offer.pdf"), "caption": "c"});
    let sent = stage.post("send-document", body).await;
    let got = stage.opens(&sent, "document", PDF).await;
    assert_eq!(got["filename"], "the offer.pdf", "as its URL calls it");
    for (file, kind, bytes) in [
        ("offer.png", "image", png()),
        ("the%20offer.pdf", "document", PDF.to_vec()),
        ("song.mp3", "audio", b"ID3\x03\0\0\0\0\0\0".to_vec()),
        (
            "film.webm",
            "document",
            b"no film that a phone plays".to_vec(),
        ),
    ] {
        let body = json!({"to": BOB, "url": format!("{site}/{file}")});
        let sent = stage.post("send-file-url", body).await;
        assert_eq!(sent["message"], "File sent successfully");
        stage.opens(&sent, kind, &bytes).await;
    }
    let body = json!({"to": BOB, "url": format!("{site}/offer.png"), "type": "document", "filename": "a.png"});
    let sent = stage.post("send-file-url", body).await;
    let got = stage.opens(&sent, "document", &png()).await;
    assert_eq!(got["filename"], "a.png");
}

#[tokio::test]
async fn a_file_in_a_form_is_opened_by_the_phone_wherever_its_field_stands() {
    let stage = Stage::set().await;
    let part = || Part::bytes(PDF).file_name("offer.pdf");
    let before = Form::new()
        .part("file", part())
        .text("to", BOB)
        .text("caption", "c");
    let after = Form::new()
        .text("recipient", BOB)
        .text("filename", "other.pdf")
        .part("file", part());
    for (form, name) in [(before, "offer.pdf"), (after, "other.pdf")] {
        let (status, sent) = stage.post_form("send-attachment", form).await;
        assert_eq!(status, 200, "{sent}");
        let got = stage.opens(&sent, "document", PDF).await;
        assert_eq!(got["filename"], name);
    }
    let part = Part::bytes(png()).file_name("a.png").mime_str("image/png");
    let form = Form::new().part("image", part.unwrap()).text("to", BOB);
    let (status, sent) = stage.post_form("send-image", form).await;
    assert_eq!(status, 200, "{sent}");
    stage.opens(&sent, "image", &png()).await;

    let many = (0..40).fold(Form::new(), |form, n| form.text(format!("f{n}"), "x"));
    for (form, message) in [
        (
            Form::new().text("to", BOB),
            "To and file fields are required",
        ),
        (
            Form::new().part("file", Part::bytes(PDF).file_name("a")),
            "To and file fields are required",
        ),
        (
            Form::new().part("picture", Part::bytes(PDF).file_name("a")),
            "a form has one file, in the field file",
        ),
        (
            Form::new()
                .part("file", Part::bytes(PDF).file_name("a"))
                .text("filename", "b"),
            "filename must stand before the file",
        ),
        (
            Form::new().part("file", Part::bytes(PDF).file_name("../a")),
            "file: a file name has 1 to 255 bytes, no slash and no control character",
        ),
        (
            Form::new().part("file", Part::text("").file_name("a")),
            "file: the file has no bytes",
        ),
        (
            Form::new().text("to", "x".repeat(300_000)),
            "to may have at most 262144 bytes",
        ),
        (many, "a form has at most 32 fields"),
    ] {
        let (status, said) = stage.post_form("send-attachment", form).await;
        assert_eq!((status, &said["message"]), (400, &json!(message)), "{said}");
        assert_eq!(said["code"], "INVALID_INPUT");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named() {
    let stage = Stage::set().await;
    let site = site().await;
    let no_url = "url: this is not an absolute URL";
    let inside = "url: 10.0.0.1 is a private address, which is not allowed";
    let text = BASE64_STANDARD.encode("words");
    for (path, mut body, message) in [
        (
            "send-attachment",
            json!({}),
            "To and file fields are required",
        ),
        (
            "send-attachment",
            json!({"file": null}),
            "To and file fields are required",
        ),
        (
            "send-attachment",
            json!({"file": ""}),
            "To and file fields are required",
        ),
        (
            "send-attachment",
            json!({"file": 7}),
            "file must be a string",
        ),
        (
            "send-attachment",
            json!({"file": "no base64!"}),
            "file: this is no base64",
        ),
        (
            "send-attachment",
            json!({"file": PNG, "filename": "x".repeat(256)}),
            "filename may have at most 255 characters",
        ),
        (
            "send-attachment",
            json!({"file": PNG, "filename": "../x"}),
            "file: a file name has 1 to 255 bytes, no slash and no control character",
        ),
        (
            "send-attachment",
            json!({"file": PNG, "caption": "x".repeat(4097)}),
            "caption may have at most 4096 characters",
        ),
        (
            "send-attachment",
            json!({"file": PNG, "filename": 7}),
            "filename must be a string",
        ),
        (
            "send-image",
            json!({"image_url": 7}),
            "image_url must be a string",
        ),
        (
            "send-file-url",
            json!({"url": site, "type": 7}),
            "type must be a string",
        ),
        (
            "send-attachment",
            json!({"file": PNG, "caption": 1}),
            "caption must be a string",
        ),
        (
            "send-image",
            json!({"image_url": null}),
            "To and image fields are required",
        ),
        (
            "send-image",
            json!({"image": PNG, "image_url": "https://a.example"}),
            "a message has one file",
        ),
        (
            "send-image",
            json!({"image": text}),
            "image: it is application/octet-stream, and has to be one of image/jpeg, image/png, image/webp, image/gif",
        ),
        (
            "send-image",
            json!({"image": format!("data:image/png;base64,{text}")}),
            "image: it is called image/png, and is no picture",
        ),
        (
            "send-document",
            json!({"document_url": []}),
            "document_url must be a string",
        ),
        (
            "send-document",
            json!({}),
            "To and document_url fields are required",
        ),
        ("send-file-url", json!({"url": "offer.pdf"}), no_url),
        ("send-file-url", json!({"url": "http://10.0.0.1/x"}), inside),
        (
            "send-file-url",
            json!({"url": "ftp://a.example/x"}),
            "url: the scheme must be http or https, not ftp",
        ),
        (
            "send-file-url",
            json!({"url": format!("https://a.example/{}", "x".repeat(2048))}),
            "url may have at most 2048 characters",
        ),
        (
            "send-file-url",
            json!({"url": format!("{site}/nothing")}),
            "url: the server answered 404 Not Found",
        ),
        (
            "send-file-url",
            json!({"url": site, "type": "gif"}),
            "type must be image, video, audio or document",
        ),
        (
            "send-file-url",
            json!({"url": format!("{site}/song.mp3"), "caption": "x"}),
            "caption: a sound has none",
        ),
    ] {
        body["to"] = BOB.into();
        let answer = stage
            .ann
            .post(&format!("/api/sessions/one/{path}"), body)
            .await;
        refused(answer, 400, "INVALID_INPUT", message);
    }
    let missing = "To and image fields are required";
    for (to, message) in [
        (Value::Null, missing),
        (json!(""), missing),
        (json!(7), "to must be a string"),
        (json!("1".repeat(97)), "to may have at most 96 characters"),
    ] {
        let body = json!({"to": to, "image": PNG});
        let answer = stage.ann.post("/api/sessions/one/send-image", body).await;
        refused(answer, 400, "INVALID_INPUT", message);
    }
    // Nothing of it went out.
    let last = json!({"to": BOB, "message": "the last one"});
    let sent = stage.post("send", last).await;
    let path = format!("/phones/{BOB}/messages");
    let look = async || stage.app.control("GET", &path, Value::Null).await;
    let got = until(look, |got| got.to_string().contains("the last one")).await;
    assert_eq!(got["data"].as_array().unwrap().len(), 1, "{sent}");
}

#[tokio::test]
async fn a_session_that_is_not_ready_takes_no_file_in() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let message = "session one is not logged in";
    let answer = ann
        .post(
            "/api/sessions/one/send-image",
            json!({"to": BOB, "image": PNG}),
        )
        .await;
    refused(answer, 503, "SESSION_NOT_LOGGED_IN", message);
    let stage = Stage { app, ann };
    let form = Form::new().part("file", Part::bytes(PDF).file_name("a"));
    let (status, said) = stage.post_form("send-attachment", form).await;
    assert_eq!((status, &said["message"]), (503, &json!(message)));
    assert_eq!(stage.app.stored_files(), 0);
}
