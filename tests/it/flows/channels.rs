//! A session that ignores channels hears nothing of them.

use serde_json::{Value, json};
use wharf::domain::clock::{Clock as _, SystemClock};

use crate::harness::app::{
    TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

#[tokio::test]
async fn a_session_that_ignores_channels_is_told_nothing_of_them() {
    let app = TestApp::start_with_phones().await;
    app.clock.set(SystemClock.now_ms());
    let ann = app.user("ann").await;
    for (session, phone) in [("sales", ALICE), ("bob", BOB), ("deaf", CAROL)] {
        app.linked(&ann, session, phone).await;
    }
    let settings = json!({"settings": {"ignore_channels": true}});
    ann.patch("/v1/sessions/deaf", settings).await.expect(200);
    let new = json!({"name": "Boats"});
    let made = ann.post("/v1/sessions/sales/channels", new).await;
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    for session in ["bob", "deaf"] {
        let at = format!("/v1/sessions/{session}/channels/{id}");
        ann.put(&format!("{at}/follow"), Value::Null)
            .await
            .expect(200);
        ann.put(&format!("{at}/live"), Value::Null)
            .await
            .expect(200);
    }
    let text = json!({"to": id, "type": "text", "text": {"body": "a boat"}});
    let sent = ann.post("/v1/sessions/sales/messages", text).await;
    let sent = sent.expect(202)["message_id"].as_str().unwrap().to_owned();
    app.logged(&ann, "bob", ("message", 1)).await;
    let react = format!("/v1/sessions/bob/messages/{sent}/reactions");
    ann.post(&react, json!({"emoji": "🎉"})).await.expect(202);
    app.logged(&ann, "bob", ("channel.reactions", 1)).await;
    // What a person writes after it is the first that this session hears.
    let say = json!({"to": CAROL, "text": "to you alone"});
    app.control("POST", &format!("/phones/{BOB}/messages"), say)
        .await;
    let told = app.logged(&ann, "deaf", ("message", 1)).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["text"]["body"], "to you alone");
    let told = ann
        .get("/v1/sessions/deaf/events?types=channel.reactions")
        .await;
    assert_eq!(told.expect(200)["data"], json!([]));
    let chats = ann.get("/v1/sessions/deaf/chats").await.expect(200);
    assert_eq!(chats["data"].as_array().unwrap().len(), 1, "{chats}");
    until(
        async || ann.get("/v1/sessions/bob/chats").await.expect(200),
        |chats| {
            let mut listed = chats["data"].as_array().unwrap().iter();
            listed.any(|chat| chat["id"] == json!(id))
        },
    )
    .await;
}
