//! Sessions: made, shown, changed, steered, and hidden from strangers.

use serde_json::{Value, json};

use super::{account, asked, at, invalid, link, refused, session};
use crate::harness::app::{
    TestApp,
    phones::{ALICE, until},
};

#[tokio::test]
async fn a_session_has_a_number_a_key_and_a_secret_and_is_shown_whole_to_its_account() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    let none = ann.get("/api/whatsapp-sessions").await.expect(200);
    assert_eq!(
        (&none["success"], &none["data"]),
        (&json!(true), &json!([]))
    );
    let (made, _) = session(&app, &ann, asked("Business WhatsApp")).await;
    assert_eq!(made["name"], "Business WhatsApp");
    assert_eq!(made["phone_number"], "+12345000001");
    assert_eq!(made["status"], "disconnected");
    let key = made["api_key"].as_str().unwrap();
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(made["webhook_secret"].as_str().unwrap().len(), 32);
    assert_eq!(
        (&made["webhook_url"], &made["webhook_enabled"]),
        (&Value::Null, &json!(false))
    );
    for name in ["last_active_at", "created_at", "updated_at"] {
        let time = made[name].as_str().unwrap();
        assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
    }
    let shown = ann.get(&at(&made, "")).await.expect(200);
    assert_eq!(shown["data"], made, "the key and the secret stay");
    let (again, _) = session(&app, &ann, asked("the same number again")).await;
    assert!(again["id"].as_i64() > made["id"].as_i64());
    let list = ann.get("/api/whatsapp-sessions").await.expect(200);
    assert_eq!(list["data"], json!([made, again]));

    let change = json!({"name": "Sales", "always_online": true, "proxy_url": null});
    let changed = ann.put(&at(&made, ""), change).await.expect(200);
    assert_eq!(changed["data"]["name"], "Sales");
    assert_eq!(changed["data"]["always_online"], true);
    assert_eq!(
        changed["data"]["phone_number"], "+12345000001",
        "what is absent stays"
    );
    let gone = ann.delete(&at(&again, "")).await.expect(200);
    let body = json!({"success": true, "message": "Session deleted successfully", "data": null});
    assert_eq!(gone, body);
    let answer = ann.get(&at(&again, "")).await;
    refused(answer, 404, "WhatsApp session not found");
}

#[tokio::test]
async fn what_is_left_out_is_safe_and_what_is_wrong_is_told_by_field() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    let body = json!({"name": "x", "phone_number": "+12345678"});
    let (made, _) = session(&app, &ann, body).await;
    assert_eq!(
        (&made["account_protection"], &made["log_messages"]),
        (&json!(true), &json!(true))
    );
    for (body, fields) in [
        (json!({}), &["name", "phone_number"][..]),
        (
            json!({"name": null, "phone_number": "12345678"}),
            &["name", "phone_number"],
        ),
        (
            json!({"name": 7, "phone_number": "+1234567"}),
            &["name", "phone_number"],
        ),
        (
            json!({"name": "x".repeat(129), "phone_number": "+1234567890123456"}),
            &["name", "phone_number"],
        ),
        (
            json!({"name": "x", "phone_number": "+12345678", "log_messages": "maybe"}),
            &["log_messages"],
        ),
        (
            json!({"name": "x", "phone_number": "+12345678", "webhook_enabled": true}),
            &["webhook_url"],
        ),
        (
            json!({"name": "x", "phone_number": "+12345678", "webhook_url": "http://10.0.0.1/x", "webhook_enabled": true}),
            &["webhook_url"],
        ),
        (
            json!({"name": "x", "phone_number": "+12345678", "webhook_events": "all"}),
            &["webhook_events"],
        ),
        (
            json!({"name": "x", "phone_number": "+12345678", "proxy_url": 7}),
            &["proxy_url"],
        ),
    ] {
        invalid(ann.post("/api/whatsapp-sessions", body).await, fields);
    }
    let answer = ann.post("/api/whatsapp-sessions", json!([])).await;
    refused(answer, 400, "The body must be a JSON object.");
    invalid(
        ann.put(&at(&made, ""), json!({"name": ""})).await,
        &["name"],
    );
    let list = ann.get("/api/whatsapp-sessions").await.expect(200);
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        1,
        "nothing was made"
    );
}

