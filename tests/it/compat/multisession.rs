//! The WhatsApp Multi-Session API, from the outside.

mod accounts;
mod chats;
mod files;
mod hooks;
mod links;
mod messages;
mod sessions;
mod sockets;

use serde_json::{Value, json};

use crate::harness::app::{Answer, Caller, PASSWORD, TestApp, phones::until};

/// A fault in the shape of this dialect, in an envelope.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.expect(status);
    let wanted = json!({"success": false, "error": message, "message": message, "code": code});
    assert_eq!(body, wanted);
}

/// Signs in at one of the two paths; the user must be there.
async fn signed_in(app: &TestApp, path: &str, name: &str) -> (Caller, Value) {
    let body = json!({"username": name, "password": PASSWORD});
    let said = app.stranger().post(path, body).await.expect(200);
    let token = said["token"].as_str().unwrap();
    (app.stranger().bearer(token), said)
}

/// The administrator, in the form with envelopes.
async fn admin(app: &TestApp) -> Caller {
    app.admin().await;
    signed_in(app, "/api/auth/login", "admin").await.0
}

/// A user, in the form with envelopes.
async fn user(app: &TestApp, name: &str) -> Caller {
    app.user(name).await;
    signed_in(app, "/api/auth/login", name).await.0
}

/// A session whose code the phone of `number` has scanned.
async fn linked(app: &TestApp, caller: &Caller, id: &str, number: &str) {
    caller.post("/api/sessions", json!({"phone": id})).await;
    let path = format!("/api/sessions/{id}");
    let shown = caller.get(&format!("{path}/qr")).await.expect(200);
    let scan = json!({"qr": shown["data"]["qr"]});
    app.control("POST", &format!("/phones/{number}/scan"), scan)
        .await;
    let look = async || caller.get(&path).await.expect(200);
    until(look, |shown| shown["logged_in"] == true).await;
}
