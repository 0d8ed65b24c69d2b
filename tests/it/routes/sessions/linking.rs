//! Linking a phone, and the credentials that browsers get.

use std::time::Duration;

use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test]
async fn a_session_that_does_not_run_has_no_qr_code_and_says_why() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let answer = ann.get("/v1/sessions/sales/qr").await;
    answer.refused(409, "session_not_connected");
    let answer = ann.get("/v1/sessions/sales/qr?wait_ms=50").await;
    answer.refused(409, "session_not_connected");
    let answer = ann.get("/v1/sessions/sales/qr?wait_ms=30001").await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/wait_ms"].is_array());
    let answer = ann
        .header("accept", "video/mp4")
        .get("/v1/sessions/sales/qr")
        .await;
    answer.refused(406, "not_acceptable");
}

#[tokio::test]
async fn a_pair_code_needs_a_phone_number() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    for phone in ["abc", "12036304@g.us"] {
        let answer = ann
            .post("/v1/sessions/sales/pair-code", json!({"phone": phone}))
            .await;
        assert!(answer.refused(400, "validation_failed")["errors"]["/phone"].is_array());
    }
}

#[tokio::test]
async fn a_link_token_watches_its_session_and_nothing_else() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let other = ann.session("other").await;
    let body = json!({"expires_in_s": 600});
    let made = ann
        .post("/v1/sessions/sales/link-tokens", body.clone())
        .await
        .expect(201);
    let token = made["token"].as_str().unwrap();
    assert!(made["url"].as_str().unwrap().contains(&session));
    let page = app.stranger().bearer(token);

    page.get(&format!("/v1/sessions/{session}"))
        .await
        .expect(200);
    page.open(&format!("/ws/{session}")).await;
    let answer = page.get(&format!("/v1/sessions/{other}")).await;
    answer.refused(404, "session_not_found");
    assert_eq!(
        page.socket(&format!("/ws/{other}"))
            .await
            .unwrap_err()
            .status,
        404
    );
    for refused in [
        page.delete(&format!("/v1/sessions/{session}")).await,
        page.post(&format!("/v1/sessions/{session}/logout"), json!({}))
            .await,
        page.post("/v1/sessions", json!({})).await,
        page.get(&format!("/v1/sessions/{session}/messages")).await,
        page.post(&format!("/v1/sessions/{session}/link-tokens"), body)
            .await,
        page.get("/v1/users").await,
    ] {
        refused.refused(403, "scope_missing");
    }
    page.get("/v1/api-keys")
        .await
        .refused(401, "sign_in_required");

    app.clock.advance(Duration::from_mins(10));
    let answer = page.get(&format!("/v1/sessions/{session}")).await;
    answer.refused(401, "token_invalid");
}

#[tokio::test]
async fn a_link_token_works_on_the_pages_it_names() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let named = "https://app.example.com";
    let body = json!({"expires_in_s": 600, "allowed_origins": [named]});
    let made = ann
        .post("/v1/sessions/sales/link-tokens", body)
        .await
        .expect(201);
    let path = format!("/ws/{session}?token={}", made["token"].as_str().unwrap());
    assert!(
        app.stranger()
            .header("origin", named)
            .socket(&path)
            .await
            .is_ok()
    );
    let other = app.stranger().header("origin", "https://evil.example");
    other
        .socket(&path)
        .await
        .unwrap_err()
        .refused(403, "origin_not_allowed");
    for body in [
        json!({"expires_in_s": 3601}),
        json!({"expires_in_s": 600, "allowed_origins": ["*"]}),
    ] {
        let answer = ann.post("/v1/sessions/sales/link-tokens", body).await;
        answer.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket_within_thirty_seconds() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let ticket = || async {
        let made = ann.post("/v1/ws-tickets", json!({})).await.expect(201);
        format!("/ws/{session}?ticket={}", made["ticket"].as_str().unwrap())
    };
    let path = ticket().await;
    app.stranger().open(&path).await;
    let again = app.stranger().socket(&path).await.unwrap_err();
    again.refused(401, "token_invalid");

    let path = ticket().await;
    app.clock.advance(Duration::from_secs(30));
    let late = app.stranger().socket(&path).await.unwrap_err();
    late.refused(401, "token_invalid");
}
