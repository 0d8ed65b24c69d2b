//! The X-Session-Id service, path by path.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wharf::domain::clock::{Clock as _, SystemClock};

use crate::harness::{
    app::{
        Answer, Caller, OPERATOR, TestApp,
        phones::{ALICE, BOB, NOBODY, until},
    },
    processes::Wharf,
};

const NOT_THERE: &str = "Session does not exist. Request QR code to create.";

/// A caller who names a session.
fn of(caller: &Caller, id: &str) -> Caller {
    caller.header("x-session-id", id)
}

/// A fault in the shape of this dialect.
#[track_caller]
fn refused(answer: Answer, status: u16, error: &str) -> Value {
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.expect(status);
    assert_eq!(body["error"], error, "{body}");
    body
}

async fn operator(app: &TestApp) -> Caller {
    app.admin().await;
    app.stranger().bearer(OPERATOR)
}

/// The phone of `number` scans the code that `/qr` shows; the session is ready then.
async fn paired(app: &TestApp, caller: &Caller, id: &str, number: &str) -> Caller {
    let caller = of(caller, id);
    let shown = caller.get("/qr").await.expect(200);
    let scan = json!({"qr": shown["qrRaw"]});
    app.control("POST", &format!("/phones/{number}/scan"), scan)
        .await;
    let status = async || caller.get("/status").await.expect(200);
    until(status, |shown| shown["status"] == "ready").await;
    caller
}

