//! What a session knows and does with it: hand on, read, list; and whether a proxy works.

use serde_json::{Value, json};

use super::{linked, refused, user};
use crate::harness::{
    app::{
        TestApp,
        phones::{ALICE, BOB, CAROL, PNG, until},
    },
    proxy::Proxy,
};

/// What `from` has written on their phone, by WhatsApp's id.
async fn writes(app: &TestApp, from: &str, body: Value) -> String {
    let path = format!("/phones/{from}/messages");
    let written = app.control("POST", &path, body).await;
    written["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_handed_on_as_it_is_and_one_that_is_not_known_by_its_text() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "one", ALICE).await;
    let image = json!({"to": ALICE, "image": {"base64": PNG, "mimetype": "image/png", "caption": "a point"}});
    let image = writes(&app, BOB, image).await;
    let stored = format!("/v1/sessions/one/messages/{image}");
    let native = app.sign_in("ann").await;
    let look = async || json!({"status": native.get(&stored).await.status.as_u16()});
    until(look, |seen| seen["status"] == 200).await;
    let path = "/api/sessions/one/forward";
    let sent = ann
        .post(
            path,
            json!({"to": CAROL, "message_id": image, "text": "not this"}),
        )
        .await
        .expect(200);
    assert_eq!(sent["message"], "Message forwarded successfully");
    let other = ann
        .post(
            path,
            json!({"to": CAROL, "message_id": "3EB0AA", "text": "its text"}),
        )
        .await
        .expect(200);
    let path_of = format!("/phones/{CAROL}/messages");
    let all = async || app.control("GET", &path_of, Value::Null).await;
    let got = until(all, |got| got["data"].as_array().unwrap().len() == 2).await;
    let find = |sent: &Value| {
        let mut all = got["data"].as_array().unwrap().iter();
        all.find(|one| one["message_id"] == sent["message_id"])
            .unwrap()
    };
    assert_eq!(
        (&find(&sent)["type"], &find(&sent)["caption"]),
        (&json!("image"), &json!("a point"))
    );
    assert_eq!(find(&other)["text"], "its text");
    for one in [&sent, &other] {
        assert_eq!(find(one)["forwarded"], true);
    }
    let answer = ann
        .post(path, json!({"to": CAROL, "message_id": "3EB0AA"}))
        .await;
    refused(answer, 404, "NOT_FOUND", "there is no such message");
    let missing = "To and message_id fields are required";
    for (body, message) in [
        (json!({"to": CAROL}), missing),
        (json!({"message_id": image}), missing),
        (json!({"to": CAROL, "message_id": null}), missing),
        (
            json!({"to": CAROL, "message_id": 1}),
            "message_id must be a string",
        ),
        (
            json!({"to": CAROL, "message_id": "x".repeat(129)}),
            "message_id may have at most 128 characters",
        ),
        (
            json!({"to": CAROL, "message_id": image, "text": 1}),
            "text must be a string",
        ),
    ] {
        refused(ann.post(path, body).await, 400, "INVALID_INPUT", message);
    }
}

#[tokio::test]
async fn what_is_read_shows_so_on_the_phone_of_its_writer_and_in_the_list() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "one", ALICE).await;
    let theirs = writes(&app, BOB, json!({"to": ALICE, "text": "seen?"})).await;
    let conversations = async || ann.get("/api/sessions/one/conversations").await.expect(200);
    let unread = |shown: &Value| shown["data"]["conversations"][0]["unread_count"].clone();
    let shown = until(conversations, |shown| unread(shown) == 1).await;
    assert_eq!(shown["data"]["count"], 1);
    let chat = &shown["data"]["conversations"][0];
    assert_eq!(chat["jid"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(chat["last_message_id"], theirs);
    for flag in ["is_group", "is_pinned", "is_muted", "is_archived"] {
        assert_eq!(chat[flag], false, "{flag}");
    }
    let body = json!({"to": BOB, "message_id": theirs});
    let read = ann.post("/api/sessions/one/read", body).await.expect(200);
    assert_eq!(
        read,
        json!({"success": true, "message": "Message marked as read"})
    );
    until(conversations, |shown| unread(shown) == 0).await;
    let path = format!("/phones/{BOB}/messages");
    let look = async || app.control("GET", &path, Value::Null).await;
    let has_receipt = |got: &Value| {
        let mut all = got["data"].as_array().unwrap().iter();
        let one = all.find(|one| one["message_id"] == theirs.as_str());
        let receipts = one.and_then(|one| one["receipts"].as_array());
        receipts.is_some_and(|all| all.iter().any(|receipt| receipt["kind"] == "read"))
    };
    until(look, has_receipt).await;

    let own = ann
        .post(
            "/api/sessions/one/send",
            json!({"to": BOB, "message": "mine"}),
        )
        .await
        .expect(200);
    let read = async |body: Value| ann.post("/api/sessions/one/read", body).await;
    let answer = read(json!({"to": BOB, "message_id": own["message_id"]})).await;
    refused(
        answer,
        400,
        "BAD_REQUEST",
        "one's own is not marked as read",
    );
    let answer = read(json!({"to": BOB, "message_id": "3EB0AA"})).await;
    refused(answer, 404, "NOT_FOUND", "there is no such message");
    let missing = "To and message_id fields are required";
    for body in [json!({}), json!({"to": BOB}), json!({"message_id": theirs})] {
        refused(read(body).await, 400, "INVALID_INPUT", missing);
    }
}

#[tokio::test]
async fn contacts_are_told_by_name_to_whom_the_session_belongs_to() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "one", ALICE).await;
    let native = app.sign_in("ann").await;
    let path = format!("/v1/sessions/one/contacts/{BOB}");
    native
        .put(&path, json!({"name": "Bob at sea"}))
        .await
        .expect(200);
    let contacts = async || ann.get("/api/sessions/one/contacts").await.expect(200);
    let is_there = |shown: &Value| shown.to_string().contains("Bob at sea");
    let shown = until(contacts, is_there).await;
    assert_eq!(shown["data"], shown["contacts"]);
    let mut all = shown["contacts"].as_array().unwrap().iter();
    let bob = all.find(|one| one["name"] == "Bob at sea").unwrap();
    assert_eq!(bob["jid"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(
        (&bob["verified"], &bob["business_name"]),
        (&json!(false), &json!(""))
    );
    let ben = user(&app, "ben").await;
    for path in ["contacts", "conversations"] {
        let answer = ben.get(&format!("/api/sessions/one/{path}")).await;
        refused(answer, 404, "NOT_FOUND", "Session not found");
    }
}

#[tokio::test]
async fn a_proxy_is_tried_by_whoever_has_signed_in_and_what_is_wrong_with_it_is_named() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    let proxy = Proxy::start("tinyproxy");
    let config = |password: &str| {
        json!({"proxy_config": {
            "enabled": true, "type": "http", "host": "127.0.0.1", "port": proxy.port,
            "username": "wharf", "password": password,
        }})
    };
    let path = "/api/proxy/test";
    let said = ann.post(path, config("pass_word")).await.expect(200);
    let info = json!({"type": "http", "host": "127.0.0.1", "port": proxy.port});
    assert_eq!(said["proxy_info"], info);
    assert_eq!(said["message"], "Proxy connection successful");
    let answer = ann.post(path, config("wrong")).await;
    let message = "proxy_config: the proxy did not connect";
    refused(answer, 400, "INVALID_INPUT", message);
    for (config, message) in [
        (Value::Null, "proxy_config is required"),
        (json!("x"), "proxy_config must be an object"),
        (json!({"enabled": false}), "proxy_config.enabled is false"),
        (
            json!({"type": "https", "host": "h", "port": 1}),
            "proxy_config.type must be http or socks5",
        ),
        (json!({"port": 1}), "proxy_config.host is required"),
        (
            json!({"host": "h", "port": 0}),
            "proxy_config.port must be 1 to 65535",
        ),
        (
            json!({"host": "10.0.0.1", "port": 3128}),
            "proxy_config: 10.0.0.1 is a private address, which is not allowed",
        ),
        (
            json!({"host": "127.0.0.1", "port": 9}),
            "proxy_config: the proxy cannot be reached",
        ),
    ] {
        let answer = ann.post(path, json!({"proxy_config": config})).await;
        refused(answer, 400, "INVALID_INPUT", message);
    }
    let answer = app.stranger().post(path, config("pass_word")).await;
    refused(answer, 401, "UNAUTHORIZED", "Missing authorization header");
}