#[tokio::test]
async fn whoever_shows_no_credential_or_a_wrong_one_is_told_so_with_their_path_s_words() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    let nobody = app.stranger();
    refused(
        nobody.get("/api/whatsapp-sessions").await,
        401,
        "Unauthorized",
    );
    refused(nobody.get("/api/status").await, 401, "API key is required");
    for wrong in ["x", "wpat_0", &"0".repeat(64), "wk_0", "a.b.c"] {
        let wrong = nobody.bearer(wrong);
        refused(
            wrong.get("/api/whatsapp-sessions").await,
            401,
            "Unauthorized",
        );
        refused(wrong.get("/api/status").await, 401, "Unauthorized");
    }
    let odd = nobody.header("authorization", &format!("Bearer token {}", key.token()));
    assert_eq!(
        odd.get("/api/status").await.expect(200),
        json!({"status": "disconnected"})
    );

    let bob = account(&app, "bob").await;
    for below in ["", "/status", "/qrcode", "/session-logs", "/message-logs"] {
        let answer = bob.get(&at(&made, below)).await;
        refused(answer, 404, "WhatsApp session not found");
    }
    for below in ["/connect", "/disconnect", "/restart", "/regenerate-key"] {
        let answer = bob.post(&at(&made, below), json!({})).await;
        refused(answer, 404, "WhatsApp session not found");
    }
    let named = bob.header("x-session-id", &made["id"].to_string());
    refused(
        named.get("/api/status").await,
        404,
        "WhatsApp session not found",
    );
    assert_eq!(
        ann.get("/api/auth-check").await.expect(200)["data"],
        json!({"user_id": 1})
    );
}

#[tokio::test]
async fn the_key_of_a_session_opens_that_session_alone_and_ends_when_it_is_renewed() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    let (one, key) = session(&app, &ann, asked("one")).await;
    let (two, _) = session(&app, &ann, asked("two")).await;
    let list = key.get("/api/whatsapp-sessions").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], one["id"]);
    key.get(&at(&one, "/status")).await.expect(200);
    refused(
        key.get(&at(&two, "")).await,
        404,
        "WhatsApp session not found",
    );
    key.post("/api/whatsapp-sessions", asked("three"))
        .await
        .expect(403);
    key.post("/api/auth/pat", json!({})).await.expect(403);
    // On the paths of `/v1` it is a key like any, bound to its session.
    let listed = key.get("/v1/sessions").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    key.get("/v1/users").await.refused(403, "scope_missing");

    let renewed = ann
        .post(&at(&one, "/regenerate-key"), json!({}))
        .await
        .expect(200);
    let fresh = renewed["api_key"].as_str().unwrap();
    assert_ne!(fresh, key.token());
    refused(key.get("/api/status").await, 401, "Unauthorized");
    let fresh = app.stranger().bearer(fresh);
    fresh.get("/api/status").await.expect(200);
    let shown = ann.get(&at(&one, "")).await.expect(200);
    assert_eq!(shown["data"]["api_key"], fresh.token());
    assert_eq!(
        shown["data"]["webhook_secret"], one["webhook_secret"],
        "the secret stays"
    );
    ann.delete(&at(&one, "")).await.expect(200);
    refused(fresh.get("/api/status").await, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_that_may_less_than_a_key_is_not_shown_one() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    session(&app, &ann, asked("one")).await;
    let person = app.sign_in("ann").await;
    let body = json!({"name": "reader", "scopes": ["sessions:read"]});
    let reader = person.post("/v1/api-keys", body).await.expect(201);
    let reader = app.stranger().bearer(reader["key"].as_str().unwrap());
    let body =
        json!({"name": "writer", "scopes": ["sessions:read", "sessions:write", "webhooks:manage"]});
    let writer = person.post("/v1/api-keys", body).await.expect(201);
    let writer = app.stranger().bearer(writer["key"].as_str().unwrap());
    let mut hooked = asked("two");
    hooked["webhook_url"] = "https://shop.example/hook".into();
    hooked["webhook_enabled"] = true.into();
    let answer = writer.post("/api/whatsapp-sessions", hooked).await;
    refused(
        answer,
        403,
        "This token may not have the secret that webhooks are sent with.",
    );
    let list = reader.get("/api/whatsapp-sessions").await.expect(200);
    assert_eq!(
        (
            &list["data"][0]["api_key"],
            &list["data"][0]["webhook_secret"]
        ),
        (&json!(""), &json!(""))
    );
}

