//! Groups: who is in them, and what is written in them.

use serde_json::json;
use wacore::iq::groups::{
    GroupCreateOptions, GroupParticipantOptions, GroupSubject, JoinGroupResult,
};
use wacore::stanza::groups::GroupNotificationAction;
use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use wharf_sandbox::Config;

use crate::harness::{ALICE, BOB, Companion, Field};

const CAROL: &str = "491700000303";

fn jid(number: &str) -> Jid {
    format!("{number}@s.whatsapp.net").parse().unwrap()
}

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

async fn create(device: &Companion, others: &[&str]) -> Jid {
    let people = others
        .iter()
        .map(|n| GroupParticipantOptions::new(jid(n)))
        .collect();
    let options = GroupCreateOptions::new("Boat").with_participants(people);
    device
        .client()
        .groups()
        .create_group(options)
        .await
        .unwrap()
        .metadata
        .id
}

async fn update(device: &Companion, what: &str, is: impl Fn(&GroupNotificationAction) -> bool) {
    device
        .wait(what, |event| match event {
            Event::GroupUpdate(update) if is(&update.action) => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn what_a_device_writes_in_a_group_is_decrypted_by_every_phone() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let group = create(&desk, &[BOB, CAROL]).await;
    for body in ["ahoy", "again"] {
        let sent = desk
            .client()
            .send_message(group.clone(), text(body))
            .await
            .unwrap();
        for phone in [ALICE, BOB, CAROL] {
            let seen = field
                .phone_sees(phone, |e| e["message_id"] == sent.message_id.as_str())
                .await;
            assert_eq!(
                (seen["text"].as_str(), seen["to"].as_str()),
                (Some(body), Some(&*group.to_string()))
            );
        }
        desk.receipt(&sent.message_id, ReceiptType::Delivered).await;
    }
    assert_eq!(field.get("/state").await["counters"]["counter_reuse"], 0);
}

#[tokio::test]
async fn what_a_person_writes_in_a_group_reaches_all_devices_and_phones() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let tablet = field.pair(BOB).await;
    let made = field
        .post(
            "/groups",
            json!({ "subject": "Crew", "members": [CAROL, ALICE, BOB] }),
        )
        .await;
    let group = made["id"].as_str().unwrap();
    update(&desk, "new group", |a| {
        matches!(a, GroupNotificationAction::Create { .. })
    })
    .await;
    for body in ["one", "two"] {
        let sent = field.says(CAROL, group, body).await;
        assert_eq!(desk.text(&sent).await, body);
        assert_eq!(tablet.text(&sent).await, body);
        field
            .phone_sees(BOB, |e| {
                e["message_id"] == sent.as_str() && e["text"] == body
            })
            .await;
    }
    // And back, from a device that has read before it ever wrote.
    let group_jid: Jid = group.parse().unwrap();
    let sent = tablet
        .client()
        .send_message(group_jid, text("aye"))
        .await
        .unwrap()
        .message_id;
    assert_eq!(desk.text(&sent).await, "aye");
    field
        .phone_sees(CAROL, |e| {
            e["message_id"] == sent.as_str() && e["text"] == "aye"
        })
        .await;
}

#[tokio::test]
async fn who_is_removed_reads_and_writes_no_more() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let group = create(&desk, &[BOB, CAROL]).await;
    let hello = desk
        .client()
        .send_message(group.clone(), text("hello"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(BOB, |e| e["message_id"] == hello.as_str())
        .await;

    let groups = desk.client();
    let removed = groups
        .groups()
        .remove_participants(group.clone(), &[jid(BOB)])
        .await
        .unwrap();
    assert_eq!(removed[0].status.as_deref(), Some("200"));
    let later = desk
        .client()
        .send_message(group.clone(), text("later"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(CAROL, |e| e["message_id"] == later.as_str())
        .await;
    let log = field.get(&format!("/phones/{BOB}/messages")).await;
    assert_eq!(log["data"].as_array().unwrap().len(), 1, "{log}");
    let body = json!({ "to": group.to_string(), "text": "let me in" });
    let (status, body) = field
        .call("POST", &format!("/phones/{BOB}/messages"), Some(body))
        .await;
    assert_eq!((status, body["code"].as_str()), (403, Some("not_allowed")));
    assert_eq!(
        groups
            .groups()
            .get_metadata(&group)
            .await
            .unwrap()
            .participants
            .len(),
        2
    );
}

#[tokio::test]
async fn changes_by_others_reach_the_device() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let made = field
        .post(
            "/groups",
            json!({ "subject": "Crew", "members": [BOB, ALICE] }),
        )
        .await;
    let group = made["id"].as_str().unwrap();
    let path = format!("/groups/{group}");
    let (status, _) = field
        .call(
            "PATCH",
            &path,
            Some(json!({ "subject": "Deck", "announcement": true })),
        )
        .await;
    assert_eq!(status, 200);
    update(
        &desk,
        "subject",
        |a| matches!(a, GroupNotificationAction::Subject { subject, .. } if subject == "Deck"),
    )
    .await;
    update(&desk, "announcement", |a| {
        matches!(a, GroupNotificationAction::Announce)
    })
    .await;
    field
        .post(&format!("{path}/members"), json!({ "members": [CAROL] }))
        .await;
    update(&desk, "new member", |a| {
        matches!(a, GroupNotificationAction::Add { .. })
    })
    .await;
    field
        .post(&format!("{path}/admins"), json!({ "members": [CAROL] }))
        .await;
    update(&desk, "new admin", |a| {
        matches!(a, GroupNotificationAction::Promote { .. })
    })
    .await;

    let mine = desk.client().groups().get_participating().await.unwrap();
    let meta = &mine[&group.parse::<Jid>().unwrap()];
    assert_eq!(
        (meta.subject.as_str(), meta.participants.len()),
        ("Deck", 3)
    );
}

#[tokio::test]
async fn a_member_without_the_right_is_refused_and_nothing_changes() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let made = field
        .post(
            "/groups",
            json!({ "subject": "Crew", "members": [BOB, ALICE, CAROL] }),
        )
        .await;
    let group: Jid = made["id"].as_str().unwrap().parse().unwrap();
    let client = desk.client();
    let refused = client
        .groups()
        .remove_participants(group.clone(), &[jid(CAROL)])
        .await;
    assert!(format!("{:?}", refused.unwrap_err()).contains("403"));
    let locked = json!({ "locked": true });
    field
        .call("PATCH", &format!("/groups/{group}"), Some(locked))
        .await;
    let subject = GroupSubject::new("Mine").unwrap();
    let refused = client.groups().set_subject(group.clone(), subject).await;
    assert!(format!("{:?}", refused.unwrap_err()).contains("403"));
    let seen = field.get(&format!("/groups/{group}")).await;
    assert_eq!(
        (
            seen["subject"].as_str(),
            seen["members"].as_array().unwrap().len()
        ),
        (Some("Crew"), 3)
    );
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_not_found() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let nowhere: Jid = "120363000000000000@g.us".parse().unwrap();
    let missing = desk
        .client()
        .groups()
        .get_metadata(&nowhere)
        .await
        .unwrap_err();
    assert!(format!("{missing:?}").contains("404"), "{missing:?}");
    let body = json!({ "to": nowhere.to_string(), "text": "anybody?" });
    let (status, body) = field
        .call("POST", &format!("/phones/{BOB}/messages"), Some(body))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (404, Some("no_such_group"))
    );
}

#[tokio::test]
async fn an_invite_link_lets_in_until_it_is_replaced() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let made = field
        .post("/groups", json!({ "subject": "Crew", "members": [BOB] }))
        .await;
    let client = desk.client();
    let code = made["invite"].as_str().unwrap();
    let preview = client.groups().get_invite_info(code).await.unwrap();
    assert_eq!(preview.subject, "Crew");
    let joined = client.groups().join_with_invite_code(code).await.unwrap();
    let JoinGroupResult::Joined(group) = joined else {
        panic!("not let in")
    };
    assert_eq!(group.to_string(), made["id"]);
    client.groups().leave(group.clone()).await.unwrap();
    assert!(
        client
            .groups()
            .get_participating()
            .await
            .unwrap()
            .is_empty()
    );

    let own = create(&desk, &[CAROL]).await;
    let old = client
        .groups()
        .get_invite_link(own.clone(), false)
        .await
        .unwrap();
    let new = client.groups().get_invite_link(own, true).await.unwrap();
    assert_ne!(old, new);
    let code_of = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    let gone = client
        .groups()
        .get_invite_info(&code_of(&old))
        .await
        .unwrap_err();
    assert!(format!("{gone:?}").contains("404"));
}

#[tokio::test]
async fn a_group_and_its_keys_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = || Config {
        data: Some(dir.path().to_owned()),
        seed: Some(1),
        ..Config::default()
    };
    let field = Field::start_with(config()).await;
    let desk = field.pair(ALICE).await;
    let group = create(&desk, &[BOB]).await;
    let before = desk
        .client()
        .send_message(group.clone(), text("before"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(BOB, |e| e["message_id"] == before.as_str())
        .await;
    let heard = field.says(BOB, &group.to_string(), "heard").await;
    desk.text(&heard).await;
    let store = desk.shutdown().await;
    field.sandbox.stop().await;

    let field = Field::start_with(config()).await;
    let desk = Companion::start_on(&field.sandbox.ws_url(), store, None).await;
    desk.connected().await;
    let after = desk
        .client()
        .send_message(group.clone(), text("after"))
        .await
        .unwrap()
        .message_id;
    field
        .phone_sees(BOB, |e| {
            e["message_id"] == after.as_str() && e["text"] == "after"
        })
        .await;
    let back = field.says(BOB, &group.to_string(), "back").await;
    assert_eq!(desk.text(&back).await, "back");
}
