//! The Wasender API, from the outside.

mod clients;
mod hooks;
mod messages;
mod people;
mod sessions;

use serde_json::{Value, json};

use crate::harness::app::{Answer, Caller, TestApp, phones::until};

/// A fault in the shape of this dialect.
#[track_caller]
fn refused(answer: Answer, status: u16, message: &str) {
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.expect(status);
    assert_eq!(body, json!({"success": false, "message": message}));
}

/// A fault of these fields.
#[track_caller]
fn invalid(answer: Answer, fields: &[&str]) {
    let body = answer.expect(422);
    assert_eq!(
        (&body["success"], &body["message"]),
        (&json!(false), &json!("Validation failed"))
    );
    let errors = body["errors"].as_object().unwrap();
    let told: Vec<&str> = errors.keys().map(String::as_str).collect();
    assert_eq!(told, fields, "{body}");
    for (field, details) in errors {
        let details = details.as_array().unwrap();
        assert!(details.iter().all(Value::is_string), "{field}");
    }
}

/// A user's token for the whole account.
async fn account(app: &TestApp, name: &str) -> Caller {
    let user = app.user(name).await;
    let made = user.post("/api/auth/pat", json!({})).await.expect(201);
    let token = made["token"].as_str().unwrap();
    assert!(
        token.starts_with("wpat_") && token.len() == 5 + 48,
        "{token}"
    );
    assert_eq!(made["data"]["token"], token);
    app.stranger().bearer(token)
}

/// What a session is made of; without the pause between messages.
fn asked(name: &str) -> Value {
    json!({
        "name": name,
        "phone_number": "+12345000001",
        "account_protection": false,
        "log_messages": true,
    })
}

/// A session of the account: what is shown of it, and a caller with its key.
async fn session(app: &TestApp, account: &Caller, body: Value) -> (Value, Caller) {
    let made = account.post("/api/whatsapp-sessions", body).await;
    let made = made.expect(201)["data"].clone();
    let key = app.stranger().bearer(made["api_key"].as_str().unwrap());
    (made, key)
}

/// The path of a session.
fn at(session: &Value, below: &str) -> String {
    format!("/api/whatsapp-sessions/{}{below}", session["id"])
}

/// The phone of `number` scans what the session shows.
async fn link(app: &TestApp, account: &Caller, session: &Value, number: &str) {
    let shown = account.post(&at(session, "/connect"), json!({})).await;
    let shown = shown.expect(200);
    assert_eq!(shown["data"]["status"], "need_scan", "{shown}");
    let scan = json!({"qr": shown["data"]["qrCode"]});
    app.control("POST", &format!("/phones/{number}/scan"), scan)
        .await;
    let look = async || account.get(&at(session, "/status")).await.expect(200);
    until(look, |shown| shown["status"] == "connected").await;
}

/// What the phone of `number` has got, once it has all of `texts`.
async fn got(app: &TestApp, number: &str, texts: &[&str]) -> Value {
    let path = format!("/phones/{number}/messages");
    let look = async || app.control("GET", &path, Value::Null).await;
    let all = |got: &Value| {
        let got = got.to_string();
        texts.iter().all(|text| got.contains(text))
    };
    until(look, all).await
}
