//! Messages: sent, told, changed, and the files they take along.

use reqwest::Method;
use serde_json::{Value, json};

use super::{account, asked, at, got, invalid, link, refused, session};
use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, PNG, until},
};

async fn sent(key: &Caller, body: Value) -> Value {
    let answer = key.post("/api/send-message", body).await.expect(200);
    let sent = answer["data"].clone();
    assert!(sent["msgId"].as_i64().unwrap() > 0, "{answer}");
    let status = sent["status"].as_str().unwrap();
    assert!(["in_progress", "sent"].contains(&status), "{status}");
    sent
}

/// What WhatsApp made of the message of this number, once it has it.
async fn info(key: &Caller, number: &Value) -> Value {
    let path = format!("/api/messages/{number}/info");
    let look = async || key.get(&path).await.expect(200);
    let shown = until(look, |shown| shown["data"]["status"].as_i64() >= Some(2)).await;
    shown["data"].clone()
}

#[tokio::test]
async fn every_kind_is_told_from_its_field_and_reaches_the_phone() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    link(&app, &ann, &made, ALICE).await;
    let to = format!("+{BOB}");
    let text = sent(
        &key,
        json!({"to": to, "text": "one", "messageType": "text"}),
    )
    .await;
    assert_eq!(text["jid"], to);
    let uploaded = key
        .post(
            "/api/upload",
            json!({"base64": format!("data:image/png;base64,{PNG}")}),
        )
        .await;
    let uploaded = uploaded.expect(200);
    let url = uploaded["publicUrl"].as_str().unwrap().to_owned();
    assert_eq!(uploaded["data"]["publicUrl"], url);
    sent(
        &key,
        json!({"to": to, "imageUrl": url, "text": "two", "viewOnce": false}),
    )
    .await;
    sent(
        &key,
        json!({"to": to, "documentUrl": url, "fileName": "three.png", "text": null}),
    )
    .await;
    sent(
        &key,
        json!({"to": to, "contact": {"name": "four", "phone": "+15550001"}}),
    )
    .await;
    sent(
        &key,
        json!({"to": to, "location": {"latitude": "1.5", "longitude": 2, "name": "five"}}),
    )
    .await;
    sent(
        &key,
        json!({"to": to, "poll": {"question": "six", "options": ["a", "b"], "multiSelect": true}}),
    )
    .await;
    sent(
        &key,
        json!({"to": to, "text": "seven", "replyTo": text["msgId"]}),
    )
    .await;
    let all = ["one", "two", "three.png", "four", "five", "six", "seven"];
    let seen = got(&app, BOB, &all).await;

    let told = info(&key, &text["msgId"]).await;
    assert_eq!(told["message"], json!({"conversation": "one"}));
    assert_eq!(
        (&told["remoteJid"], &told["key"]["fromMe"]),
        (&json!(format!("{BOB}@s.whatsapp.net")), &json!(true))
    );
    assert!(seen.to_string().contains(told["id"].as_str().unwrap()));
    let path = format!("/api/messages/{}", text["msgId"]);
    let edited = key.put(&path, json!({"text": "eight"})).await.expect(200);
    assert_eq!(edited["data"]["msgId"], text["msgId"]);
    got(&app, BOB, &["eight"]).await;
    let gone = key.delete(&path).await.expect(200);
    assert_eq!(gone["message"], "Message deleted");
    let again = async || key.put(&path, json!({"text": "nine"})).await.json();
    let said = until(again, |said| said["success"] == false).await;
    assert_eq!(said["message"], "the message was deleted");

    let logs = ann
        .get(&at(&made, "/message-logs?per_page=2&status=sent"))
        .await
        .expect(200);
    let page = &logs["data"];
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    let last = &page["data"][0];
    assert_eq!((&last["to"], &last["status"]), (&json!(to), &json!("sent")));
    assert!(last["content"].as_str().unwrap().contains("seven"));
    let id: i64 = last["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/messages/{id}/resend");
    key.post(&path, json!({})).await.expect(400);
    invalid(
        ann.get(&at(&made, "/message-logs?status=lost")).await,
        &["status"],
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_by_field_and_nothing_is_sent() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    link(&app, &ann, &made, ALICE).await;
    let url = "http://127.0.0.1:9/x";
    for (body, fields) in [
        (json!({}), &["text", "to"][..]),
        (json!({"to": BOB, "text": null}), &["text"]),
        (json!({"to": "x", "text": "y"}), &["to"]),
        (json!({"to": 7, "text": 7}), &["text", "to"]),
        (json!({"to": BOB, "text": "x".repeat(65_537)}), &["text"]),
        (
            json!({"to": BOB, "imageUrl": url, "videoUrl": url}),
            &["imageUrl", "videoUrl"],
        ),
        (
            json!({"to": BOB, "text": "x", "poll": {"question": "q", "options": ["a", "b"]}}),
            &["poll"],
        ),
        (
            json!({"to": BOB, "imageUrl": "ftp://x.example/y"}),
            &["imageUrl"],
        ),
        (
            json!({"to": BOB, "imageUrl": "http://10.0.0.1/y"}),
            &["imageUrl"],
        ),
        (
            json!({"to": BOB, "contact": {"name": "", "phone": "x"}}),
            &["contact.name", "contact.phone"],
        ),
        (json!({"to": BOB, "contact": "x"}), &["contact"]),
        (
            json!({"to": BOB, "location": {"latitude": "north"}}),
            &["location.latitude", "location.longitude"],
        ),
        (
            json!({"to": BOB, "location": {"latitude": 91, "longitude": 0}}),
            &["location.latitude"],
        ),
        (
            json!({"to": BOB, "poll": {"question": "q", "options": ["a"]}}),
            &["poll.options"],
        ),
        (
            json!({"to": BOB, "text": "x", "mentions": [7]}),
            &["mentions"],
        ),
        (json!({"to": BOB, "text": "x", "replyTo": 7}), &["replyTo"]),
        (
            json!({"to": BOB, "text": "x", "viewOnce": true}),
            &["viewOnce"],
        ),
    ] {
        invalid(key.post("/api/send-message", body).await, fields);
    }
    for path in [
        "/api/messages/7",
        "/api/messages/-1",
        "/api/messages/9007199254740993",
    ] {
        refused(key.delete(path).await, 404, "There is no such message.");
    }
    let logs = ann.get(&at(&made, "/message-logs")).await.expect(200);
    assert_eq!(logs["data"]["total"], 0);
    assert_eq!(
        (&logs["data"]["from"], &logs["data"]["last_page"]),
        (&Value::Null, &json!(1))
    );
}

