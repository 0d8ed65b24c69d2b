//! What happens in groups and around people is told in the log, whoever did it.

use serde_json::{Value, json};

use crate::harness::field::{ALICE, BOB, Field};

const CAROL: &str = "491700000303";

async fn group_with(field: &Field, members: &[&str]) -> String {
    let new = json!({"subject": "Crew", "members": members});
    let made = field.control("POST", "/groups", new).await;
    made["id"].as_str().unwrap().to_owned()
}

fn phones(people: &Value) -> Vec<&str> {
    let people = people.as_array().unwrap().iter();
    people.map(|one| one["phone"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_change_of_a_group_is_told_with_who_did_it() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let group = group_with(&field, &[BOB, ALICE]).await;
    let path = format!("/groups/{group}");
    for change in [
        json!({"subject": "Crew two"}),
        json!({"description": "Night shift"}),
        json!({"announcement": true}),
        json!({"locked": true}),
        json!({"ephemeral_s": 86400}),
        json!({"approval": true}),
    ] {
        field.control("PATCH", &path, change).await;
    }
    let told = field.until_logged(session, "group.update", 7).await;
    // The library hears of several at once, so that their order is not sure.
    let changes: Vec<&Value> = told.iter().map(|event| &event["changes"]).collect();
    let expected = [
        json!({"created": true, "subject": "Crew"}),
        json!({"subject": "Crew two"}),
        json!({"description": "Night shift"}),
        json!({"announce": true}),
        json!({"locked": true}),
        json!({"ephemeral_s": 86400}),
        json!({"approval": true}),
    ];
    assert_eq!(changes.len(), expected.len());
    for change in &expected {
        assert!(changes.contains(&change), "{change}: {changes:?}");
    }
    for event in &told {
        assert_eq!(event["chat"]["id"], group);
        assert_eq!(event["chat"]["kind"], "group");
        assert_eq!(event["by"]["phone"], BOB);
        assert!(event["by"]["lid"].as_str().unwrap().ends_with("@lid"));
    }
    field.process.stop().await;
}

#[tokio::test]
async fn who_comes_goes_rises_and_falls_is_told_under_both_addresses() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let group = group_with(&field, &[BOB, ALICE]).await;
    let carol = json!({"members": [CAROL]});
    let at = |path: &str| format!("/groups/{group}/{path}");
    field.control("POST", &at("members"), carol.clone()).await;
    field.control("POST", &at("admins"), carol).await;
    let admin = at(&format!("admins/{CAROL}"));
    field.control("DELETE", &admin, Value::Null).await;
    let leaves = at(&format!("members/{CAROL}?by={CAROL}"));
    field.control("DELETE", &leaves, Value::Null).await;
    let told = field.until_logged(session, "group.participants", 4).await;
    let by = |action: &str| {
        let event = told.iter().find(|event| event["action"] == action);
        event.unwrap()["by"]["phone"].clone()
    };
    for (action, phone) in [
        ("add", BOB),
        ("promote", BOB),
        ("demote", BOB),
        // She has left.
        ("remove", CAROL),
    ] {
        assert_eq!(by(action), phone, "{action}");
    }
    for event in &told {
        assert_eq!(phones(&event["participants"]), [CAROL]);
        let lid = event["participants"][0]["lid"].as_str().unwrap();
        assert!(lid.ends_with("@lid"));
    }
    field.process.stop().await;
}

#[tokio::test]
async fn what_happens_in_a_group_while_the_session_is_away_is_told_when_it_is_back() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    let group = group_with(&field, &[BOB, ALICE]).await;
    field.until_logged(session, "group.update", 1).await;
    let (sessions, reference) = (&field.process.sessions, session.to_string());
    sessions.disconnect(&field.ctx, &reference).await.unwrap();
    for number in 0..200 {
        let subject = json!({"subject": format!("Crew {number}")});
        field
            .control("PATCH", &format!("/groups/{group}"), subject)
            .await;
    }
    field.connect(session).await;
    field.until_connected(session).await;
    let told = field.until_logged(session, "group.update", 201).await;
    assert_eq!(told.len(), 201);
    let last = told
        .iter()
        .any(|event| event["changes"]["subject"] == "Crew 199");
    assert!(last, "none is missing");
    field.process.stop().await;
}

#[tokio::test]
async fn another_text_or_picture_of_somebody_one_knows_is_told() {
    let field = Field::start().await;
    let session = field.pair(ALICE).await;
    // Whoever has looked for somebody's devices knows them.
    field.send(session, BOB, "hello").await.unwrap();
    let about = json!({"text": "In port"});
    field
        .control("POST", &format!("/phones/{BOB}/about"), about)
        .await;
    let picture = json!({"base64": "aGVsbG8="});
    field
        .control("POST", &format!("/phones/{BOB}/picture"), picture)
        .await;
    let told = field.until_logged(session, "contact.update", 2).await;
    let about = told
        .iter()
        .find(|event| event["changes"]["about"] == "In port");
    assert_eq!(about.unwrap()["phone"], BOB);
    let picture = told
        .iter()
        .find(|event| event["changes"]["picture_id"].is_string());
    assert_eq!(picture.unwrap()["phone"], BOB);
    field.process.stop().await;
}
