//! Channels through the API: the sandbox's state is the judge.

use serde_json::{Value, json};
use wharf::domain::clock::{Clock as _, SystemClock};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, JPEG},
};

const AT: &str = "/v1/sessions/sales/channels";
const MESSAGES: &str = "/v1/sessions/sales/messages";
const BOBS: &str = "/v1/sessions/bob/channels";
const NONE: &str = "120363999999999999@newsletter";

/// A session of Alice's, and a second one of Bob's.
async fn ann_with_two_phones(app: &TestApp) -> Caller {
    app.clock.set(SystemClock.now_ms());
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    app.linked(&ann, "bob", BOB).await;
    ann
}

async fn channel_of(ann: &Caller) -> String {
    let made = ann.post(AT, json!({"name": "Boats"})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// The channel as the sandbox has it.
async fn real(app: &TestApp, channel: &str) -> Value {
    let path = format!("/channels/{channel}");
    app.control("GET", &path, Value::Null).await
}

/// Posts as Alice's session; gives WhatsApp's id.
async fn post(ann: &Caller, body: Value) -> String {
    let sent = ann.post(MESSAGES, body).await.expect(202);
    assert_eq!(sent["status"], "sent", "{sent}");
    sent["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_channel_is_made_shown_changed_and_ended() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let new = json!({"name": "Boats", "description": "all of them"});
    let made = ann.post(AT, new).await.expect(201);
    assert_eq!(
        (&made["role"], &made["muted"]),
        (&json!("owner"), &json!(false))
    );
    let id = made["id"].as_str().unwrap();
    let path = format!("{AT}/{id}");
    let patch = json!({"name": "Ships", "description": null});
    let changed = ann.patch(&path, patch).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Ships"), &Value::Null)
    );
    let picture = format!("{path}/picture");
    ann.put(&picture, json!({"base64": JPEG})).await.expect(204);
    let now = real(&app, id).await;
    assert_eq!(
        (&now["name"], &now["owner"]),
        (&json!("Ships"), &json!(ALICE))
    );
    let shown = ann.get(&path).await.expect(200);
    assert_eq!(shown["picture_id"], now["picture_id"]);
    ann.delete(&picture).await.expect(204);
    assert_eq!(real(&app, id).await["picture_id"], Value::Null);

    let listed = ann.get(AT).await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(ann.get(BOBS).await.expect(200)["data"], json!([]));
    let code = made["invite"].as_str().unwrap();
    let found = ann.get(&format!("{BOBS}/invites/{code}")).await.expect(200);
    assert_eq!(
        (&found["id"], &found["role"]),
        (&json!(id), &json!("guest"))
    );
    ann.delete(&path).await.expect(204);
    ann.get(&path).await.refused(404, "channel_not_found");
    let gone = format!("/channels/{id}");
    let gone = app.try_control("GET", &gone, Value::Null);
    assert_eq!(gone.await.status, 404);
}

#[tokio::test]
async fn each_refusal_has_a_name_and_changes_nothing() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let id = channel_of(&ann).await;
    let before = real(&app, &id).await;
    for (body, code, pointer) in [
        (json!({"name": " "}), "invalid_channel_name", "/name"),
        (
            json!({"name": "x".repeat(101)}),
            "invalid_channel_name",
            "/name",
        ),
        (
            json!({"name": "x", "description": "y".repeat(2049)}),
            "invalid_channel_description",
            "/description",
        ),
    ] {
        let refused = ann.post(AT, body.clone()).await.refused(400, code);
        assert!(refused["errors"][pointer].is_array(), "{refused}");
        let path = format!("{AT}/{id}");
        ann.patch(&path, body).await.refused(400, code);
    }
    let (theirs, own) = (format!("{BOBS}/{id}"), format!("{AT}/{id}"));
    let patch = json!({"name": "Mine"});
    ann.patch(&theirs, patch.clone())
        .await
        .refused(403, "not_channel_admin");
    let picture = format!("{theirs}/picture");
    let picture = ann.put(&picture, json!({"base64": JPEG}));
    picture.await.refused(403, "not_channel_admin");
    ann.delete(&theirs).await.refused(403, "not_channel_owner");
    let unfollowed = ann.delete(&format!("{theirs}/follow")).await;
    unfollowed.refused(409, "channel_not_followed");
    let muted = ann.put(&format!("{theirs}/mute"), Value::Null).await;
    muted.refused(409, "channel_not_followed");
    let followed = ann.put(&format!("{own}/follow"), Value::Null).await;
    followed.refused(409, "is_channel_admin");
    let left = ann.delete(&format!("{own}/follow")).await;
    left.refused(409, "is_channel_admin");
    for path in [format!("{AT}/{NONE}"), format!("{AT}/{NONE}/posts")] {
        ann.get(&path).await.refused(404, "channel_not_found");
    }
    for path in [format!("{AT}/{NONE}/follow"), format!("{AT}/{NONE}/live")] {
        let put = ann.put(&path, Value::Null).await;
        put.refused(404, "channel_not_found");
    }
    let invite = ann.get(&format!("{AT}/invites/nobody")).await;
    invite.refused(404, "invite_not_found");
    let invite = ann.get(&format!("{AT}/invites/no%20body")).await;
    invite.refused(400, "invalid_invite");
    ann.get(&format!("{AT}/1@g.us"))
        .await
        .refused(400, "invalid_address");

    let say = |to: &str, more: Value| {
        let mut body = json!({"to": to, "type": "text", "text": {"body": "x"}});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let as_bob = ann.post("/v1/sessions/bob/messages", say(&id, json!({})));
    as_bob.await.refused(403, "not_channel_admin");
    let nowhere = ann.post(MESSAGES, say(NONE, json!({}))).await;
    nowhere.refused(404, "channel_not_found");
    let mention = ann
        .post(MESSAGES, say(&id, json!({"mentions": [BOB]})))
        .await;
    mention.refused(400, "not_for_channels");
    let poll = json!({"to": id, "type": "poll", "poll": {"name": "q", "options": ["a", "b"]}});
    let poll = ann.post(MESSAGES, poll).await;
    poll.refused(400, "kind_not_for_channels");
    assert_eq!(real(&app, &id).await, before);
    let stored = ann.get(MESSAGES).await.expect(200);
    assert_eq!(stored["data"], json!([]), "nothing was stored to be sent");
}

#[tokio::test]
async fn a_follower_is_told_of_each_post_once_and_one_who_left_of_none() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let id = channel_of(&ann).await;
    let path = format!("{BOBS}/{id}");
    let followed = ann.put(&format!("{path}/follow"), Value::Null).await;
    assert_eq!(followed.expect(200)["role"], "follower");
    ann.put(&format!("{path}/mute"), Value::Null)
        .await
        .expect(204);
    let followers = json!([{"number": BOB, "muted": true}]);
    assert_eq!(real(&app, &id).await["followers"], followers);
    assert_eq!(ann.get(&path).await.expect(200)["muted"], true);
    ann.delete(&format!("{path}/mute")).await.expect(204);
    assert_eq!(real(&app, &id).await["followers"][0]["muted"], false);

    let text = json!({"to": id, "type": "text", "text": {"body": "a new boat"}});
    let sent = post(&ann, text).await;
    let told = app.logged(&ann, "bob", ("message", 1)).await;
    assert_eq!(told[0]["message_id"], json!(sent));
    assert_eq!(told[0]["text"]["body"], "a new boat");
    assert_eq!(told[0]["chat"]["kind"], "newsletter");
    assert_eq!(told[0]["chat"]["id"], json!(id));
    assert_eq!(told[0]["from_me"], false);
    let number = told[0]["server_id"].as_u64().unwrap();
    let posts = real(&app, &id).await["posts"].clone();
    assert_eq!(
        (&posts[0]["server_id"], &posts[0]["text"]),
        (&json!(number), &json!("a new boat"))
    );
    let stored = ann.get(&format!("/v1/sessions/bob/messages/{sent}")).await;
    stored.expect(200);

    ann.delete(&format!("{path}/follow")).await.expect(204);
    assert_eq!(real(&app, &id).await["followers"], json!([]));
    post(
        &ann,
        json!({"to": id, "type": "text", "text": {"body": "unheard"}}),
    )
    .await;
    ann.put(&format!("{path}/follow"), Value::Null)
        .await
        .expect(200);
    post(
        &ann,
        json!({"to": id, "type": "text", "text": {"body": "heard"}}),
    )
    .await;
    let told = app.logged(&ann, "bob", ("message", 2)).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["text"]["body"], "heard");
}

