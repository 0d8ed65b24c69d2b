//! How far a message has come with each member of a group: told to whoever asks for it by name.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL},
};

/// Sends a text to a group; gives WhatsApp's id of it.
async fn say(ann: &Caller, group: &str, words: &str) -> String {
    let text = json!({"to": group, "type": "text", "text": {"body": words}});
    let sent = ann.post("/v1/sessions/sales/messages", text).await;
    let sent = sent.expect(202)["message_id"].clone();
    sent.as_str().unwrap().to_owned()
}

async fn endpoint(ann: &Caller, types: Value) {
    let hook = json!({"url": "http://127.0.0.1:9/", "types": types});
    ann.post("/v1/webhooks", hook).await.expect(201);
}

/// A person has seen a message.
async fn read(app: &TestApp, number: &str, message: &str) {
    let path = format!("/phones/{number}/receipts");
    let seen = json!({"message_ids": [message], "kind": "read"});
    app.control("POST", &path, seen).await;
}

#[tokio::test]
async fn each_member_who_got_or_read_a_message_is_told_once_an_endpoint_names_receipts() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let crew = json!({"subject": "Crew", "participants": [BOB, CAROL]});
    let crew = ann.post("/v1/sessions/sales/groups", crew).await;
    let crew = crew.expect(201)["id"].as_str().unwrap().to_owned();
    // Neither everything nor everything of messages asks for them.
    endpoint(&ann, json!(["*"])).await;
    endpoint(&ann, json!(["message.*"])).await;
    let first = say(&ann, &crew, "nobody asks").await;
    read(&app, BOB, &first).await;
    // Taken by the server, delivered, read.
    app.logged(&ann, "sales", ("message.ack", 3)).await;

    endpoint(&ann, json!(["message.receipt"])).await;
    let second = say(&ann, &crew, "who has got this?").await;
    app.logged(&ann, "sales", ("message.receipt", 2)).await;
    read(&app, CAROL, &second).await;
    let told = app.logged(&ann, "sales", ("message.receipt", 3)).await;
    let mut seen: Vec<(&str, &str)> = told
        .iter()
        .map(|one| {
            assert_eq!(one["message_id"], second);
            assert_eq!(one["chat"], crew);
            assert!(one["timestamp"].as_str().unwrap().ends_with('Z'));
            let by = one["by"]["phone"].as_str().unwrap();
            (by, one["ack_name"].as_str().unwrap())
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [(BOB, "device"), (CAROL, "device"), (CAROL, "read")]);
}