#[tokio::test]
async fn a_protected_session_sends_one_message_in_five_seconds() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let mut body = asked("one");
    body["account_protection"] = true.into();
    let (made, key) = session(&app, &ann, body).await;
    link(&app, &ann, &made, ALICE).await;
    let body = json!({"to": BOB, "text": "x"});
    key.post("/api/send-message", body.clone())
        .await
        .expect(200);
    let answer = key.post("/api/send-message", body.clone()).await;
    assert_eq!(answer.headers["x-ratelimit-limit"], "1");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    assert!(answer.headers.contains_key("retry-after"));
    let said = answer.expect(429);
    assert_eq!(
        said["message"],
        "You have account protection enabled. You can only send 1 message every 5 seconds."
    );
    let wait = said["retry_after"].as_i64().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    app.clock.advance(std::time::Duration::from_secs(5));
    key.post("/api/send-message", body).await.expect(200);
}

#[tokio::test]
async fn a_file_is_read_by_its_name_for_a_while_and_by_no_other() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    let raw = key.header("content-type", "application/pdf");
    let raw = raw
        .send(Method::POST, "/api/upload", Some("%PDF-1.4 x".to_owned()))
        .await;
    let url = raw.expect(200)["publicUrl"].as_str().unwrap().to_owned();
    let path = url
        .split_once("/api/")
        .map(|(_, path)| format!("/api/{path}"))
        .unwrap();
    let read = app.stranger().get(&path).await;
    assert_eq!(
        (read.status.as_u16(), read.text()),
        (200, "%PDF-1.4 x".to_owned())
    );
    assert_eq!(read.headers["content-type"], "application/pdf");
    assert_eq!(
        read.headers["content-security-policy"],
        "sandbox; default-src 'none'"
    );
    for wrong in [
        "/api/uploaded-media/x",
        "/api/uploaded-media/..%2F..%2Fmaster.key",
        &path[..path.len() - 1],
    ] {
        refused(
            app.stranger().get(wrong).await,
            404,
            "There is no such file.",
        );
    }
    app.clock.advance(std::time::Duration::from_hours(24));
    refused(
        app.stranger().get(&path).await,
        410,
        "The link has expired.",
    );

    let empty = key.header("content-type", "image/png");
    let answer = empty.send(Method::POST, "/api/upload", None).await;
    refused(answer, 400, "The body is empty: send a file.");
    invalid(key.post("/api/upload", json!({})).await, &["base64"]);
    invalid(
        key.post("/api/upload", json!({"base64": "%"})).await,
        &["base64"],
    );
    invalid(
        key.post(
            "/api/upload",
            json!({"base64": "aGk=", "mimetype": "image/png"}),
        )
        .await,
        &["mimetype"],
    );
    refused(
        app.stranger().post("/api/upload", json!({})).await,
        401,
        "API key is required",
    );
    drop(made);
}

