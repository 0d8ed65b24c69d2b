//! Credentials that open nothing, or less than everything.

use std::time::Duration;

use serde_json::{Value, json};
use wharf::domain::clock::{Clock as _, rfc3339};

use crate::harness::app::{Caller, PASSWORD, TestApp};

/// What a key may be allowed that is no administrator's.
pub(super) const ALL: [&str; 5] = [
    "sessions:read",
    "sessions:write",
    "messages:read",
    "messages:send",
    "webhooks:manage",
];

/// Somebody who only views the account of `owner`.
pub(super) async fn viewer(app: &TestApp, owner: &Caller) -> Caller {
    let viewer = json!({"username": "viewer", "password": PASSWORD, "role": "viewer"});
    owner.post("/v1/members", viewer).await.expect(201);
    app.sign_in("viewer").await
}

/// A key with these fields: who holds it, and its id.
async fn made(app: &TestApp, maker: &Caller, more: Value) -> (Caller, String) {
    let mut body = json!({"name": "a key", "scopes": ALL});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = maker.post("/v1/api-keys", body).await.expect(201);
    let key = app.stranger().bearer(made["key"].as_str().unwrap());
    (key, made["id"].as_str().unwrap().to_owned())
}

/// A key of `maker`'s with these fields.
pub(super) async fn key(app: &TestApp, maker: &Caller, more: Value) -> Caller {
    made(app, maker, more).await.0
}

/// Everything that the user `name` had once, of every kind, by what became of it. A day passes.
pub(super) async fn ended(app: &TestApp, name: &str) -> Vec<(&'static str, Caller)> {
    let person = app.sign_in(name).await;
    let end = rfc3339(app.clock.now_ms() + 60_000);
    let expired = key(app, &person, json!({"expires_at": end})).await;
    let (revoked, id) = made(app, &person, json!({})).await;
    person
        .delete(&format!("/v1/api-keys/{id}"))
        .await
        .expect(204);

    person.session("gone").await;
    let bound = key(app, &person, json!({"session": "gone"})).await;
    let shown = person.get("/api/whatsapp-sessions").await.expect(200);
    let sessions = shown["data"].as_array().unwrap();
    let gone = sessions.iter().find(|one| one["name"] == "gone").unwrap();
    let number = gone["id"].clone();
    let of_session = app.stranger().bearer(gone["api_key"].as_str().unwrap());
    let at = format!("/api/whatsapp-sessions/{number}/regenerate-key");
    let renewed = person.post(&at, json!({})).await.expect(200);
    let renewed = app.stranger().bearer(renewed["api_key"].as_str().unwrap());
    person.delete("/v1/sessions/gone").await.expect(204);

    let replaced = person.post("/api/auth/api-key", Value::Null).await;
    let replaced = app.stranger().bearer(of(&replaced.expect(200), "wams_"));
    person
        .post("/api/auth/api-key", Value::Null)
        .await
        .expect(200);

    let signed_out = app.sign_in(name).await;
    signed_out
        .post("/v1/auth/logout", json!({}))
        .await
        .expect(204);
    let refresh = app.log_in(name).await;
    let refresh = app
        .stranger()
        .bearer(refresh["refresh_token"].as_str().unwrap());
    let token = person.token();
    let (body, _) = token.rsplit_once('.').unwrap();
    let unsigned = app.stranger().bearer(&format!("{body}."));

    let other = app.user(&format!("{name}s-friend")).await;
    let of_other = key(app, &other, json!({})).await;
    app.shut_out(&other).await;

    app.clock.advance(Duration::from_hours(24));
    vec![
        ("nothing", app.stranger()),
        (
            "a key that nobody made",
            app.stranger().bearer(&format!("wk_{}", "A".repeat(43))),
        ),
        ("a key past its end", expired),
        ("a key that was removed", revoked),
        ("a key of a session that was deleted", bound),
        ("a session's key that was replaced", of_session),
        ("the key of a session that was deleted", renewed),
        ("an account's key that was replaced", replaced),
        ("an access token past its end", person),
        ("an access token after the sign-out", signed_out),
        ("an access token without a signature", unsigned),
        ("a refresh token", refresh),
        ("an access token of somebody shut out", other),
        ("a key of somebody shut out", of_other),
    ]
}

/// The word of `said` that begins so.
fn of<'a>(said: &'a Value, prefix: &str) -> &'a str {
    let found = said.as_object().unwrap().values();
    let mut found = found.chain(
        said["data"]
            .as_object()
            .into_iter()
            .flat_map(|data| data.values()),
    );
    let found = found.find_map(|value| value.as_str().filter(|word| word.starts_with(prefix)));
    found.unwrap_or_else(|| panic!("no {prefix} in {said}"))
}
