//! What an account may use.

use std::time::Duration;

use serde_json::{Value, json};
use wharf::domain::clock::Clock as _;

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL},
};

/// The limits of the account of `owner` from now on.
async fn limit(app: &TestApp, owner: &Caller, limits: Value) -> Value {
    let path = format!("/v1/users/{}/quotas", owner.id().await);
    let admin = app.sign_in("admin").await;
    admin.put(&path, limits).await.expect(200)
}

#[tokio::test]
async fn the_operator_sets_what_an_account_may_use_and_the_account_sees_it() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    owner.session("sales").await;
    let own = owner.get("/v1/quotas").await.expect(200);
    assert_eq!(own["limits"]["messages_per_day"], Value::Null);
    assert_eq!(own["limits"]["weight"], 1);
    assert_eq!(own["used"]["sessions"], 1);
    let wanted = json!({
        "messages_per_minute": 2, "messages_per_day": 3, "sockets": 1, "endpoints": 1,
        "storage_bytes": 10, "weight": 5
    });
    let set = limit(&app, &owner, wanted.clone()).await;
    assert_eq!(set["limits"], wanted);
    assert_eq!(owner.get("/v1/quotas").await.expect(200)["limits"], wanted);
    let set = limit(&app, &owner, json!({})).await;
    assert_eq!(set["limits"]["sockets"], Value::Null);
}

#[tokio::test]
async fn nobody_else_sets_them_and_what_makes_no_sense_is_named() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let path = format!("/v1/users/{}/quotas", owner.id().await);
    owner
        .put(&path, json!({"weight": 100}))
        .await
        .refused(404, "user_not_found");
    owner.get(&path).await.refused(404, "user_not_found");
    let admin = app.sign_in("admin").await;
    for (wrong, pointer) in [
        (json!({"weight": 0}), "/weight"),
        (json!({"weight": 101}), "/weight"),
        (json!({"sockets": -1}), "/sockets"),
        (json!({"endpoints": 4_294_967_295_u32}), "/endpoints"),
        (json!({"storage_bytes": u64::MAX}), "/storage_bytes"),
        (json!({"messages": 5}), "/messages"),
    ] {
        let refused = admin.put(&path, wrong).await;
        let said = refused.refused(400, "validation_failed");
        assert!(said["errors"][pointer].is_array(), "{said}");
    }
    let nobody = format!("/v1/users/usr_{}/quotas", "0".repeat(32));
    admin
        .put(&nobody, json!({}))
        .await
        .refused(404, "user_not_found");
}

