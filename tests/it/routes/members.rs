//! Who works in an account, and what each of them may do there.

use serde_json::{Value, json};

use crate::harness::app::{Caller, PASSWORD, TestApp, closed};

/// A member of the account of `owner`, signed in.
async fn member(app: &TestApp, owner: &Caller, name: &str, role: &str) -> Caller {
    let body = json!({"username": name, "password": PASSWORD, "role": role});
    let made = owner.post("/v1/members", body).await.expect(201);
    assert_eq!(made["tenant_id"], owner.id().await);
    assert_eq!(made["tenant_role"], role);
    app.sign_in(name).await
}

async fn path(member: &Caller) -> String {
    format!("/v1/members/{}", member.id().await)
}

#[tokio::test]
async fn whoever_works_in_an_account_shares_its_sessions_by_their_role() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let session = owner.session("sales").await;
    let at = format!("/v1/sessions/{session}");
    let hook = json!({"url": "http://127.0.0.1:9/hook"});

    let viewer = member(&app, &owner, "viewer", "viewer").await;
    assert_eq!(viewer.get(&at).await.expect(200)["handle"], "sales");
    let renamed = json!({"name": "renamed"});
    viewer
        .patch(&at, renamed.clone())
        .await
        .refused(403, "scope_missing");

    let clerk = member(&app, &owner, "clerk", "member").await;
    clerk.patch(&at, renamed).await.expect(200);
    clerk
        .post("/v1/webhooks", hook.clone())
        .await
        .refused(403, "scope_missing");
    clerk.session("support").await;
    assert_eq!(
        owner.get("/v1/sessions/support").await.expect(200)["handle"],
        "support"
    );

    let boss = member(&app, &owner, "boss", "admin").await;
    boss.post("/v1/webhooks", hook).await.expect(201);

    let scopes = |me: Value| me["scopes"].as_array().unwrap().len();
    assert_eq!(scopes(viewer.get("/v1/me").await.expect(200)), 2);
    assert_eq!(scopes(clerk.get("/v1/me").await.expect(200)), 4);
    assert_eq!(scopes(boss.get("/v1/me").await.expect(200)), 5);

    let listed = viewer.get("/v1/members").await.expect(200);
    let names: Vec<(&str, &str)> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let word = |name: &str| one[name].as_str().unwrap();
            (word("username"), word("tenant_role"))
        })
        .collect();
    assert_eq!(
        names,
        [
            ("owner", "owner"),
            ("viewer", "viewer"),
            ("clerk", "member"),
            ("boss", "admin")
        ]
    );
}

#[tokio::test]
async fn only_whoever_leads_the_account_manages_its_members_and_nobody_manages_the_owner() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "member").await;
    let boss = member(&app, &owner, "boss", "admin").await;
    let body = json!({"username": "friend", "password": PASSWORD, "role": "viewer"});
    clerk
        .post("/v1/members", body.clone())
        .await
        .refused(403, "not_tenant_admin");
    clerk
        .patch(&path(&clerk).await, json!({"role": "admin"}))
        .await
        .refused(403, "not_tenant_admin");
    let key = json!({"name": "key", "scopes": ["sessions:read"]});
    let key = owner.post("/v1/api-keys", key).await.expect(201);
    let key = app.stranger().bearer(key["key"].as_str().unwrap());
    key.post("/v1/members", body.clone())
        .await
        .refused(401, "sign_in_required");

    for role in ["owner", "king"] {
        let mut body = body.clone();
        body["role"] = role.into();
        boss.post("/v1/members", body)
            .await
            .refused(400, "validation_failed");
    }
    boss.post("/v1/members", body.clone()).await.expect(201);
    boss.post("/v1/members", body)
        .await
        .refused(409, "username_taken");
    let of_owner = path(&owner).await;
    boss.patch(&of_owner, json!({"is_active": false}))
        .await
        .refused(409, "owner_stays");
    boss.delete(&of_owner).await.refused(409, "owner_stays");
}

