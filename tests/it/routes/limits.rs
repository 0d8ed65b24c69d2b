//! How fast a caller may ask, and from which pages.

use std::time::Duration;

use reqwest::Method;
use wharf::{http::Settings, service::rates::Rate};

use crate::harness::app::TestApp;

#[tokio::test]
async fn every_answer_tells_what_is_left_and_the_one_too_many_is_refused() {
    let app = TestApp::start_with(Settings {
        rate: Rate::per_minute(3),
        ..Settings::default()
    })
    .await;
    let caller = app.admin().await;
    for left in ["2", "1", "0"] {
        let answer = caller.get("/v1/me").await;
        assert_eq!(answer.headers["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers["x-ratelimit-remaining"], left);
        assert!(answer.headers.contains_key("x-ratelimit-reset"));
        answer.expect(200);
    }
    let answer = caller.get("/v1/me").await;
    let wait: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&wait));
    answer.refused(429, "rate_limited");
    app.clock.advance(Duration::from_secs(wait));
    caller.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn other_pages_are_shut_out_unless_the_operator_names_them() {
    let page = "https://app.example.com";
    let preflight = |app: &TestApp| {
        app.stranger()
            .header("origin", page)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    let closed = TestApp::start().await;
    let answer = preflight(&closed)
        .send(Method::OPTIONS, "/v1/sessions", None)
        .await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));

    let open = TestApp::start_with(Settings {
        cors_origins: vec![page.to_owned()],
        ..Settings::default()
    })
    .await;
    let answer = preflight(&open)
        .send(Method::OPTIONS, "/v1/sessions", None)
        .await;
    assert_eq!(answer.headers["access-control-allow-origin"], page);
    let answer = open
        .stranger()
        .header("origin", "https://evil.example")
        .get("/livez")
        .await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
