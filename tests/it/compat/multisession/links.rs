//! Links to the files of messages: followed by their owner, for an hour.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use wharf::domain::clock::Clock as _;

use super::{admin, refused, user};
use crate::harness::app::{TestApp, phones::PNG};

#[tokio::test]
async fn a_link_is_followed_by_its_owner_and_an_administrator_until_it_ends() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let native = app.sign_in("ann").await;
    let file = native
        .post("/v1/sessions/one/media", json!({"base64": PNG}))
        .await
        .expect(201);
    let session = native.get("/v1/sessions/one").await.expect(200);
    let (session, file) = (
        session["id"].as_str().unwrap(),
        file["id"].as_str().unwrap(),
    );
    let at = app.clock.now_ms() / 1000;
    let until = at + 3600;
    let path = format!("/api/media/temp/{session}_{at}_{file}.png");
    let link = format!("{path}?expires={until}");
    for caller in [&ann, &admin(&app).await] {
        let answer = caller.get(&link).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.bytes, BASE64_STANDARD.decode(PNG).unwrap());
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-disposition", "inline"),
            ("cache-control", "private, max-age=3600"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
    }
    let ben = user(&app, "ben").await;
    refused(ben.get(&link).await, 404, "NOT_FOUND", "Session not found");
    let missing = "Missing authorization header";
    refused(
        app.stranger().get(&link).await,
        401,
        "UNAUTHORIZED",
        missing,
    );
    let other = format!("med_{}", "0".repeat(32));
    let gone = format!("/api/media/temp/{session}_{at}_{other}.png?expires={until}");
    refused(ann.get(&gone).await, 404, "NOT_FOUND", "Media not found");
    for (link, message) in [
        (path.clone(), "expires is required"),
        (format!("{path}?expires=soon"), "Invalid expires"),
        (format!("{path}?expires={}", until + 1), "Invalid expires"),
        (
            format!("/api/media/temp/one.png?expires={until}"),
            "Invalid filename",
        ),
        (
            format!("/api/media/temp/{file}?expires={until}"),
            "Invalid filename",
        ),
    ] {
        refused(ann.get(&link).await, 400, "BAD_REQUEST", message);
    }
    app.clock.advance(Duration::from_hours(1));
    refused(
        ann.get(&link).await,
        410,
        "NOT_FOUND",
        "Media link has expired",
    );
}
