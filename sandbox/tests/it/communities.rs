//! Communities: made, filled and ended by the unmodified client, and by people on their phones.

use serde_json::{Value, json};
use wacore::stanza::groups::GroupNotificationAction as Action;
use wacore::types::events::Event;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use wharf_sandbox::Config;
use whatsapp_rust::CreateCommunityOptions;

use crate::harness::{ALICE, BOB, Companion, Field};

const CAROL: &str = "491700000303";

fn text(body: &str) -> wa::Message {
    wa::Message {
        conversation: Some(body.to_owned()),
        ..Default::default()
    }
}

fn jid(made: &Value) -> Jid {
    made["id"].as_str().unwrap().parse().unwrap()
}

async fn group(field: &Field, members: &[&str]) -> Jid {
    let new = json!({ "subject": "Crew", "members": members });
    jid(&field.post("/groups", new).await)
}

async fn state(field: &Field, community: &Jid) -> Value {
    field.get(&format!("/communities/{community}")).await
}

fn numbers(group: &Value) -> Vec<&str> {
    let members = group["members"].as_array().unwrap().iter();
    members.map(|one| one["number"].as_str().unwrap()).collect()
}

async fn told(device: &Companion, of: &Jid, is: impl Fn(&Action) -> bool) {
    device
        .wait("a change of a community", |event| match event {
            Event::GroupUpdate(update) if update.group_jid == *of && is(&update.action) => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_device_makes_a_community_links_a_group_and_sees_both() {
    let field = Field::start().await;
    let desk = field.pair(ALICE).await;
    let client = desk.client();
    let api = client.community();
    let mut options = CreateCommunityOptions::new("Harbour");
    options.description = Some("All boats".to_owned());
    options.closed = true;
    let made = api.create(options).await.unwrap().metadata;
    assert!(made.is_parent_group && made.parent_membership_approval_required);
    let crew = group(&field, &[ALICE, BOB]).await;
    let foreign = group(&field, &[BOB, ALICE]).await;
    let nowhere: Jid = "120363000000000000@g.us".parse().unwrap();
    let wanted = [crew.clone(), foreign.clone(), nowhere.clone()];
    let linked = api.link_subgroups(made.id.clone(), &wanted);
    let linked = linked.await.unwrap();
    assert_eq!(linked.linked_jids, std::slice::from_ref(&crew));
    assert_eq!(linked.failed_groups, [(foreign, 403), (nowhere, 404)]);
    told(
        &desk,
        &made.id,
        |a| matches!(a, Action::Link { link_type, .. } if link_type == "sub_group"),
    )
    .await;
    told(
        &desk,
        &crew,
        |a| matches!(a, Action::Link { link_type, .. } if link_type == "parent_group"),
    )
    .await;

    let groups = api.get_subgroups(&made.id).await.unwrap();
    let shape: Vec<_> = groups
        .iter()
        .map(|one| (&*one.subject, one.is_default_sub_group, one.is_general_chat))
        .collect();
    assert_eq!(shape[0], ("Harbour", true, false));
    assert!(shape.contains(&("General", false, true)) && shape.contains(&("Crew", false, false)));
    let counts = api.get_subgroup_participant_counts(&made.id);
    assert!(counts.await.unwrap().contains(&(crew.clone(), 2)));
    let mine = api.get_participating().await.unwrap();
    assert_eq!(mine.keys().collect::<Vec<_>>(), [&made.id]);
    let there = state(&field, &made.id).await;
    assert_eq!(numbers(&there), [ALICE, BOB]);
    assert_eq!(there["description"], "All boats");

    let gone = api.unlink_subgroups(made.id.clone(), std::slice::from_ref(&crew), false);
    assert_eq!(
        gone.await.unwrap().unlinked_jids,
        std::slice::from_ref(&crew)
    );
    told(&desk, &crew, |a| matches!(a, Action::Unlink { .. })).await;
    let again = api.unlink_subgroups(made.id.clone(), std::slice::from_ref(&crew), false);
    assert_eq!(again.await.unwrap().failed_groups, [(crew, 404)]);
}

#[tokio::test]
async fn who_may_not_is_refused_and_nothing_changes() {
    let field = Field::start().await;
    let desk = field.pair(BOB).await;
    let new = json!({ "subject": "Harbour", "owner": ALICE, "members": [BOB] });
    let made = field.post("/communities", new).await;
    let (community, crew) = (jid(&made), group(&field, &[BOB]).await);
    let announcements: Jid = made["groups"][0]["id"].as_str().unwrap().parse().unwrap();
    let before = state(&field, &community).await;
    let client = desk.client();
    let api = client.community();
    let refused = |error: String, code: &str| assert!(error.contains(code), "{error}");
    let linked = api
        .link_subgroups(community.clone(), std::slice::from_ref(&crew))
        .await;
    refused(format!("{:?}", linked.unwrap_err()), "403");
    let ended = api.deactivate(community.clone()).await;
    refused(format!("{:?}", ended.unwrap_err()), "403");
    let made_within = api.create_subgroup("Mine", &[], community.clone()).await;
    refused(format!("{:?}", made_within.unwrap_err()), "403");
    let none = api
        .link_subgroups(crew.clone(), std::slice::from_ref(&crew))
        .await;
    refused(format!("{:?}", none.unwrap_err()), "406");
    assert!(
        api.get_subgroups(&crew).await.is_err(),
        "it is no community"
    );
    let left = client.groups().leave(announcements.clone()).await;
    refused(format!("{:?}", left.unwrap_err()), "406");
    assert_eq!(state(&field, &community).await, before);
    let stays = format!("/communities/{community}/groups/{announcements}");
    let (status, answer) = field.call("DELETE", &stays, None).await;
    assert_eq!((status, &answer["status"]), (200, &json!(406)));
    let path = format!("/communities/{community}?by={BOB}");
    let (status, _) = field.call("DELETE", &path, None).await;
    assert_eq!(status, 403);
    assert_eq!(state(&field, &community).await, before);
}

#[tokio::test]
async fn a_person_announces_from_the_phone_and_a_member_only_listens() {
    let field = Field::start().await;
    let desk = field.pair(BOB).await;
    let new = json!({ "subject": "Harbour", "owner": ALICE, "members": [BOB] });
    let made = field.post("/communities", new).await;
    let announcements = made["groups"][0]["id"].as_str().unwrap();
    let sent = field.says(ALICE, announcements, "storm").await;
    assert_eq!(desk.text(&sent).await, "storm");
    field
        .phone_sees(BOB, |one| one["message_id"] == sent.as_str())
        .await;
    let to: Jid = announcements.parse().unwrap();
    desk.client().send_message(to, text("calm")).await.unwrap();
    let by_hand = json!({ "to": announcements, "text": "calm" });
    let path = format!("/phones/{BOB}/messages");
    let (status, _) = field.call("POST", &path, Some(by_hand)).await;
    assert_eq!(status, 403);
    // In order: whoever has the last one has everything before it.
    let last = field.says(ALICE, announcements, "over").await;
    assert_eq!(desk.text(&last).await, "over");
    let log = field.get(&format!("/phones/{ALICE}/messages")).await;
    let log = log["data"].as_array().unwrap();
    assert!(log.iter().all(|one| one["text"] != "calm"), "{log:?}");
}

#[tokio::test]
async fn who_joins_a_group_is_heard_of_and_who_leaves_the_community_leaves_its_groups() {
    let field = Field::start().await;
    let desk = field.pair(BOB).await;
    let new =
        json!({ "subject": "Harbour", "owner": ALICE, "members": [BOB], "general_chat": true });
    let community = jid(&field.post("/communities", new).await);
    let crew = group(&field, &[ALICE, CAROL]).await;
    let path = format!("/communities/{community}/groups/{crew}");
    let (status, linked) = field.call("PUT", &path, None).await;
    assert_eq!((status, &linked["status"]), (200, &json!(200)));
    told(&desk, &community, |a| matches!(a, Action::Link { .. })).await;
    assert_eq!(
        numbers(&state(&field, &community).await),
        [ALICE, BOB, CAROL]
    );
    let client = desk.client();
    let api = client.community();
    let joined = api.join_subgroup(community.clone(), crew.clone());
    assert_eq!(joined.await.unwrap().participants.len(), 3);
    let stranger = format!("{path}/members/491700000404");
    let (status, _) = field.call("PUT", &stranger, None).await;
    assert_eq!(status, 403, "not of the community");

    desk.client()
        .groups()
        .leave(community.clone())
        .await
        .unwrap();
    let group = field.get(&format!("/groups/{crew}")).await;
    assert_eq!(numbers(&group), [ALICE, CAROL]);
    let mine = desk.client().groups().get_participating().await.unwrap();
    assert!(mine.is_empty(), "{mine:?}");
}

#[tokio::test]
async fn a_community_ends_its_groups_stay_and_all_of_it_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config {
        seed: Some(1),
        data: Some(folder.path().to_owned()),
        ..Config::default()
    };
    let field = Field::start_with(config()).await;
    let new = json!({ "subject": "Harbour", "owner": ALICE, "general_chat": true, "closed": true });
    let community = jid(&field.post("/communities", new).await);
    let crew = group(&field, &[ALICE, BOB]).await;
    let path = format!("/communities/{community}/groups/{crew}");
    field.call("PUT", &path, None).await;
    let before = state(&field, &community).await;
    assert_eq!(before["groups"].as_array().unwrap().len(), 3);
    field.sandbox.stop().await;

    let field = Field::start_with(config()).await;
    assert_eq!(state(&field, &community).await, before);
    let desk = field.pair(BOB).await;
    let path = format!("/communities/{community}");
    let (status, _) = field.call("DELETE", &path, None).await;
    assert_eq!(status, 200);
    told(&desk, &community, |a| matches!(a, Action::Delete { .. })).await;
    told(&desk, &crew, |a| {
        matches!(a, Action::Unlink { unlink_reason: Some(reason), .. } if reason == "delete_parent")
    })
    .await;
    let (status, _) = field.call("GET", &path, None).await;
    assert_eq!(status, 404);
    let left = field.get("/groups").await;
    let kinds: Vec<_> = left["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(
        kinds,
        ["group", "group"],
        "the general chat and the crew, on their own"
    );
}
