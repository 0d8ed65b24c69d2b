//! Signing in, tokens, the one key, and who is let in.

use reqwest::Method;
use serde_json::{Value, json};

use super::{admin, refused, signed_in, user};
use crate::harness::{
    app::{OPERATOR, PASSWORD, TestApp},
    processes::Wharf,
};

#[tokio::test]
async fn both_logins_answer_alike_and_their_tokens_choose_the_form() {
    let app = TestApp::start().await;
    app.admin().await;
    let (flat, said) = signed_in(&app, "/api/login", "admin").await;
    assert_eq!(said["user"]["id"], 1);
    assert_eq!(said["user"]["role"], "admin");
    assert_eq!(said["data"]["token"], said["token"]);
    assert_eq!(said["data"]["user"], said["user"]);
    assert!(!said.to_string().contains(PASSWORD));
    let (envelope, again) = signed_in(&app, "/api/auth/login", "admin").await;
    assert_eq!(again["user"], said["user"], "a number stays");
    assert!(flat.get("/api/sessions").await.expect(200).is_array());
    let list = envelope.get("/api/sessions").await.expect(200);
    assert_eq!(list["data"], json!({"sessions": [], "count": 0}));
    let asked = envelope.header("x-api-dialect", "flat");
    assert!(asked.get("/api/sessions").await.expect(200).is_array());
    let missing = flat.get("/api/sessions/none").await.expect(404);
    assert_eq!(missing["error"], "Not Found");
    assert_eq!(missing["message"], "Session not found");
    let (_, other) = {
        app.user("ann").await;
        signed_in(&app, "/api/login", "ann").await
    };
    assert_eq!(other["user"]["id"], 2);
}

#[tokio::test]
async fn a_body_is_read_whatever_it_says_to_be_and_a_bad_one_is_named() {
    let app = TestApp::start().await;
    app.admin().await;
    let form = app
        .stranger()
        .header("content-type", "application/x-www-form-urlencoded");
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    let answer = form.send(Method::POST, "/api/auth/login", Some(body)).await;
    answer.expect(200);
    let missing = "username and password are required";
    for (body, message) in [
        (json!({}), missing),
        (json!({"username": "admin"}), missing),
        (json!({"username": null, "password": "x"}), missing),
        (json!({"username": "", "password": "x"}), missing),
        (
            json!({"username": 7, "password": "x"}),
            "username must be a string",
        ),
        (
            json!({"username": "x".repeat(257), "password": "x"}),
            "username may have at most 256 characters",
        ),
        (json!(["admin"]), "the body must be a JSON object"),
    ] {
        let answer = app.stranger().post("/api/auth/login", body).await;
        refused(answer, 400, "INVALID_INPUT", message);
    }
    let body = json!({"username": "admin", "password": "wrong"});
    let answer = app.stranger().post("/api/auth/login", body).await;
    refused(answer, 401, "UNAUTHORIZED", "Invalid credentials");
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let app = TestApp::start().await;
    app.admin().await;
    let guess = json!({"username": "admin", "password": "wrong"});
    let mut last = Value::Null;
    for _ in 0..8 {
        let answer = app.stranger().post("/api/auth/login", guess.clone()).await;
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            last = answer.expect(429);
            break;
        }
        answer.expect(401);
    }
    assert_eq!(last["code"], "RATE_LIMITED", "{last}");
    assert!(last["retry_after_seconds"].is_u64());
}

#[tokio::test]
async fn the_one_key_of_a_user_replaces_the_one_before_and_can_be_ended() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let shown = ann.get("/api/auth/api-key").await.expect(200);
    assert_eq!(shown["data"], json!({"has_key": false}));
    let made = async || {
        let made = ann.post("/api/auth/api-key", Value::Null).await.expect(200);
        made["data"]["api_key"].as_str().unwrap().to_owned()
    };
    let first = made().await;
    assert!(first.starts_with("wams_") && first.len() == 48, "{first}");
    let by_first = app.stranger().bearer(&first);
    by_first.get("/api/sessions").await.expect(200);
    let second = app.stranger().bearer(&made().await);
    refused(
        by_first.get("/api/sessions").await,
        401,
        "UNAUTHORIZED",
        "Invalid API key",
    );
    let list = second.get("/api/sessions").await.expect(200);
    assert!(list["sessions"].is_array(), "a key speaks in envelopes");
    assert_eq!(
        ann.get("/api/auth/api-key").await.expect(200)["data"]["has_key"],
        true
    );
    // A key cannot make or end keys.
    second
        .post("/api/auth/api-key", Value::Null)
        .await
        .expect(403);
    ann.delete("/api/auth/api-key").await.expect(200);
    second.get("/api/sessions").await.expect(401);
}