#[tokio::test]
async fn a_member_of_another_account_does_not_exist() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "member").await;
    let session = owner.session("sales").await;
    let other = app.user("other").await;
    let of_other = member(&app, &other, "of-other", "admin").await;
    for stranger in [&other, &of_other] {
        let path = path(&clerk).await;
        stranger.get(&path).await.refused(404, "member_not_found");
        stranger
            .patch(&path, json!({"role": "viewer"}))
            .await
            .refused(404, "member_not_found");
        stranger
            .delete(&path)
            .await
            .refused(404, "member_not_found");
        stranger
            .get(&format!("/v1/sessions/{session}"))
            .await
            .refused(404, "session_not_found");
    }
    let listed = other.get("/v1/members").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn another_role_counts_at_once_for_keys_and_for_what_is_open() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let session = owner.session("sales").await;
    let at = format!("/v1/sessions/{session}");
    let clerk = member(&app, &owner, "clerk", "member").await;
    let key = json!({"name": "key", "scopes": ["sessions:read", "sessions:write"]});
    let key = clerk.post("/v1/api-keys", key).await.expect(201);
    let key = app.stranger().bearer(key["key"].as_str().unwrap());
    key.patch(&at, json!({"name": "one"})).await.expect(200);
    let mut socket = clerk.open(&format!("/ws/{session}")).await;

    let viewer = json!({"role": "viewer"});
    owner.patch(&path(&clerk).await, viewer).await.expect(200);
    for caller in [&clerk, &key] {
        caller
            .patch(&at, json!({"name": "two"}))
            .await
            .refused(403, "scope_missing");
        caller.get(&at).await.expect(200);
    }
    assert_eq!(closed(&mut socket).await.0, 4401);
    let more = json!({"name": "more", "scopes": ["sessions:write"]});
    clerk
        .post("/v1/api-keys", more)
        .await
        .refused(400, "validation_failed");
}

#[tokio::test]
async fn whoever_leaves_loses_every_access_and_what_they_made_stays() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "member").await;
    let session = clerk.session("sales").await;
    let key = json!({"name": "key", "scopes": ["sessions:read"]});
    let key = clerk.post("/v1/api-keys", key).await.expect(201);
    let key = app.stranger().bearer(key["key"].as_str().unwrap());
    let mut socket = key.open(&format!("/ws/{session}")).await;
    let at = path(&clerk).await;
    owner
        .patch(&at, json!({"is_active": false}))
        .await
        .expect(200);
    for caller in [&clerk, &key] {
        caller.get("/v1/me").await.refused(401, "token_invalid");
    }
    closed(&mut socket).await;
    owner
        .patch(&at, json!({"is_active": true}))
        .await
        .expect(200);
    app.sign_in("clerk").await.get("/v1/me").await.expect(200);
    owner.delete(&at).await.expect(204);
    key.get("/v1/me").await.refused(401, "token_invalid");
    owner
        .get(&format!("/v1/sessions/{session}"))
        .await
        .expect(200);
}

#[tokio::test]
async fn an_account_comes_in_with_its_owner_and_goes_out_with_them() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "member").await;
    let admin = app.admin().await;
    let of_owner = format!("/v1/users/{}", owner.id().await);
    admin
        .delete(&of_owner)
        .await
        .refused(409, "user_has_members");
    let mut socket = clerk.open("/ws").await;
    admin
        .patch(&of_owner, json!({"is_active": false}))
        .await
        .expect(200);
    clerk.get("/v1/me").await.refused(401, "token_invalid");
    closed(&mut socket).await;
    let sign_in = json!({"username": "clerk", "password": PASSWORD});
    app.stranger()
        .post("/v1/auth/login", sign_in.clone())
        .await
        .refused(401, "credentials_invalid");
    admin
        .patch(&of_owner, json!({"is_active": true}))
        .await
        .expect(200);
    app.stranger()
        .post("/v1/auth/login", sign_in)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_member_neither_becomes_the_administrator_of_the_service_nor_gets_limits_of_their_own() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "admin").await;
    let at = format!("/v1/users/{}", clerk.id().await);
    let admin = app.admin().await;
    admin
        .patch(&at, json!({"role": "admin"}))
        .await
        .refused(409, "member_of_tenant");
    // Nor has a member limits of their own; to say that there are none changes nothing.
    admin
        .patch(&at, json!({"session_limit": 3}))
        .await
        .refused(409, "member_of_tenant");
    admin
        .patch(&at, json!({"session_limit": null}))
        .await
        .expect(200);
    clerk.get("/v1/users").await.refused(403, "scope_missing");
}

#[tokio::test]
async fn whoever_leads_an_account_reads_what_was_done_in_it_and_others_what_they_did() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let clerk = member(&app, &owner, "clerk", "member").await;
    clerk.session("sales").await;
    app.user("other").await.session("theirs").await;
    let actions = |page: Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["action"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        actions(owner.get("/v1/audit").await.expect(200)),
        ["POST /v1/sessions", "POST /v1/members"]
    );
    assert_eq!(
        actions(clerk.get("/v1/audit").await.expect(200)),
        ["POST /v1/sessions"]
    );
}
