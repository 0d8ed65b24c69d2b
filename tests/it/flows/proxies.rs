//! A session that has a proxy connects through it and in no other way: real proxies, killed and started again.

use entity::sessions;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::harness::{
    app::{
        Caller, TestApp,
        phones::{ALICE, BOB, PNG, until},
    },
    proxy::Proxy,
};

async fn logins(app: &TestApp) -> u64 {
    let state = app.control("GET", "/state", Value::Null).await;
    state["counters"]["logins"].as_u64().unwrap()
}

async fn state(ann: &Caller) -> Value {
    ann.get("/v1/sessions/sales").await.expect(200)
}

async fn goes_through(program: &'static str) {
    let mut proxy = Proxy::start(program);
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let before = proxy.connected();
    let settings = json!({"settings": {"proxy_url": proxy.url("pass_word")}});
    let shown = ann.patch("/v1/sessions/sales", settings).await.expect(200);
    assert_eq!(shown["settings"]["proxy_url"], proxy.url("***"));

    // It reconnects at once, through the proxy: the socket, then the file.
    let is_connected = |shown: &Value| shown["connected"] == true;
    until(
        async || json!({"through": proxy.connected()}),
        |seen| seen["through"].as_u64().unwrap() > before as u64,
    )
    .await;
    until(async || state(&ann).await, is_connected).await;
    let socket = proxy.connected();
    let image = json!({
        "to": BOB, "type": "image",
        "image": {"media": {"base64": PNG, "mimetype": "image/png", "filename": "a.png"}, "caption": "by proxy"},
    });
    let sent = ann
        .post("/v1/sessions/sales/messages?wait_ms=5000", image)
        .await;
    sent.expect(202);
    assert!(proxy.connected() > socket, "the file went another way");
    let has_it = |seen: &Value| seen.to_string().contains("by proxy");
    let path = format!("/phones/{BOB}/messages");
    until(
        async || app.control("GET", &path, Value::Null).await,
        has_it,
    )
    .await;

    // What was shown may be sent back, and changes nothing.
    let again = json!({"settings": shown["settings"]});
    let same = ann.patch("/v1/sessions/sales", again).await.expect(200);
    assert_eq!(
        (&same["settings"], &same["connected"]),
        (&shown["settings"], &json!(true))
    );

    // Without the proxy it is cut off, and stays so.
    let before = logins(&app).await;
    proxy.kill();
    let failed = |shown: &Value| shown["reason"] == "proxy_failed";
    let cut = until(async || state(&ann).await, failed).await;
    assert_eq!(cut["connected"], false, "{cut}");
    assert_eq!(logins(&app).await, before);

    proxy.again();
    until(async || state(&ann).await, is_connected).await;
    assert_eq!(logins(&app).await, before + 1);
    assert!(proxy.connected() > 0, "it came back another way");
}

#[tokio::test]
async fn a_session_goes_through_its_http_proxy_and_never_round_it() {
    goes_through("tinyproxy").await;
}

#[tokio::test]
async fn a_session_goes_through_its_socks_proxy_and_never_round_it() {
    goes_through("microsocks").await;
}

#[tokio::test]
async fn a_proxy_that_refuses_the_password_is_named_and_whatsapp_hears_nothing() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    for program in ["tinyproxy", "microsocks"] {
        let proxy = Proxy::start(program);
        let new = json!({"handle": program, "settings": {"proxy_url": proxy.url("wrong")}});
        ann.post("/v1/sessions", new).await.expect(201);
        let path = format!("/v1/sessions/{program}");
        let connect = ann.post(&format!("{path}/connect"), json!({})).await;
        connect.expect(202);
        let failed = |shown: &Value| shown["reason"] == "proxy_failed";
        until(async || ann.get(&path).await.expect(200), failed).await;
        let log = ann.get(&format!("{path}/events?limit=200")).await.text();
        assert!(!log.contains("wrong"), "{log}");
    }
    let state = app.control("GET", "/state", Value::Null).await;
    assert_eq!(state["counters"]["frames"], 0, "{state}");
}

#[tokio::test]
async fn what_is_no_proxy_or_is_inside_is_refused_by_name_and_no_password_is_kept_in_the_open() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for (url, code) in [
        ("socks4://198.41.0.4:1080", "proxy_scheme"),
        ("https://198.41.0.4", "proxy_scheme"),
        ("198.41.0.4", "url_invalid"),
        ("http://10.0.0.1:3128", "address_refused"),
        ("socks5://169.254.169.254:80", "address_refused"),
        ("http://wharf:***@198.41.0.4", "proxy_password_hidden"),
    ] {
        let body = json!({"settings": {"proxy_url": url}});
        let answer = ann.patch("/v1/sessions/sales", body.clone()).await;
        let problem = answer.refused(400, code);
        assert!(
            problem["errors"]["/settings/proxy_url"].is_array(),
            "{problem}"
        );
        ann.post("/v1/sessions", body).await.refused(400, code);
    }
    let body = json!({"settings": {"proxy_url": "socks5://wharf:hidden-word@198.41.0.4:1080"}});
    let shown = ann.patch("/v1/sessions/sales", body).await.text();
    assert!(!shown.contains("hidden-word"), "{shown}");
    let row = sessions::Entity::find()
        .one(&app.db)
        .await
        .unwrap()
        .unwrap();
    assert!(!row.settings.contains("hidden-word"), "{}", row.settings);
    let sealed = row.proxy_sealed.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("hidden-word"));
    let none = json!({"settings": {"proxy_url": null}});
    let shown = ann.patch("/v1/sessions/sales", none).await.expect(200);
    assert_eq!(shown["settings"]["proxy_url"], Value::Null);
    let row = sessions::Entity::find()
        .one(&app.db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.proxy_sealed, None);
}
