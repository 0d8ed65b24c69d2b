//! What the API says to what it cannot take.

use reqwest::Method;
use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test]
async fn an_unknown_field_is_named() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let answer = caller.post("/v1/sessions", json!({"bogus": 1})).await;
    let body = answer.refused(400, "validation_failed");
    assert!(
        body["errors"]["/bogus"][0]
            .as_str()
            .unwrap()
            .contains("unknown field"),
        "{body}"
    );
    let answer = caller
        .post("/v1/sessions", json!({"settings": {"always_onlin": true}}))
        .await;
    let body = answer.refused(400, "validation_failed");
    assert!(
        body["errors"]["/settings/always_onlin"].is_array(),
        "{body}"
    );
    let answer = caller.get("/v1/sessions?limt=3").await;
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/limt"].is_array(), "{body}");
}

#[tokio::test]
async fn a_wrong_type_is_named() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let answer = caller.post("/v1/sessions", json!({"handle": 7})).await;
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/handle"].is_array(), "{body}");
    let answer = caller.get("/v1/sessions?limit=many").await;
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/limit"].is_array(), "{body}");
    let answer = caller.get("/v1/sessions?limit=201").await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/limit"].is_array());
    let answer = caller.get("/v1/sessions?cursor=bm9uc2Vuc2U").await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/cursor"].is_array());
}

#[tokio::test]
async fn a_body_of_two_mebibytes_is_refused() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let name = "x".repeat(2 * 1024 * 1024);
    let answer = caller.post("/v1/sessions", json!({"name": name})).await;
    answer.refused(413, "body_too_large");
    caller
        .post("/v1/sessions", json!({"name": "x"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    for body in ["{", "{\"handle\":\"x\"} tail", "nonsense"] {
        let answer = caller
            .send(Method::POST, "/v1/sessions", Some(body.to_owned()))
            .await;
        answer.refused(400, "invalid_json");
    }
    let form = caller.header("content-type", "application/x-www-form-urlencoded");
    let answer = form
        .send(Method::POST, "/v1/sessions", Some("handle=x".to_owned()))
        .await;
    answer.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_bad_id_names_nothing() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    for (path, code) in [
        ("/v1/sessions/ses_0", "session_not_found"),
        ("/v1/sessions/no-such-handle", "session_not_found"),
        ("/v1/sessions/%FF", "not_found"),
        ("/v1/users/usr_0", "user_not_found"),
        ("/v1/nothing", "not_found"),
        ("/nothing", "not_found"),
    ] {
        caller.get(path).await.refused(404, code);
    }
    caller
        .delete("/v1/api-keys/7")
        .await
        .refused(404, "api_key_not_found");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_with_those_it_takes() {
    let app = TestApp::start().await;
    let caller = app.admin().await;
    let answer = caller.send(Method::PUT, "/v1/sessions", None).await;
    assert!(answer.headers["allow"].to_str().unwrap().contains("POST"));
    answer.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn the_callers_own_request_id_comes_back_and_every_answer_is_guarded() {
    let app = TestApp::start().await;
    let answer = app
        .stranger()
        .header("x-request-id", "mine-1")
        .get("/livez")
        .await;
    assert_eq!(answer.headers["x-request-id"], "mine-1");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let csp = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(
        csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe-inline"),
        "{csp}"
    );
    let answer = app.stranger().get("/livez").await;
    assert!(
        answer.headers["x-request-id"]
            .to_str()
            .unwrap()
            .starts_with("req_")
    );
}

#[tokio::test]
async fn readiness_falls_when_the_stop_begins_and_liveness_does_not() {
    let app = TestApp::start().await;
    assert_eq!(
        app.stranger().get("/readyz").await.expect(200)["status"],
        "ok"
    );
    assert_eq!(
        app.stranger().get("/v1/info").await.expect(200)["version"],
        "test"
    );
    app.stop.soft();
    assert!(app.api.health.check().await.is_err());
}