#[tokio::test]
async fn a_token_of_the_account_finds_the_session_that_is_meant() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    refused(
        ann.get("/api/status").await,
        404,
        "WhatsApp session not found",
    );
    let (one, _) = session(&app, &ann, asked("one")).await;
    assert_eq!(
        ann.get("/api/status").await.expect(200),
        json!({"status": "disconnected"})
    );
    let body = json!({"to": ALICE, "text": "x"});
    ann.post("/api/send-message", body.clone())
        .await
        .expect(503);
    let (two, _) = session(&app, &ann, asked("two")).await;
    ann.get("/api/status").await.expect(200);
    ann.post("/api/send-message", body.clone())
        .await
        .expect(400);
    for id in [&one["id"], &two["id"]] {
        let named = ann.header("x-session-id", &id.to_string());
        named
            .post("/api/send-message", body.clone())
            .await
            .expect(503);
    }
    let path = format!("/api/send-message?session_id={}", two["id"]);
    ann.post(&path, body).await.expect(503);
}

#[tokio::test]
async fn a_code_is_shown_raw_or_as_a_picture_and_a_linked_session_shows_none() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    let none = "QR code not available. Connect the session first.";
    refused(ann.get(&at(&made, "/qrcode")).await, 400, none);
    let raw = ann
        .post(&at(&made, "/connect"), Value::Null)
        .await
        .expect(200);
    assert_eq!(raw["data"]["status"], "need_scan");
    let code = raw["data"]["qrCode"].as_str().unwrap();
    assert!(code.starts_with("2@"), "{code}");
    assert_eq!(raw["data"]["qr_code"], code);
    let picture = "data:image/png;base64,";
    for (path, body) in [
        ("/connect", json!({"qr_as_image": true})),
        ("/connect?qrAsImage=true", json!({})),
    ] {
        let shown = ann.post(&at(&made, path), body).await.expect(200);
        assert!(
            shown["data"]["qrCode"]
                .as_str()
                .unwrap()
                .starts_with(picture)
        );
    }
    for path in ["/qrcode", "/qr-code"] {
        let shown = ann.get(&at(&made, path)).await.expect(200);
        assert!(shown["data"]["qrCode"].as_str().unwrap().starts_with("2@"));
        assert!(
            shown["data"]["qrCodeImage"]
                .as_str()
                .unwrap()
                .starts_with(picture)
        );
    }
    assert_eq!(
        key.get("/api/status").await.expect(200),
        json!({"status": "need_scan"})
    );
    link(&app, &ann, &made, ALICE).await;
    refused(ann.get(&at(&made, "/qrcode")).await, 400, none);
    let again = ann
        .post(&at(&made, "/connect"), json!({}))
        .await
        .expect(200);
    assert_eq!(again["data"]["message"], "Session already connected");
    assert_eq!(again["data"].get("qrCode"), None);
    // One client compares with capitals.
    let loud = key.header("user-agent", "wasender-typescript-sdk/0.3.2");
    assert_eq!(
        loud.get("/api/status").await.expect(200),
        json!({"status": "CONNECTED"})
    );
    let path = format!("/api/sessions/{}/status", made["id"]);
    assert_eq!(
        key.get(&path).await.expect(200)["data"],
        json!({"status": "connected"})
    );

    let user = key.get("/api/user").await.expect(200);
    assert_eq!(user["data"]["id"], format!("{ALICE}@s.whatsapp.net"));
    let restarted = ann
        .post(&at(&made, "/restart"), json!({}))
        .await
        .expect(200);
    assert_eq!(restarted["data"]["status"], "connecting");
    let look = async || ann.get(&at(&made, "/status")).await.expect(200);
    until(look, |shown| shown["status"] == "connected").await;
    let off = ann
        .post(&at(&made, "/disconnect"), json!({}))
        .await
        .expect(200);
    assert_eq!(off["data"]["status"], "disconnected");
    until(look, |shown| shown["status"] == "disconnected").await;
    ann.post(&at(&made, "/restart"), json!({}))
        .await
        .expect(400);
    let logs = ann
        .get(&at(&made, "/session-logs?per_page=3"))
        .await
        .expect(200);
    let page = &logs["data"];
    assert_eq!(
        (
            &page["current_page"],
            &page["per_page"],
            &page["from"],
            &page["to"]
        ),
        (&json!(1), &json!(3), &json!(1), &json!(3))
    );
    assert_eq!(page["data"][0]["event_type"], "status_change");
    assert!(page["total"].as_u64().unwrap() > 3 && page["next_page_url"].is_string());
    assert_eq!(page["prev_page_url"], Value::Null);
    let next = ann
        .get(&at(&made, "/session-logs?per_page=3&page=2"))
        .await
        .expect(200);
    assert_eq!(next["data"]["from"], 4);
    let all = ann
        .get(&at(&made, "/session-logs?per_page=100"))
        .await
        .expect(200);
    let states = all["data"]["data"].to_string();
    for state in ["need_scan", "connected", "connecting"] {
        assert!(
            states.contains(&format!("\"{state}\"")),
            "{state} is not in {states}"
        );
    }
}