#[tokio::test]
async fn the_file_of_a_message_that_came_is_opened_by_what_the_webhook_told() {
    let app = TestApp::start_with_phones().await;
    let ann = account(&app, "ann").await;
    let (made, key) = session(&app, &ann, asked("one")).await;
    link(&app, &ann, &made, ALICE).await;
    let body = json!({"to": ALICE, "image": {"base64": PNG, "mimetype": "image/png"}});
    app.control("POST", &format!("/phones/{BOB}/messages"), body)
        .await;
    let look = async || key.get("/v1/sessions").await.expect(200);
    let shown = look().await;
    let id = shown["data"][0]["id"].as_str().unwrap().to_owned();
    let list = format!("/v1/sessions/{id}/messages");
    let heard = async || key.get(&list).await.expect(200);
    let heard = until(heard, |page| page["data"][0]["type"] == "image").await;
    let message_id = heard["data"][0]["message_id"].as_str().unwrap();
    let path = format!("/api/messages/{message_id}/info");
    let told = key.get(&path).await.expect(200)["data"].clone();
    let file = told["message"]["imageMessage"]["mediaKey"]
        .as_str()
        .unwrap();
    for body in [
        json!({"data": {"messages": {"key": told["key"], "message": told["message"]}}}),
        json!({"messages": {"message": {"imageMessage": {"mediaKey": file}}}}),
        json!({"key": {"id": message_id}, "message": {"imageMessage": {"mediaKey": "AAAA"}}}),
    ] {
        let opened = key.post("/api/decrypt-media", body).await.expect(200);
        let url = opened["publicUrl"].as_str().unwrap();
        let path = url
            .split_once("/api/")
            .map(|(_, path)| format!("/api/{path}"))
            .unwrap();
        let read = app.stranger().get(&path).await;
        assert_eq!(read.headers["content-type"], "image/png");
    }
    let foreign = json!({"message": {"imageMessage": {"mediaKey": "AAAA"}}});
    invalid(key.post("/api/decrypt-media", foreign).await, &["mediaKey"]);
    invalid(
        key.post("/api/decrypt-media", json!({})).await,
        &["message"],
    );
    invalid(
        key.post(
            "/api/decrypt-media",
            json!({"message": {"conversation": "x"}}),
        )
        .await,
        &["message.imageMessage"],
    );

    let read = json!({"key": told["key"]});
    key.post("/api/messages/read", read).await.expect(200);
    invalid(key.post("/api/messages/read", json!({})).await, &["key"]);
    for kind in [
        "composing",
        "recording",
        "paused",
        "available",
        "unavailable",
    ] {
        let body = json!({"jid": BOB, "type": kind, "delayMs": 100});
        let shown = key
            .post("/api/send-presence-update", body)
            .await
            .expect(200);
        assert_eq!(shown["data"], json!({"jid": BOB, "type": kind}));
    }
    let body = json!({"jid": "x", "type": "dancing", "delayMs": -1});
    invalid(
        key.post("/api/send-presence-update", body).await,
        &["delayMs", "jid", "type"],
    );
}
