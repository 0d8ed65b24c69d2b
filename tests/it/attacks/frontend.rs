//! V3, web frontend: what a browser is told, and what pages of others can do.

use reqwest::Method;
use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for path in [
        "/",
        "/v1/sessions",
        "/v1/none",
        "/api/sessions",
        "/healthz",
        "/docs",
    ] {
        let answer = ann.get(path).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        let policy = answer.headers.get("content-security-policy");
        let policy = policy.map(|policy| policy.to_str().unwrap().to_owned());
        let policy = policy.unwrap_or_else(|| panic!("{path} has no policy"));
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
    }
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing_of_v1_and_sends_no_credential_by_itself() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let page = ann.header("origin", "https://evil.example");
    let read = page.get("/v1/sessions").await;
    assert!(!read.headers.contains_key("access-control-allow-origin"));
    let asked = page.header("access-control-request-method", "DELETE");
    let asked = asked.send(Method::OPTIONS, "/v1/sessions/x", None).await;
    assert!(!asked.headers.contains_key("access-control-allow-origin"));
    // The dialects are for pages with a token: nothing goes along that the page does not have.
    for path in ["/api/sessions", "/api/whatsapp-sessions"] {
        let read = page.get(path).await;
        assert_eq!(read.headers["access-control-allow-origin"], "*", "{path}");
        assert!(
            !read
                .headers
                .contains_key("access-control-allow-credentials"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let form = ann.header("content-type", kind);
        let body = json!({"handle": "forged"}).to_string();
        let answer = form.send(Method::POST, "/v1/sessions", Some(body)).await;
        assert_eq!(answer.status.as_u16(), 415, "{kind}");
    }
}
