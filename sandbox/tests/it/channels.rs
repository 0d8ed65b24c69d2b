//! Channels: made, followed and posted in by the unmodified client.

use serde_json::{Value, json};
use wacore::types::events::Event;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use wharf_sandbox::Config;
use whatsapp_rust::NewsletterRole;

use crate::harness::{ALICE, BOB, Field};

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

async fn state(field: &Field, channel: &Jid) -> Value {
    field.get(&format!("/channels/{channel}")).await
}

#[tokio::test]
async fn a_channel_is_made_found_by_its_invite_followed_and_muted() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(BOB).await;
    let made = desk
        .client()
        .newsletter()
        .create("Boats", Some("all of them"))
        .await
        .unwrap();
    assert_eq!(made.role, Some(NewsletterRole::Owner));

    let (client, reader) = (desk.client(), tablet.client());
    let code = made.invite_code.unwrap();
    let found = reader
        .newsletter()
        .get_metadata_by_invite(&code)
        .await
        .unwrap();
    assert_eq!(
        (found.jid.clone(), found.role),
        (made.jid.clone(), Some(NewsletterRole::Guest))
    );
    let joined = reader.newsletter().join(&made.jid).await.unwrap();
    assert_eq!(
        (joined.role, joined.subscriber_count),
        (Some(NewsletterRole::Subscriber), 1)
    );
    reader
        .newsletter()
        .set_follower_mute(&made.jid, true)
        .await
        .unwrap();
    let all = reader.newsletter().list_subscribed().await.unwrap();
    assert_eq!(all.len(), 1);
    let followers = state(&field, &made.jid).await["followers"].clone();
    assert_eq!(followers, json!([{ "number": BOB, "muted": true }]));

    // What is not a follower's is refused, and nothing has changed.
    assert!(
        reader
            .newsletter()
            .update(&made.jid, Some("Mine"), None)
            .await
            .is_err()
    );
    let nobody: Jid = "120363000000000009@newsletter".parse().unwrap();
    assert!(reader.newsletter().get_metadata(&nobody).await.is_err());
    assert!(
        reader
            .newsletter()
            .get_metadata_by_invite("nobody")
            .await
            .is_err()
    );
    assert!(
        client
            .newsletter()
            .create(&"x".repeat(101), None)
            .await
            .is_err()
    );
    client
        .newsletter()
        .update(&made.jid, Some("Ships"), None)
        .await
        .unwrap();
    let now = state(&field, &made.jid).await;
    assert_eq!(
        (&now["name"], &now["description"]),
        (&json!("Ships"), &json!("all of them"))
    );
    reader.newsletter().leave(&made.jid).await.unwrap();
    assert_eq!(state(&field, &made.jid).await["followers"], json!([]));
}

#[tokio::test]
async fn a_post_reaches_followers_and_its_reactions_the_device_that_asked() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(BOB).await;
    let channel = desk
        .client()
        .newsletter()
        .create("Boats", None)
        .await
        .unwrap()
        .jid;
    let early = tablet
        .client()
        .send_message(channel.clone(), text("not mine"))
        .await;
    early.unwrap();
    tablet.client().newsletter().join(&channel).await.unwrap();
    let sent = desk
        .client()
        .send_message(channel.clone(), text("a new boat"))
        .await;
    let sent = sent.unwrap().message_id;
    assert_eq!(tablet.text(&sent).await, "a new boat");
    let seen = field
        .phone_sees(BOB, |one| one["message_id"] == sent.as_str())
        .await;
    assert_eq!(
        (&seen["text"], &seen["to"]),
        (&json!("a new boat"), &json!(channel.to_string()))
    );

    let past = tablet
        .client()
        .newsletter()
        .get_messages(channel.clone(), 10, None)
        .await
        .unwrap();
    assert_eq!(past.len(), 1, "what somebody else posted is none");
    assert_eq!(past[0].message_id, sent);
    let number = past[0].server_id;
    desk.client()
        .newsletter()
        .subscribe_live_updates(channel.clone())
        .await
        .unwrap();
    tablet
        .client()
        .newsletter()
        .send_reaction(&channel, number, "🎉")
        .await
        .unwrap();
    let told = desk
        .wait("reactions", |event| match event {
            Event::NewsletterLiveUpdate(update) => Some(update.clone()),
            _ => None,
        })
        .await;
    let counted = &told.messages[0].reactions[0];
    assert_eq!(
        (told.messages[0].server_id, &*counted.code, counted.count),
        (number, "🎉", 1)
    );
    let posts = state(&field, &channel).await["posts"].clone();
    assert_eq!(
        posts[0]["reactions"],
        json!([{ "number": BOB, "emoji": "🎉" }])
    );
}

#[tokio::test]
async fn channels_and_posts_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config {
        seed: Some(1),
        data: Some(folder.path().to_owned()),
        ..Config::default()
    };
    let field = Field::start_with(config()).await;
    let new = json!({ "name": "Boats", "owner": ALICE });
    let channel = field.post("/channels", new).await["id"].clone();
    let path = format!("/channels/{}", channel.as_str().unwrap());
    let (status, _) = field
        .call("PUT", &format!("{path}/followers/{BOB}"), None)
        .await;
    assert_eq!(status, 200);
    field
        .post(&format!("{path}/posts"), json!({ "text": "a new boat" }))
        .await;
    let before = field.get(&path).await;
    assert_eq!(before["posts"][0]["text"], "a new boat");
    field.sandbox.stop().await;
    let field = Field::start_with(config()).await;
    assert_eq!(field.get(&path).await, before);
}
