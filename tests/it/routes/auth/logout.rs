//! Signing out.

use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test]
async fn signing_out_ends_this_sign_in_and_leaves_the_others() {
    let app = TestApp::start().await;
    app.admin().await;
    let here = app.log_in("admin").await;
    let there = app.log_in("admin").await;
    let caller = app
        .stranger()
        .bearer(here["access_token"].as_str().unwrap());
    let body = json!({"refresh_token": here["refresh_token"]});
    caller
        .post("/v1/auth/logout", body.clone())
        .await
        .expect(204);
    let again = app.stranger().post("/v1/auth/refresh", body).await;
    again.refused(401, "refresh_token_invalid");
    let body = json!({"refresh_token": there["refresh_token"]});
    app.stranger()
        .post("/v1/auth/refresh", body)
        .await
        .expect(200);
}

#[tokio::test]
async fn signing_out_everywhere_makes_every_token_worthless_at_once() {
    let app = TestApp::start().await;
    let here = app.admin().await;
    let there = app.sign_in("admin").await;
    here.post("/v1/auth/logout", json!({})).await.expect(204);
    here.get("/v1/me").await.refused(401, "token_invalid");
    there.get("/v1/me").await.refused(401, "token_invalid");
}
