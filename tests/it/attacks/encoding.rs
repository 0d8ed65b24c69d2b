//! V1, encoding and injection: what is written is data, and comes back as it was.

use serde_json::{Value, json};

use crate::harness::app::TestApp;

/// What would mean something to a database, a shell, a page or a terminal.
const HOSTILE: [&str; 7] = [
    "'; DROP TABLE sessions; --",
    "\" OR 1=1 --",
    "%27%20UNION%20SELECT%201",
    "<script>alert(1)</script>",
    "$(reboot) `id` | cat /etc/passwd",
    "\u{202e}gnp.exe \u{200b}",
    "{{7*7}} ${7*7}",
];

#[tokio::test]
async fn what_would_mean_something_elsewhere_is_kept_as_it_is() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (number, text) in HOSTILE.into_iter().enumerate() {
        let body =
            json!({"handle": format!("h{number}"), "name": text, "metadata": {"note": text}});
        let made = ann.post("/v1/sessions", body).await.expect(201);
        let path = format!("/v1/sessions/{}", made["id"].as_str().unwrap());
        let shown = ann.get(&path).await.expect(200);
        assert_eq!(
            (&shown["name"], &shown["metadata"]["note"]),
            (&json!(text), &json!(text))
        );
    }
    let list = ann.get("/v1/sessions").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), HOSTILE.len());
}

#[tokio::test]
async fn an_id_that_is_none_names_nothing_however_it_is_written() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    for id in [
        "%00",
        "one%00",
        "%2e%2e",
        "..%2fone",
        "%252e%252e%252fone",
        "one%2F..%2Fone",
        "%ff%fe",
        "%E2%80%AEeno",
        "o%CC%88ne",
        "one;x=1",
        "one%0d%0aset-cookie:x",
        "%7B%7D",
        "one%20",
        "ONE",
        "ses_%F0%9F%92%A9",
        "-1",
        "9223372036854775808",
        "1e3",
        "0x1",
        "null",
        "undefined",
    ] {
        for path in [
            "/v1/sessions/{}",
            "/v1/sessions/{}/messages",
            "/api/sessions/{}",
            "/api/whatsapp-sessions/{}",
        ] {
            let path = path.replace("{}", id);
            let answer = ann.get(&path).await;
            assert!(
                matches!(answer.status.as_u16(), 400 | 404),
                "{path}: {} {}",
                answer.status,
                answer.text()
            );
            assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_search_is_words_and_never_a_query() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    for text in HOSTILE.into_iter().chain([
        "\"",
        "*",
        "a*",
        "NEAR(a b)",
        "col:x",
        "-x",
        "(((",
        "AND OR NOT",
        "^a",
    ]) {
        let words: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let answer = ann
            .get(&format!("/v1/sessions/one/messages?q={words}"))
            .await;
        let status = answer.status.as_u16();
        assert!(
            matches!(status, 200 | 400),
            "{text}: {status} {}",
            answer.text()
        );
        if status == 200 {
            assert_eq!(answer.json()["data"], json!([]), "{text}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_deep_too_long_or_twice_is_refused_by_name() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies = [
        format!("{{\"metadata\": {{\"x\": {deep}}}}}"),
        format!("{{\"metadata\": {{\"x\": \"{}\"}}}}", "y".repeat(20_000)),
        "{\"handle\": \"a\", \"handle\": \"b\"}".to_owned(),
        "{\"handle\": \"a\u{0}b\"}".to_owned(),
        "{\"settings\": {\"__proto__\": {\"enabled\": false}}}".to_owned(),
    ];
    for body in bodies {
        let json = ann.header("content-type", "application/json");
        let answer = json
            .send(reqwest::Method::POST, "/v1/sessions", Some(body))
            .await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text());
    }
    assert_eq!(
        ann.get("/v1/sessions").await.expect(200)["data"],
        Value::Array(Vec::new())
    );
}