#[tokio::test]
async fn a_number_that_is_connected_is_not_connected_a_second_time() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let mut body = asked("one");
    body["phone_number"] = format!("+{ALICE}").into();
    let (one, _) = session(&app, &ann, body.clone()).await;
    link(&app, &ann, &one, ALICE).await;
    let (two, _) = session(&app, &ann, body).await;
    let answer = ann.post(&at(&two, "/connect"), json!({})).await;
    refused(
        answer,
        409,
        "This phone number is connected in another session",
    );
}

#[tokio::test]
async fn what_a_caller_has_left_is_told_with_every_answer_and_a_limit_of_sessions_is_said() {
    let app = TestApp::start().await;
    let ann = account(&app, "ann").await;
    for answer in [
        ann.get("/api/whatsapp-sessions").await,
        ann.get("/api/whatsapp-sessions/77").await,
        ann.post("/api/whatsapp-sessions", json!({})).await,
    ] {
        let number = |name: &str| {
            answer.headers[name]
                .to_str()
                .unwrap()
                .parse::<i64>()
                .unwrap()
        };
        assert!(number("x-ratelimit-remaining") < number("x-ratelimit-limit"));
        assert!(
            number("x-ratelimit-reset") > 1_600_000_000,
            "a time, not a while"
        );
    }
    let admin = app.admin().await;
    let users = admin.get("/v1/users").await.expect(200);
    let mut users = users["data"].as_array().unwrap().iter();
    let id = users.find(|user| user["username"] == "ann").unwrap()["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().unwrap());
    admin
        .patch(&path, json!({"session_limit": 1}))
        .await
        .expect(200);
    session(&app, &ann, asked("one")).await;
    let answer = ann.post("/api/whatsapp-sessions", asked("two")).await;
    refused(answer, 403, "Session limit reached");
}