#[tokio::test]
async fn a_token_ends_with_its_user_and_every_other_kind_is_refused() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let native = app.sign_in("ann").await;
    ann.get("/api/sessions").await.expect(200);
    let stranger = app.stranger();
    let list = async |token: &str| stranger.bearer(token).get("/api/sessions").await;
    refused(
        stranger.get("/api/sessions").await,
        401,
        "UNAUTHORIZED",
        "Missing authorization header",
    );
    let basic = stranger.header("authorization", "Basic YTpi");
    refused(
        basic.get("/api/sessions").await,
        401,
        "UNAUTHORIZED",
        "Invalid authorization header format",
    );
    let (head, rest) = ann
        .token()
        .split_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for wrong in [
        "a.b.c",
        &format!("{head}.{}", rest.replace('.', "x.")),
        &format!("{head}."),
    ] {
        refused(list(wrong).await, 401, "UNAUTHORIZED", "Invalid token");
    }
    for wrong in [OPERATOR, "wams_x", "wk_x"] {
        refused(list(wrong).await, 401, "UNAUTHORIZED", "Invalid API key");
    }
    native.session("sales").await;
    let link = json!({"expires_in_s": 600});
    let link = native
        .post("/v1/sessions/sales/link-tokens", link)
        .await
        .expect(201);
    let link = link["token"].as_str().unwrap();
    refused(list(link).await, 401, "UNAUTHORIZED", "Invalid API key");
    // A native token and a `wk_` key of the same user are as good.
    native.get("/api/sessions").await.expect(200);
    app.shut_out(&native).await;
    refused(
        ann.get("/api/sessions").await,
        401,
        "UNAUTHORIZED",
        "Invalid token",
    );
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_old_one_and_users_are_made_by_administrators() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let body = json!({"username": "bob", "password": "a long enough one"});
    let answer = ann.post("/api/auth/register", body.clone()).await;
    refused(answer, 403, "FORBIDDEN", "Insufficient permissions");
    let root = admin(&app).await;
    let made = root.post("/api/register", body.clone()).await.expect(200);
    assert_eq!(made["data"]["user"]["username"], "bob");
    assert_eq!(made["data"]["user"]["session_limit"], 5);
    let answer = root.post("/api/auth/register", body).await;
    refused(answer, 409, "ALREADY_EXISTS", "username already exists");

    let change = |old: &str| json!({"old_password": old, "new_password": "another long one"});
    let answer = ann.post("/api/auth/change-password", change("wrong")).await;
    refused(answer, 400, "BAD_REQUEST", "invalid old password");
    let changed = ann
        .post("/api/auth/change-password", change(PASSWORD))
        .await;
    changed.expect(200);
    ann.get("/api/sessions").await.expect(401);
    let body = json!({"username": "ann", "password": "another long one"});
    app.stranger().post("/api/login", body).await.expect(200);
}

#[tokio::test]
async fn any_page_may_ask_with_a_token_even_one_from_a_file() {
    let app = TestApp::start().await;
    let page = app.stranger().header("origin", "null");
    let preflight = page
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = preflight
        .send(Method::OPTIONS, "/api/sessions/1/qr", None)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let allowed = answer.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(allowed.contains("authorization"), "{allowed}");
    let health = page.get("/api/health").await;
    assert_eq!(health.headers["access-control-allow-origin"], "*");
    assert_eq!(health.expect(200)["status"], "ok");
    // The native face stays closed.
    let native = page.get("/livez").await;
    assert!(!native.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_dialect_can_be_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut off = Wharf::at(folder.path(), "ws://127.0.0.1:9/ws/chat")
        .env("WHARF_MULTISESSION__ENABLED", "false");
    off.up().await;
    for path in ["/api/health", "/api/sessions", "/api/ws/1"] {
        let (status, body) = off.try_call("GET", path, Value::Null).await.unwrap();
        assert_eq!(
            (status, &body["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
    assert_eq!(off.stop().await, Some(0));
}