#[tokio::test]
async fn a_picture_is_posted_as_it_is_and_read_by_a_follower() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let id = channel_of(&ann).await;
    let follow = format!("{BOBS}/{id}/follow");
    ann.put(&follow, Value::Null).await.expect(200);
    let image = json!({"media": {"base64": JPEG, "mimetype": "image/jpeg"}, "caption": "boat"});
    post(&ann, json!({"to": id, "type": "image", "image": image})).await;
    let posts = real(&app, &id).await["posts"].clone();
    let told = app.logged(&ann, "bob", ("message", 1)).await;
    assert_eq!(told[0]["image"]["caption"], "boat");
    assert_eq!(
        told[0]["media"]["sha256"], posts[0]["media"]["sha256"],
        "{posts}"
    );
    let file = ann.get(told[0]["media"]["url"].as_str().unwrap()).await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(
        file.bytes.len() as u64,
        posts[0]["media"]["size"].as_u64().unwrap()
    );

    // And one that a person posts on the phone.
    let written =
        json!({"image": {"base64": JPEG, "mimetype": "image/jpeg", "caption": "by hand"}});
    app.control("POST", &format!("/channels/{id}/posts"), written)
        .await;
    for session in ["sales", "bob"] {
        let count = if session == "bob" { 2 } else { 1 };
        let told = app.logged(&ann, session, ("message", count)).await;
        assert_eq!(told[count - 1]["image"]["caption"], "by hand");
    }
}

