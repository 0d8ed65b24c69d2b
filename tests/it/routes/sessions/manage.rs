//! Making, changing and steering sessions.

use serde_json::{Value, json};

use crate::harness::{
    app::{DEADLINE, TestApp},
    http_client,
};

#[tokio::test]
async fn a_session_is_made_shown_changed_and_removed() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let body = json!({"handle": "+5511999887766", "name": "Sales", "metadata": {"team": 1}});
    let made = ann.post("/v1/sessions", body).await.expect(201);
    assert_eq!(made["state"], "disconnected");
    assert_eq!(made["connected"], false);
    assert_eq!(made["logged_in"], false);
    assert_eq!(made["settings"]["log_messages"], true);
    assert_eq!(made["metadata"]["team"], 1);

    let by_handle = "/v1/sessions/+5511999887766";
    assert_eq!(ann.get(by_handle).await.expect(200)["id"], made["id"]);
    let patch = json!({"name": null, "settings": {"ignore_groups": true}});
    let changed = ann.patch(by_handle, patch).await.expect(200);
    assert_eq!(changed["name"], Value::Null);
    assert_eq!(changed["settings"]["ignore_groups"], true);
    assert_eq!(
        changed["settings"]["log_messages"], true,
        "what is not named stays"
    );
    let answer = ann
        .patch(by_handle, json!({"settings": {"bogus": 1}}))
        .await;
    let body = answer.refused(400, "validation_failed");
    assert!(body["errors"]["/settings/bogus"].is_array(), "{body}");
    let endless = json!({"settings": {"auto_reply_text": "x".repeat(65_537)}});
    for answer in [
        ann.patch(by_handle, endless.clone()).await,
        ann.post("/v1/sessions", endless).await,
    ] {
        let body = answer.refused(400, "validation_failed");
        let faults = &body["errors"]["/settings/auto_reply_text"];
        assert!(faults.is_array(), "{body}");
    }

    ann.delete(by_handle).await.expect(204);
    ann.get(by_handle).await.refused(404, "session_not_found");
}

#[tokio::test]
async fn a_handle_is_unique_per_owner_and_of_documented_characters() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.session("sales").await;
    let answer = ann.post("/v1/sessions", json!({"handle": "sales"})).await;
    answer.refused(409, "handle_taken");
    bob.session("sales").await;
    let answer = ann.post("/v1/sessions", json!({"handle": "a b"})).await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/handle"].is_array());
}

#[tokio::test]
async fn the_list_comes_in_pages_of_ones_own() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    bob.session("foreign").await;
    for handle in ["one", "two", "three"] {
        ann.session(handle).await;
    }
    let first = ann.get("/v1/sessions?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/v1/sessions?limit=2&cursor={cursor}");
    let second = ann.get(&path).await.expect(200);
    let handles: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|session| session["handle"].as_str().unwrap())
        .collect();
    assert_eq!(handles, ["one", "two", "three"]);
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_log_is_read_in_pages_by_type() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=5 {
        let kind = if n % 2 == 0 { "message" } else { "degraded" };
        app.emit(&session, kind, json!({"n": n})).await;
    }
    let page = ann
        .get("/v1/sessions/sales/events?after=1&limit=2")
        .await
        .expect(200);
    assert_eq!(page["data"][0]["seq"], 2);
    assert_eq!(page["data"][0]["data"]["n"], 2);
    assert_eq!(page["data"][0]["session"], session);
    assert_eq!(
        (&page["next_after"], &page["last_seq"]),
        (&json!(3), &json!(5))
    );
    let page = ann
        .get("/v1/sessions/sales/events?types=message")
        .await
        .expect(200);
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["next_after"], Value::Null);
    let answer = ann.get("/v1/sessions/sales/events?types=bogus").await;
    assert!(answer.refused(400, "validation_failed")["errors"]["/types"].is_array());
}

#[tokio::test]
async fn the_log_streams_as_server_sent_events_resumes_and_ends_with_the_service() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    for n in 1..=3 {
        app.emit(&session, "message", json!({"n": n})).await;
    }
    let client = http_client().build().unwrap();
    let mut response = client
        .get(format!("http://{}/v1/sessions/sales/events", app.addr))
        .bearer_auth(ann.token())
        .header("accept", "text/event-stream")
        .header("last-event-id", "1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    app.emit(&session, "message", json!({"n": 4})).await;
    let mut text = String::new();
    while !text.contains("id: 4\n") {
        let chunk = tokio::time::timeout(DEADLINE, response.chunk()).await;
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap().unwrap()).unwrap());
    }
    let ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .collect();
    assert_eq!(ids, ["2", "3", "4"]);
    assert!(text.contains("event: message\n"));
    app.stop.soft();
    let ended = async { while response.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(DEADLINE, ended)
        .await
        .expect("a stop ends the stream");
}

#[tokio::test]
async fn the_url_of_a_stream_may_hold_its_credential_and_no_other_url_may() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let path = format!("/v1/sessions/{session}/link-tokens");
    let link = ann
        .post(&path, json!({"expires_in_s": 600}))
        .await
        .expect(201);
    let link = link["token"].as_str().unwrap();
    let client = http_client().build().unwrap();
    let get = async |path: &str, accept: &str| {
        let url = format!("http://{}{path}", app.addr);
        let answer = client.get(url).header("accept", accept).send().await;
        answer.unwrap().status().as_u16()
    };
    let (stream, json) = ("text/event-stream", "application/json");
    let events = format!("/v1/sessions/{session}/events");
    assert_eq!(get(&format!("{events}?token={link}"), stream).await, 200);
    let access = ann.token();
    assert_eq!(get(&format!("{events}?token={access}"), stream).await, 200);
    for refused in [
        events.clone(),
        format!("{events}?token="),
        format!("{events}?token=wrong"),
    ] {
        assert_eq!(get(&refused, stream).await, 401, "{refused}");
    }
    assert_eq!(
        get(&format!("{events}?token={access}"), json).await,
        401,
        "a page"
    );
    let other = format!("/v1/sessions/{session}?token={access}");
    assert_eq!(get(&other, stream).await, 401, "not a stream");
    let foreign = app.user("bob").await.session("theirs").await;
    let foreign = format!("/v1/sessions/{foreign}/events?token={link}");
    assert_eq!(
        get(&foreign, stream).await,
        404,
        "the link token of another session"
    );
}