#[tokio::test]
async fn a_session_is_made_by_its_first_qr_scanned_and_sent_from() {
    let app = TestApp::start_with_phones().await;
    // Messages are counted by their ids, which tell the real time.
    app.clock.set(SystemClock.now_ms());
    let operator = operator(&app).await;
    let sales = of(&operator, "sales");
    assert_eq!(
        sales.get("/status").await.expect(200),
        json!({"sessionId": "sales", "status": "not_found", "message": NOT_THERE})
    );
    refused(
        sales.post("/send", json!({})).await,
        404,
        "Session does not exist",
    );

    let shown = sales.get("/qr").await.expect(200);
    assert_eq!(shown["sessionId"], "sales");
    assert_eq!(shown["status"], "waiting_qr");
    assert_eq!(shown["message"], "Scan this QR code with WhatsApp");
    let image = shown["qr"].as_str().unwrap();
    assert!(image.starts_with("data:image/png;base64,iVBOR"), "{image}");
    let waiting = sales.get("/status").await.expect(200);
    assert_eq!(waiting["status"], "waiting_qr");
    assert_eq!(waiting["messageCount"], 0);
    assert!(
        waiting["qrCode"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    let answer = sales.post("/send", json!({"to": 7})).await;
    let error = "Session 'sales' not ready. Status: waiting_qr. Please check QR code endpoint.";
    refused(answer, 503, error);

    let sales = paired(&app, &operator, "sales", ALICE).await;
    let ready = sales.get("/qr").await.expect(200);
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["qr"], Value::Null);
    assert!(ready["connectedAt"].as_str().unwrap().ends_with('Z'));
    let text = json!({"to": format!("+{BOB}"), "message": "Hello from Sales!"});
    let sent = sales.post("/send", text).await.expect(200);
    assert_eq!((&sent["success"], &sent["to"]), (&json!(true), &json!(BOB)));
    let id = sent["messageId"].as_str().unwrap();
    assert_eq!(sent["id"], format!("true_{BOB}@c.us_{id}"));
    let got = async || {
        app.control("GET", &format!("/phones/{BOB}/messages"), Value::Null)
            .await
    };
    let got = until(got, |got| got.to_string().contains("Hello from Sales!")).await;
    assert!(got.to_string().contains(id), "{got}");

    let status = sales.get("/status").await.expect(200);
    assert_eq!(status["messageCount"], 1, "{status}");
    assert_eq!(status["messagesThisMinute"], 1);
    app.clock.advance(Duration::from_hours(1));
    let status = sales.get("/status").await.expect(200);
    assert_eq!(status["messageCount"], 1, "{status}");
    assert_eq!(status["messagesThisMinute"], 0, "{status}");

    // The console and the native API show the same session.
    let admin = app.admin().await;
    let native = admin.get("/v1/sessions/sales").await.expect(200);
    assert_eq!(native["connected"], true);
    let health = operator.get("/health").await.expect(200);
    assert_eq!(health["status"], "ok");
    assert_eq!(
        health["sessions"],
        json!({"total": 1, "ready": 1, "waiting_qr": 0, "initializing": 0, "failed": 0})
    );
    assert!(health["uptime"].is_u64(), "{health}");
}

#[tokio::test]
async fn a_linked_session_that_was_stopped_comes_back_by_itself_to_send() {
    let app = TestApp::start_with_phones().await;
    let operator = operator(&app).await;
    let shop = paired(&app, &operator, "shop", ALICE).await;
    let admin = app.admin().await;
    let stop = admin.post("/v1/sessions/shop/disconnect", json!({})).await;
    stop.expect(202);
    assert_eq!(
        shop.get("/status").await.expect(200)["status"],
        "initializing"
    );
    let text = json!({"to": BOB, "message": "back"});
    shop.post("/send", text).await.expect(200);

    app.control("POST", &format!("/phones/{ALICE}/unlink"), json!({}))
        .await;
    let status = async || shop.get("/status").await.expect(200);
    let failed = until(status, |shown| shown["status"] == "failed").await;
    assert_eq!(
        failed["message"],
        "Authentication failed. Request QR code to retry."
    );
    let answer = shop.post("/send", json!({})).await;
    let error = "Session 'shop' not ready. Status: failed. Please check QR code endpoint.";
    refused(answer, 503, error);
    let again = shop.get("/qr").await.expect(200);
    assert_eq!(again["status"], "waiting_qr", "{again}");
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_in_the_words_of_the_dialect() {
    let app = TestApp::start_with_phones().await;
    let operator = operator(&app).await;
    let sales = paired(&app, &operator, "sales", ALICE).await;
    let number = "Invalid phone number";
    let message = "Invalid message (max 4096 chars)";
    for (body, error) in [
        (json!({}), number),
        (json!({"message": "x"}), number),
        (json!({"to": null, "message": "x"}), number),
        (json!({"to": 5_511_999_887_766_i64, "message": "x"}), number),
        (json!({"to": "1234567", "message": "x"}), number),
        (json!({"to": "1".repeat(16), "message": "x"}), number),
        (json!({"to": "x".repeat(5000), "message": "x"}), number),
        (json!({"to": "7@newsletter", "message": "x"}), number),
        (json!({"to": BOB}), message),
        (json!({"to": BOB, "message": null}), message),
        (json!({"to": BOB, "message": 7}), message),
        (json!({"to": BOB, "message": ["x"]}), message),
        (json!({"to": BOB, "message": ""}), message),
        (json!({"to": BOB, "message": "x".repeat(4097)}), message),
        (json!(["to"]), "Invalid JSON"),
        (json!("to"), "Invalid JSON"),
    ] {
        refused(sales.post("/send", body).await, 400, error);
    }
    let form = sales.header("content-type", "application/x-www-form-urlencoded");
    let sent = |caller: Caller, body: String| async move {
        caller.send(Method::POST, "/send", Some(body)).await
    };
    refused(
        sent(form.clone(), "{".to_owned()).await,
        400,
        "Invalid JSON",
    );
    let large = format!("{{\"message\":\"{}\"}}", "x".repeat(2 << 20));
    sent(form.clone(), large).await.expect(413);
    // What is right is taken, whatever it says to be.
    let text = json!({"to": BOB, "message": "x".repeat(4096), "more": 1});
    sent(form, text.to_string()).await.expect(200);
    let nobody = json!({"to": NOBODY, "message": "x"});
    let answer = sales.post("/send", nobody).await;
    assert!(!answer.status.is_success(), "{}", answer.json());
    assert!(answer.json()["error"].is_string());
}

#[tokio::test]
async fn a_brazilian_mobile_is_sent_to_under_the_form_that_is_on_whatsapp() {
    let app = TestApp::start_with_phones().await;
    let operator = operator(&app).await;
    let sales = paired(&app, &operator, "sales", ALICE).await;
    let text = json!({"to": "5511999887766", "message": "oi"});
    let sent = sales.post("/send", text).await.expect(200);
    assert_eq!(sent["to"], "5511999887766", "it is there as it was dialled");
}

#[tokio::test]
async fn who_asks_comes_before_which_session_and_that_before_its_state() {
    let app = TestApp::start().await;
    app.admin().await;
    let stranger = app.stranger();
    let paths = [
        ("GET", "/qr"),
        ("POST", "/send"),
        ("GET", "/status"),
        ("GET", "/health"),
    ];
    for (method, path) in paths {
        let ask = async |caller: &Caller| caller.send(method.parse().unwrap(), path, None).await;
        let answer = ask(&stranger).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        refused(answer, 401, "Missing authorization header");
        let basic = stranger.header("authorization", "Basic YTpi");
        refused(ask(&basic).await, 401, "Missing authorization header");
        for wrong in [
            "x",
            "wk_x",
            &format!("{OPERATOR}x"),
            &OPERATOR[1..],
            "a.b.c",
        ] {
            refused(ask(&stranger.bearer(wrong)).await, 401, "Invalid token");
        }
    }
    let operator = stranger.bearer(OPERATOR);
    for (method, path) in &paths[..3] {
        let ask = async |caller: &Caller| caller.send(method.parse().unwrap(), path, None).await;
        let body = refused(ask(&operator).await, 400, "Missing X-Session-Id header");
        let more = "Missing X-Session-Id header. Session ID is required for all operations.";
        assert_eq!(body["message"], more);
        let long = "x".repeat(51);
        for bad in ["sales@team", "support team", "client#123", &long] {
            refused(ask(&of(&operator, bad)).await, 400, "Invalid session ID");
        }
    }
    let looks_like_ours = of(&operator, "ses_mine").get("/qr").await;
    refused(looks_like_ours, 400, "Invalid session ID");
    for (method, path) in [("POST", "/qr"), ("GET", "/send"), ("DELETE", "/status")] {
        let answer = operator.send(method.parse().unwrap(), path, None).await;
        refused(answer, 404, "Not found");
    }
}

#[tokio::test]
async fn each_user_sees_their_own_sessions_and_the_static_token_those_of_the_first_administrator() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let operator = app.stranger().bearer(OPERATOR);
    ann.session("sales").await;
    ann.session("me@home").await;
    let known = of(&ann, "sales").get("/status").await.expect(200);
    assert_eq!(known["status"], "initializing", "{known}");
    for other in [&bob, &operator] {
        let unknown = of(other, "sales").get("/status").await.expect(200);
        assert_eq!(unknown["status"], "not_found", "{unknown}");
        let answer = of(other, "sales").post("/send", json!({})).await;
        refused(answer, 404, "Session does not exist");
        let health = other.get("/health").await.expect(200);
        assert_eq!(health["sessions"]["total"], 0);
    }
    assert_eq!(ann.get("/health").await.expect(200)["sessions"]["total"], 1);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_a_link_token_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let key = json!({"name": "reads", "scopes": ["sessions:read"]});
    let key = ann.post("/v1/api-keys", key).await.expect(201);
    let reads = app.stranger().bearer(key["key"].as_str().unwrap());
    of(&reads, "sales").get("/status").await.expect(200);
    let error = "this needs the scope messages:send";
    refused(
        of(&reads, "sales").post("/send", json!({})).await,
        403,
        error,
    );
    let error = "this needs the scope sessions:write";
    refused(of(&reads, "other").get("/qr").await, 403, error);
    let link = json!({"expires_in_s": 600});
    let path = format!("/v1/sessions/{session}/link-tokens");
    let link = ann.post(&path, link).await.expect(201);
    let page = app.stranger().bearer(link["token"].as_str().unwrap());
    refused(
        of(&page, "sales").get("/status").await,
        401,
        "Invalid token",
    );
    // Only its own dialect takes the operator's token.
    let native = app.stranger().bearer(OPERATOR).get("/v1/sessions").await;
    native.refused(401, "token_invalid");
}

#[tokio::test]
async fn the_static_token_stands_for_nobody_before_there_is_an_administrator() {
    let app = TestApp::start().await;
    let operator = app.stranger().bearer(OPERATOR);
    let error = "there is no administrator yet; set the service up first";
    refused(operator.get("/health").await, 503, error);
}

#[tokio::test]
async fn the_dialect_can_be_switched_off_and_its_open_mode_is_for_this_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = "ws://127.0.0.1:9/ws/chat";
    let mut off = Wharf::at(folder.path(), nowhere)
        .env("WHARF_HEADER_SESSION__ENABLED", "false")
        .env("AUTH_TOKEN", OPERATOR);
    off.up().await;
    for (method, path) in [
        ("GET", "/qr"),
        ("GET", "/status"),
        ("GET", "/health"),
        ("POST", "/send"),
    ] {
        let answer = off.try_call(method, path, Value::Null).await.unwrap();
        assert_eq!((answer.0, &answer.1["code"]), (404, &json!("not_found")));
    }
    assert!(off.said().contains("AUTH_TOKEN is set"), "{}", off.said());
    assert_eq!(off.stop().await, Some(0));

    let mut open = Wharf::at(folder.path(), nowhere).env("WHARF_HEADER_SESSION__OPEN", "true");
    open.up().await;
    let health = format!("http://127.0.0.1:{}/health", open.port());
    let ask = |host: &'static str| {
        let client = crate::harness::http_client().build().unwrap();
        client.get(&health).header("host", host).send()
    };
    assert_eq!(ask("localhost:3000").await.unwrap().status(), 200);
    let rebound = ask("evil.example").await.unwrap();
    assert_eq!(rebound.status(), 401, "a page of another name gets in");
    assert_eq!(open.stop().await, Some(0));

    let mut exposed = Wharf::at(folder.path(), nowhere)
        .env("HOST", "0.0.0.0")
        .env("ADMIN_PASSWORD", "a long password of one's own")
        .env("WHARF_HEADER_SESSION__OPEN", "true");
    exposed.launch();
    assert!(!exposed.until_exit().await.success());
    assert!(
        exposed.said().contains("header_session.open"),
        "{}",
        exposed.said()
    );
}