#[tokio::test]
async fn reactions_are_sent_counted_and_told_to_who_asked() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let id = channel_of(&ann).await;
    let follow = format!("{BOBS}/{id}/follow");
    ann.put(&follow, Value::Null).await.expect(200);
    let live = ann.put(&format!("{AT}/{id}/live"), Value::Null).await;
    assert!(live.expect(200)["expires_in_s"].as_u64().unwrap() > 0);
    let sent = post(
        &ann,
        json!({"to": id, "type": "text", "text": {"body": "a boat"}}),
    )
    .await;
    app.logged(&ann, "bob", ("message", 1)).await;
    let path = format!("/v1/sessions/bob/messages/{sent}/reactions");
    let reacted = ann.post(&path, json!({"emoji": "🎉"})).await.expect(202);
    assert_eq!(reacted["status"], "sent", "{reacted}");
    let told = app.logged(&ann, "sales", ("channel.reactions", 1)).await;
    assert_eq!(told[0]["chat"]["id"], json!(id));
    assert_eq!(
        told[0]["posts"][0]["reactions"],
        json!([{"emoji": "🎉", "count": 1}])
    );
    // The owner's own, to a post that is told no number when it is sent.
    let own = format!("{MESSAGES}/{sent}/reactions");
    let own = ann.post(&own, json!({"emoji": "👍"}));
    own.await.expect(202);
    let posts = real(&app, &id).await["posts"].clone();
    let both = json!([{"number": ALICE, "emoji": "👍"}, {"number": BOB, "emoji": "🎉"}]);
    assert_eq!(posts[0]["reactions"], both);
    ann.post(&path, json!({"emoji": ""})).await.expect(202);
    let posts = real(&app, &id).await["posts"].clone();
    assert_eq!(posts[0]["reactions"].as_array().unwrap().len(), 1);

    for (method, more) in [("edit", ""), ("vote", "/votes"), ("pin", "/pin")] {
        let path = format!("{MESSAGES}/{sent}{more}");
        let refused = match method {
            "edit" => ann.patch(&path, json!({"text": {"body": "x"}})).await,
            "vote" => ann.post(&path, json!({"options": ["x"]})).await,
            _ => ann.post(&path, json!({"pinned": true})).await,
        };
        refused.refused(409, "not_for_channels");
    }
}

#[tokio::test]
async fn posts_of_before_are_read_in_pages_and_can_be_reacted_to() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let id = channel_of(&ann).await;
    for text in ["one", "two", "three"] {
        post(
            &ann,
            json!({"to": id, "type": "text", "text": {"body": text}}),
        )
        .await;
    }
    let numbers = real(&app, &id).await["posts"].clone();
    let first = numbers[0]["server_id"].as_u64().unwrap();
    let seen = format!("/channels/{id}/posts/{first}/views/{BOB}");
    app.control("PUT", &seen, Value::Null).await;
    let path = format!("{BOBS}/{id}/posts");
    let page = ann.get(&format!("{path}?limit=2")).await.expect(200);
    let texts = |page: &Value| -> Vec<String> {
        let posts = page["data"].as_array().unwrap().iter();
        posts
            .map(|one| one["text"]["body"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(texts(&page), ["three", "two"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = ann.get(&format!("{path}?limit=2&cursor={cursor}")).await;
    let rest = rest.expect(200);
    assert_eq!(texts(&rest), ["one"]);
    assert_eq!(
        (&rest["data"][0]["views"], &rest["next_cursor"]),
        (&json!(1), &Value::Null)
    );
    let own = ann.get(&format!("{AT}/{id}/posts")).await.expect(200);
    assert_eq!(own["data"][0]["from_me"], true);

    ann.put(&format!("{BOBS}/{id}/follow"), Value::Null)
        .await
        .expect(200);
    let one = rest["data"][0]["message_id"].as_str().unwrap();
    let react = format!("/v1/sessions/bob/messages/{one}/reactions");
    ann.post(&react, json!({"emoji": "🎉"})).await.expect(202);
    assert_eq!(
        real(&app, &id).await["posts"][0]["reactions"][0]["number"],
        BOB
    );
    let events = ann.get("/v1/sessions/bob/events?types=message").await;
    assert_eq!(
        events.expect(200)["data"],
        json!([]),
        "the past is no event"
    );
}
