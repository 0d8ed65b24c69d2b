//! Sessions: made, shown, changed, steered, and hidden from strangers.

use serde_json::{Value, json};

use super::{admin, linked, refused, signed_in, user};
use crate::harness::app::{
    TestApp,
    phones::{ALICE, until},
};

#[tokio::test]
async fn a_session_is_made_once_and_shown_under_every_name_that_a_client_reads() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let body = json!({"phone": "6281234567890", "name": "My Session"});
    let made = ann.post("/api/sessions", body.clone()).await.expect(201);
    for place in ["", "/data", "/data/session"] {
        let shown = made.pointer(place).unwrap();
        assert_eq!(shown["id"], "6281234567890", "{place}");
        assert_eq!(shown["phone"], "6281234567890");
        assert_eq!(
            (&shown["connected"], &shown["logged_in"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(
            (&shown["position"], &shown["enabled"]),
            (&json!(1), &json!(true))
        );
    }
    let again = ann.post("/api/sessions", body).await.expect(200);
    assert_eq!(again["already_exists"], true);
    assert_eq!(again["data"]["session"]["id"], "6281234567890");

    let other = ann.post("/api/sessions", json!({})).await.expect(201);
    let id = other["id"].as_str().unwrap();
    assert_eq!(id.len(), 10, "{id}");
    assert_eq!(other["phone"], format!("{id}@s.whatsapp.net"));
    assert_eq!(other["name"], format!("Session-{id}"));
    assert_eq!(other["position"], 2);
    let path = format!("/api/sessions/{id}");
    assert_eq!(
        ann.get(&path).await.expect(200)["data"]["session"]["id"],
        id
    );
    ann.put(&format!("{path}/name"), json!({"name": "Sales"}))
        .await
        .expect(200);
    let change = json!({"position": 0, "auto_reply_text": "Back soon", "name": ""});
    let changed = ann.put(&path, change).await.expect(200);
    assert_eq!(changed["data"]["name"], "Sales");
    assert_eq!(changed["data"]["auto_reply_text"], "Back soon");
    let list = ann.get("/api/sessions").await.expect(200);
    assert_eq!(list["count"], 2);
    assert_eq!(
        list["data"]["sessions"][0]["id"], id,
        "in the order of their positions"
    );
    ann.put(
        &format!("{path}/auto-reply"),
        json!({"auto_reply_text": null}),
    )
    .await
    .expect(200);
    let shown = ann.get(&path).await.expect(200);
    assert_eq!(shown["auto_reply_text"], Value::Null);
    ann.delete(&path).await.expect(200);
    ann.get(&path).await.expect(404);
}

#[tokio::test]
async fn what_a_session_cannot_be_is_named() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let hook = "webhook_format must be nested or flat";
    for (body, message) in [
        (json!({"phone": 7}), "phone must be a string"),
        (
            json!({"phone": "x".repeat(65)}),
            "phone may have at most 64 characters",
        ),
        (
            json!({"phone": "a b"}),
            "a handle has 1 to 64 characters of A-Z a-z 0-9 _ . + @ : -",
        ),
        (json!({"name": ["x"]}), "name must be a string"),
        (
            json!({"name": "x".repeat(129)}),
            "name may have at most 128 characters",
        ),
        (json!({"enabled": "yes"}), "enabled must be true or false"),
        (json!({"position": -1}), "position must be a whole number"),
        (json!({"webhook_format": "xml"}), hook),
        (
            json!({"proxy_config": "x"}),
            "proxy_config must be an object",
        ),
        (
            json!({"proxy_config": {"host": "h"}}),
            "proxy_config.port must be 1 to 65535",
        ),
        (
            json!({"webhook_events": ["message", "call"]}),
            "webhook_events holds message, receipt or both",
        ),
    ] {
        let answer = ann.post("/api/sessions", body).await;
        refused(answer, 400, "INVALID_INPUT", message);
    }
    ann.post("/api/sessions", json!({"webhook_url": "ftp://x"}))
        .await
        .expect(400);
    assert_eq!(
        ann.get("/api/sessions").await.expect(200)["count"],
        0,
        "nothing was made"
    );
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let name = ann
        .put("/api/sessions/one/name", json!({"name": " "}))
        .await;
    refused(name, 400, "INVALID_INPUT", "Name is required");
    let enabled = ann.put("/api/sessions/one/enabled", json!({})).await;
    refused(enabled, 400, "INVALID_INPUT", "enabled is required");
    let method = ann.post("/api/sessions/one", json!({})).await.expect(405);
    assert_eq!(method["success"], false);
}

#[tokio::test]
async fn a_user_has_as_many_sessions_as_they_may_and_an_administrator_any_number() {
    let app = TestApp::start().await;
    let root = admin(&app).await;
    let body = json!({"username": "bob", "password": crate::harness::app::PASSWORD});
    root.post("/api/register", body).await.expect(200);
    let (bob, _) = signed_in(&app, "/api/login", "bob").await;
    for _ in 0..5 {
        bob.post("/api/sessions", json!({})).await.expect(201);
        root.post("/api/sessions", json!({})).await.expect(201);
    }
    let answer = bob.post("/api/sessions", json!({})).await.expect(403);
    let message = "session limit reached. You can create maximum 5 sessions";
    assert_eq!(answer["message"], message);
    assert_eq!(answer["error"], "Forbidden", "in the flat form");
    root.post("/api/sessions", json!({})).await.expect(201);
}

#[tokio::test]
async fn to_a_stranger_a_session_does_not_exist_and_an_administrator_sees_every_one() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let bob = user(&app, "bob").await;
    ann.post("/api/sessions", json!({"phone": "hers", "name": "Hers"}))
        .await
        .expect(201);
    let paths = [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("PUT", "/name"),
        ("GET", "/webhook"),
        ("PUT", "/webhook"),
        ("DELETE", "/webhook"),
        ("PUT", "/auto-reply"),
        ("PUT", "/proxy"),
        ("PUT", "/enabled"),
        ("POST", "/connect"),
        ("POST", "/login"),
        ("POST", "/disconnect"),
        ("POST", "/logout"),
        ("GET", "/qr"),
        ("GET", "/status"),
        ("POST", "/send"),
        ("POST", "/send-location"),
        ("POST", "/reply"),
        ("POST", "/check-number"),
        ("GET", "/groups"),
        ("POST", "/typing"),
        ("POST", "/stop-typing"),
        ("POST", "/set-online"),
        ("POST", "/presence"),
        ("GET", "/ws"),
    ];
    for (method, path) in paths {
        let path = format!("/api/sessions/hers{path}");
        let answer = bob.send(method.parse().unwrap(), &path, None).await;
        refused(answer, 404, "NOT_FOUND", "Session not found");
        let answer = app
            .stranger()
            .send(method.parse().unwrap(), &path, None)
            .await;
        refused(answer, 401, "UNAUTHORIZED", "Missing authorization header");
    }
    let body = json!({"phone": "hers", "recipient": "6281381393739", "message": "x"});
    let answer = bob.post("/api/send", body).await;
    refused(
        answer,
        404,
        "NOT_FOUND",
        "Session not found for phone: hers",
    );
    assert_eq!(bob.get("/api/sessions").await.expect(200)["count"], 0);

    let root = admin(&app).await;
    let seen = root.get("/api/sessions").await.expect(200);
    assert_eq!(seen["sessions"][0]["name"], "Hers");
    let owner = seen["sessions"][0]["user_id"].as_i64().unwrap();
    let (_, hers) = signed_in(&app, "/api/login", "ann").await;
    assert_eq!(owner, hers["user"]["id"], "it stays hers");
    let named = json!({"name": "Renamed"});
    root.put("/api/sessions/hers/name", named).await.expect(200);
    assert_eq!(
        ann.get("/api/sessions/hers").await.expect(200)["name"],
        "Renamed"
    );
    // Two users may use one id; each has their own.
    bob.post("/api/sessions", json!({"phone": "hers"}))
        .await
        .expect(201);
    root.delete("/api/sessions/hers").await.expect(200);
    ann.get("/api/sessions/hers").await.expect(404);
    bob.get("/api/sessions/hers").await.expect(200);
}