#[tokio::test]
async fn messages_are_counted_by_the_minute_and_by_the_day_over_all_nodes() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    app.linked(&owner, "sales", ALICE).await;
    // A minute that is not about to end.
    let into = u64::try_from(app.clock.now_ms().rem_euclid(60_000)).unwrap();
    app.clock.advance(Duration::from_millis(60_000 - into));
    let limits = json!({"messages_per_minute": 2, "messages_per_day": 3});
    limit(&app, &owner, limits).await;
    let text = json!({"to": BOB, "type": "text", "text": {"body": "hello"}});
    let path = "/v1/sessions/sales/messages";
    let first = owner.post(path, text.clone()).await.expect(202);
    let react = format!("{path}/{}/reactions", first["message_id"].as_str().unwrap());
    owner.post(&react, json!({"emoji": "👍"})).await.expect(202);
    let refused = owner.post(path, text.clone()).await;
    let wait = refused.retry_after();
    assert!((55..=60).contains(&wait), "{wait}");
    refused.refused(429, "message_quota_reached");
    let used = owner.get("/v1/quotas").await.expect(200)["used"].clone();
    assert_eq!(used["messages_per_minute"], 2);

    app.clock.advance(Duration::from_secs(wait));
    owner.post(path, text.clone()).await.expect(202);
    let refused = owner.post(path, text.clone()).await;
    let wait = refused.retry_after();
    assert!(wait > 60, "the day is full, not the minute");
    refused.refused(429, "message_quota_reached");
    let used = owner.get("/v1/quotas").await.expect(200)["used"].clone();
    assert_eq!(used["messages_per_day"], 3);

    // The operator gives more; it counts at once.
    limit(&app, &owner, json!({"messages_per_day": 4})).await;
    owner.post(path, text).await.expect(202);
    let listed = owner.get(path).await.expect(200);
    // The reaction stands with the message that it is about.
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_automatic_answer_counts_and_is_left_out_when_the_account_has_sent_what_it_may() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    app.linked(&owner, "sales", ALICE).await;
    let answering = json!({"settings": {"auto_reply_text": "back on Monday"}});
    owner
        .patch("/v1/sessions/sales", answering)
        .await
        .expect(200);
    limit(&app, &owner, json!({"messages_per_day": 1})).await;
    let ask = async |number: &str| {
        let text = json!({"to": ALICE, "text": "are you there?"});
        let path = format!("/phones/{number}/messages");
        app.control("POST", &path, text).await;
    };
    ask(BOB).await;
    app.logged(&owner, "sales", ("message.ack", 1)).await;
    let used = owner.get("/v1/quotas").await.expect(200)["used"].clone();
    assert_eq!(used["messages_per_day"], 1);
    ask(CAROL).await;
    app.logged(&owner, "sales", ("message", 2)).await;
    let text = json!({"to": BOB, "type": "text", "text": {"body": "by hand"}});
    let path = "/v1/sessions/sales/messages";
    let refused = owner.post(path, text.clone()).await;
    refused.refused(429, "message_quota_reached");
    // Once there is more, what is written by hand goes out, and nothing that was left out before it.
    limit(&app, &owner, json!({"messages_per_day": 9})).await;
    owner.post(path, text).await.expect(202);
    let listed = owner.get(path).await.expect(200);
    let own = |one: &&Value| one["from_me"] == true;
    let own = listed["data"].as_array().unwrap().iter().filter(own);
    let own: Vec<&str> = own
        .map(|one| one["text"]["body"].as_str().unwrap())
        .collect();
    assert_eq!(own, ["by hand", "back on Monday"]);
}

#[tokio::test]
async fn sockets_webhooks_and_files_have_their_limits_and_others_are_not_touched() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let other = app.user("other").await;
    let session = owner.session("sales").await;
    other.session("sales").await;
    limit(
        &app,
        &owner,
        json!({"sockets": 1, "endpoints": 1, "storage_bytes": 10}),
    )
    .await;

    let socket = owner.open("/ws").await;
    let refused = owner.socket(&format!("/ws/{session}")).await.unwrap_err();
    refused.refused(429, "too_many_connections");
    drop(other.open("/ws").await);
    drop(socket);
    app.until_sockets(0).await;
    drop(owner.open("/ws").await);

    let hook = json!({"url": "http://127.0.0.1:9/hook"});
    owner.post("/v1/webhooks", hook.clone()).await.expect(201);
    owner
        .post("/v1/webhooks", hook.clone())
        .await
        .refused(403, "webhook_limit_reached");
    other.post("/v1/webhooks", hook.clone()).await.expect(201);

    let media = "/v1/sessions/sales/media";
    let file = |bytes: &str| json!({"base64": bytes, "filename": "a.txt"});
    owner.post(media, file("MTIzNDU2Nzg=")).await.expect(201);
    owner
        .post(media, file("MTIzNDU2Nzg="))
        .await
        .refused(403, "storage_quota_reached");
    assert_eq!(app.stored_files(), 1, "nothing of it stays");
    owner.post(media, file("MTI=")).await.expect(201);
    owner
        .post(media, file("MQ=="))
        .await
        .refused(403, "storage_quota_reached");
    other.post(media, file("MTIzNDU2Nzg=")).await.expect(201);
    let used = owner.get("/v1/quotas").await.expect(200)["used"].clone();
    assert_eq!(
        (&used["endpoints"], &used["storage_bytes"]),
        (&json!(1), &json!(10))
    );
}
