//! On the native face nobody reaches what is somebody else's, and nothing opens that has ended.

use reqwest::Method;
use serde_json::json;

use super::{
    belongings::Belongings,
    credentials::{ended, key, viewer},
    operations::operations,
};
use crate::harness::app::TestApp;

#[tokio::test]
async fn every_path_with_an_id_of_somebody_else_answers_404() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let stranger = app.user("stranger").await;
    let theirs = Belongings::of(&app, &owner).await;
    let mut tried = 0;
    for operation in operations() {
        if !operation.path.contains('{') {
            continue;
        }
        let path = theirs.fill(&operation.path);
        let answer = operation.ask(&stranger, &path).await;
        let said = answer.json();
        assert_eq!(answer.status, 404, "{operation}: {said}");
        assert!(!said.to_string().contains(&theirs.session));
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
    for own in [
        "/v1/sessions/{id}",
        "/v1/webhooks/{id}",
        "/v1/deliveries/{id}",
    ] {
        owner.get(&theirs.fill(own)).await.expect(200);
    }
}

#[tokio::test]
async fn what_has_ended_opens_nothing_but_what_is_open_to_everybody() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let theirs = Belongings::of(&app, &owner).await;
    let ended = ended(&app, "owner").await;
    let mut open = Vec::new();
    for operation in operations() {
        if operation.open {
            open.push(operation.path);
            continue;
        }
        let path = theirs.fill(&operation.path);
        for (what, caller) in &ended {
            let answer = operation.ask(caller, &path).await;
            assert_eq!(answer.status, 401, "{operation} with {what}");
        }
    }
    let owner = app.sign_in("owner").await;
    owner
        .get(&theirs.fill("/v1/sessions/{id}"))
        .await
        .expect(200);
    open.sort();
    assert_eq!(
        open,
        [
            "/livez",
            "/readyz",
            "/v1/auth/login",
            "/v1/auth/refresh",
            "/v1/info",
            "/v1/setup"
        ],
        "a path is open only on purpose"
    );
}

#[tokio::test]
async fn somebody_who_only_views_an_account_changes_nothing_of_it() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let theirs = Belongings::of(&app, &owner).await;
    let viewer = viewer(&app, &owner).await;
    let mut otherwise = Vec::new();
    for operation in operations() {
        // Of the service there is nothing for them, as there is for the owner; and their sign-in is their own.
        let elsewhere = ["/v1/users/", "/v1/auth/"];
        let elsewhere = elsewhere.iter().any(|of| operation.path.starts_with(of));
        if operation.method == Method::GET || operation.open || elsewhere {
            continue;
        }
        let answer = operation.ask(&viewer, &theirs.fill(&operation.path)).await;
        if answer.status != 403 {
            otherwise.push((operation.to_string(), answer.status.as_u16()));
        }
    }
    let own = [
        ("POST /v1/api-keys", 201),
        ("DELETE /v1/api-keys/{id}", 404),
        // These ask, and are let in: nothing is linked, and the address is none.
        ("POST /v1/sessions/{id}/contacts/check", 409),
        ("DELETE /v1/sessions/{id}/contacts/{contact}/presence", 400),
        ("PUT /v1/sessions/{id}/contacts/{contact}/presence", 400),
        ("POST /v1/ws-tickets", 201),
    ];
    assert_eq!(
        otherwise,
        own.map(|(name, status)| (name.to_owned(), status))
    );
    owner
        .get(&theirs.fill("/v1/sessions/{id}"))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_key_of_one_session_reaches_no_other_of_its_owner() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let theirs = Belongings::of(&app, &owner).await;
    owner.session("other").await;
    let bound = key(&app, &owner, json!({"session": "other"})).await;
    for operation in operations() {
        if operation.open {
            continue;
        }
        let is_one = operation.path.starts_with("/v1/sessions/{id}");
        let answer = operation.ask(&bound, &theirs.fill(&operation.path)).await;
        let said = answer.text();
        if is_one {
            assert_eq!(answer.status, 404, "{operation}: {said}");
        }
        assert!(!said.contains(&theirs.session), "{operation}: {said}");
    }
    owner
        .get(&theirs.fill("/v1/sessions/{id}"))
        .await
        .expect(200);
    bound.get("/v1/sessions/other").await.expect(200);
}

#[tokio::test]
async fn sockets_of_somebody_else_answer_404_and_without_a_token_401() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let stranger = app.user("stranger").await;
    let session = owner.session("theirs").await;
    for path in [format!("/ws/{session}"), format!("/ws?sessions={session}")] {
        assert_eq!(
            stranger.socket(&path).await.unwrap_err().status,
            404,
            "{path}"
        );
        assert_eq!(
            app.stranger().socket(&path).await.unwrap_err().status,
            401,
            "{path}"
        );
        assert!(owner.socket(&path).await.is_ok(), "{path}");
    }
}