#[tokio::test]
async fn connect_and_login_are_repeated_at_will_and_the_code_is_there_each_time() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    ann.post("/api/sessions", json!({"phone": "6281234567890"}))
        .await
        .expect(201);
    let path = "/api/sessions/6281234567890";
    for _ in 0..2 {
        let connected = ann
            .post(&format!("{path}/connect"), Value::Null)
            .await
            .expect(200);
        let url = connected["websocket_url"].as_str().unwrap();
        assert!(
            url.starts_with("ws://") && url.ends_with("/api/ws/6281234567890"),
            "{url}"
        );
        ann.post(&format!("{path}/login"), json!({}))
            .await
            .expect(200);
        let shown = ann.get(&format!("{path}/qr")).await.expect(200);
        let image = shown["data"]["qr_code"].as_str().unwrap();
        assert!(image.starts_with("data:image/png;base64,iVBOR"), "{image}");
        assert_eq!(shown["qr_code"], shown["data"]["qr_code"]);
        assert!(shown["data"]["timeout"].as_i64().unwrap() > 0);
    }
    let status = ann.get(&format!("{path}/status")).await.expect(200);
    assert_eq!(
        status["data"],
        json!({"status": "qr", "connected": true, "logged_in": false})
    );

    linked(&app, &ann, "6281234567890", ALICE).await;
    let shown = ann.get(path).await.expect(200);
    assert_eq!(shown["actual_phone"], format!("{ALICE}@s.whatsapp.net"));
    let already = "session 6281234567890 is already logged in";
    let login = ann.post(&format!("{path}/login"), Value::Null).await;
    refused(login, 400, "BAD_REQUEST", already);
    refused(
        ann.get(&format!("{path}/qr")).await,
        400,
        "BAD_REQUEST",
        already,
    );
    ann.post(&format!("{path}/disconnect"), Value::Null)
        .await
        .expect(200);
    let shown = ann.get(path).await.expect(200);
    assert_eq!(
        (&shown["connected"], &shown["status"]),
        (&json!(false), &json!("disconnected"))
    );
    assert_eq!(
        shown["actual_phone"],
        format!("{ALICE}@s.whatsapp.net"),
        "it stays linked"
    );

    ann.put(&format!("{path}/enabled"), json!({"enabled": false}))
        .await
        .expect(200);
    let off = "session 6281234567890 is disabled and cannot perform operations";
    let answer = ann.post(&format!("{path}/connect"), Value::Null).await;
    refused(answer, 403, "FORBIDDEN", off);
    ann.put(&format!("{path}/enabled"), json!({"enabled": true}))
        .await
        .expect(200);
    let look = async || ann.get(path).await.expect(200);
    until(look, |shown| shown["logged_in"] == true).await;
    ann.post(&format!("{path}/logout"), Value::Null)
        .await
        .expect(200);
    let gone = until(look, |shown| shown["status"] == "logged_out").await;
    assert_eq!(gone.get("actual_phone"), None);
    let answer = ann.post(&format!("{path}/logout"), Value::Null).await;
    refused(
        answer,
        400,
        "BAD_REQUEST",
        "session 6281234567890 is not logged in",
    );
}
