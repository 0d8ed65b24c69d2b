//! About text, pictures, privacy, blocked people.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use wacore::iq::privacy::{PrivacyCategory, PrivacyValue};
use wacore::request::InfoQuery;
use wacore::types::events::Event;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, NodeContent, SERVER_JID};

use crate::harness::{ALICE, BOB, Field, http};

fn bob() -> Jid {
    format!("{BOB}@s.whatsapp.net").parse().unwrap()
}

#[tokio::test]
async fn an_about_text_is_seen_by_others_in_both_directions() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    client.profile().set_status_text("At sea").await.unwrap();
    assert_eq!(
        field.get(&format!("/phones/{ALICE}/profile")).await["about"],
        "At sea"
    );

    // Whoever knows somebody's devices is told.
    let greeting = waproto::whatsapp::Message {
        conversation: Some("hello".to_owned()),
        ..Default::default()
    };
    client.send_message(bob(), greeting).await.unwrap();
    field
        .post(
            &format!("/phones/{BOB}/about"),
            json!({ "text": "In port" }),
        )
        .await;
    desk.wait("about text", |event| match event {
        Event::UserAboutUpdate(update) if update.status == "In port" => Some(()),
        _ => None,
    })
    .await;
    let info = client.contacts().get_user_info(&[bob()]).await.unwrap();
    assert_eq!(
        info.values().next().unwrap().status.as_deref(),
        Some("In port")
    );
    let long = "x".repeat(140);
    assert!(client.profile().set_status_text(&long).await.is_err());
}

#[tokio::test]
async fn a_picture_can_be_set_seen_and_removed() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    assert!(
        client
            .contacts()
            .get_profile_picture(&bob(), false)
            .await
            .unwrap()
            .is_none()
    );
    let image = BASE64_STANDARD.encode(b"a jpeg");
    field
        .post(
            &format!("/phones/{BOB}/picture"),
            json!({ "base64": image }),
        )
        .await;
    let picture = client
        .contacts()
        .get_profile_picture(&bob(), false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        http::send("GET", &picture.url, b"").await.unwrap(),
        (200, b"a jpeg".to_vec())
    );

    let id = client
        .profile()
        .set_profile_picture(b"mine".to_vec())
        .await
        .unwrap()
        .id;
    let mine = field.get(&format!("/phones/{ALICE}/profile")).await;
    assert_eq!(mine["picture"], json!({ "id": id, "size": 4 }));
    client.profile().remove_profile_picture().await.unwrap();
    let mine = field.get(&format!("/phones/{ALICE}/profile")).await;
    assert!(mine["picture"].is_null());
}

#[tokio::test]
async fn privacy_settings_are_kept_and_nonsense_is_refused() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    client
        .set_privacy_setting(PrivacyCategory::Last, PrivacyValue::None)
        .await
        .unwrap();
    let settings = client.fetch_privacy_settings().await.unwrap();
    assert_eq!(
        settings.get_value(&PrivacyCategory::Last),
        Some(&PrivacyValue::None)
    );
    assert_eq!(
        settings.get_value(&PrivacyCategory::Profile),
        Some(&PrivacyValue::All)
    );
    let category = NodeBuilder::new("category")
        .attr("name", "last")
        .attr("value", "maybe");
    let privacy = NodeBuilder::new("privacy")
        .children([category.build()])
        .build();
    let nonsense = InfoQuery::set(
        "privacy",
        SERVER_JID.parse().unwrap(),
        Some(NodeContent::Nodes(vec![privacy])),
    );
    let refused = client.send_iq(nonsense).await.unwrap_err();
    assert!(format!("{refused:?}").contains("400"), "{refused:?}");
}

#[tokio::test]
async fn a_blocked_person_is_not_heard() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    // People are blocked by their LID, so the client has to know it.
    client.contacts().is_on_whatsapp(&[bob()]).await.unwrap();
    client.blocking().block(&bob()).await.unwrap();
    assert!(client.blocking().is_blocked(&bob()).await.unwrap());
    field.says(BOB, ALICE, "are you there?").await;
    client.blocking().unblock(&bob()).await.unwrap();
    assert!(client.blocking().get_blocklist().await.unwrap().is_empty());
    let heard = field.says(BOB, ALICE, "and now?").await;
    assert_eq!(desk.message_ids(1).await, [heard]);
    let missing: Jid = "491700000000@s.whatsapp.net".parse().unwrap();
    assert!(client.blocking().block(&missing).await.is_err());
}
