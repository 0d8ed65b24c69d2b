//! The numbers for Prometheus.

use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test]
async fn an_administrator_sees_the_numbers_and_nobody_else_does() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    admin.get("/v1/me").await.expect(200);
    let page = admin.get("/metrics").await;
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let text = page.text();
    for line in [
        r#"wharf_http_requests_total{method="GET",route="/v1/me",status="200"}"#,
        r#"wharf_http_request_seconds_bucket{method="GET",route="/v1/me",le="0.001"}"#,
        r#"wharf_sessions{state="connected"} 0"#,
        "wharf_sockets 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }

    let ann = app.user("ann").await;
    ann.get("/metrics").await.refused(403, "scope_missing");
    app.stranger()
        .get("/metrics")
        .await
        .refused(401, "token_missing");
}

#[tokio::test]
async fn a_scraper_needs_no_more_than_an_administrators_key_that_may_read_sessions() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let body = json!({"name": "scraper", "scopes": ["sessions:read"]});
    let made = admin.post("/v1/api-keys", body).await.expect(201);
    let scraper = app.stranger().bearer(made["key"].as_str().unwrap());
    assert!(
        scraper
            .get("/metrics")
            .await
            .text()
            .contains("wharf_sockets")
    );
    scraper.get("/v1/users").await.refused(403, "scope_missing");
}
