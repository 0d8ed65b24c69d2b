//! Stored messages by chat, sender, kind and time.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, JPEG, until},
};

const AT: &str = "/v1/sessions/sales/messages";

async fn writes(app: &TestApp, from: &str, body: Value) -> String {
    let path = format!("/phones/{from}/messages");
    let mut body = body;
    body["to"] = json!(ALICE);
    let written = app.control("POST", &path, body).await;
    written["message_id"].as_str().unwrap().to_owned()
}

async fn ids(ann: &Caller, query: &str) -> Vec<Value> {
    let page = ann.get(&format!("{AT}?{query}")).await.expect(200);
    let data = page["data"].as_array().unwrap().iter();
    data.map(|one| one["message_id"].clone()).collect()
}

#[tokio::test]
async fn messages_are_found_by_chat_sender_kind_direction_and_time() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let first = writes(&app, BOB, json!({"text": "one"})).await;
    let picture = json!({"image": {"base64": JPEG, "mimetype": "image/jpeg"}});
    let picture = writes(&app, BOB, picture).await;
    let last = writes(&app, CAROL, json!({"text": "two"})).await;
    let own = json!({"to": BOB, "type": "text", "text": {"body": "mine"}});
    let own = ann.post(AT, own).await.expect(202)["message_id"].clone();
    let look = async || json!(ids(&ann, "").await);
    until(look, |all| all.as_array().unwrap().len() == 4).await;

    let of_bob = async |query: &str| {
        let mut found = ids(&ann, query).await;
        found.sort_by_key(ToString::to_string);
        found
    };
    let mut all = vec![json!(first), json!(picture), own.clone()];
    all.sort_by_key(ToString::to_string);
    assert_eq!(of_bob(&format!("chat={BOB}")).await, all);
    let shown = ann.get(&format!("{AT}/{first}")).await.expect(200);
    let lid = shown["chat"]["lid"].as_str().unwrap();
    assert_eq!(
        of_bob(&format!("chat={lid}")).await,
        all,
        "by either address"
    );
    let theirs = vec![json!(picture), json!(first)];
    assert_eq!(ids(&ann, &format!("sender={BOB}")).await, theirs);
    assert_eq!(
        ids(&ann, &format!("sender={lid}&from_me=false")).await,
        theirs
    );
    assert_eq!(ids(&ann, "type=image").await, [json!(picture)]);
    assert_eq!(ids(&ann, "from_me=true").await, [own]);
    assert_eq!(
        ids(&ann, &format!("type=image&chat={CAROL}")).await,
        Vec::<Value>::new()
    );

    let at = shown["timestamp"].as_str().unwrap();
    let found = ids(
        &ann,
        &format!("from={at}&from_me=false&sender={BOB}&type=text"),
    )
    .await;
    assert_eq!(
        found,
        [json!(first)],
        "a second belongs to what begins with it"
    );
    let before = ids(&ann, &format!("to={at}&from_me=false")).await;
    assert!(before.is_empty(), "and ends what ends with it: {before:?}");
    assert!(
        ids(&ann, &format!("from_me=false&chat={CAROL}"))
            .await
            .contains(&json!(last))
    );

    for (query, at) in [
        ("type=reaction", "/type"),
        ("from=yesterday", "/from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00.9Z", "/to"),
        ("sender=nobody", "/sender"),
        ("chat=", "/chat"),
    ] {
        let refused = ann.get(&format!("{AT}?{query}")).await;
        let body = refused.refused(400, "validation_failed");
        assert!(body["errors"][at].is_array(), "{query}: {body}");
    }
    let maybe = ann.get(&format!("{AT}?from_me=maybe")).await;
    maybe.refused(400, "validation_failed");
}
