//! Communities through the API: the sandbox's state is the judge.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

const AT: &str = "/v1/sessions/sales/communities";
const BOBS: &str = "/v1/sessions/bob/communities";
const GROUPS: &str = "/v1/sessions/sales/groups";
const BOBS_GROUPS: &str = "/v1/sessions/bob/groups";
const NONE: &str = "120363999999999999@g.us";

/// A session of Alice's, and a second one of Bob's.
async fn ann_with_two_phones(app: &TestApp) -> Caller {
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    app.linked(&ann, "bob", BOB).await;
    ann
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

fn announcements(made: &Value) -> String {
    made["announcements"].as_str().unwrap().to_owned()
}

async fn community_of(ann: &Caller) -> Value {
    let new = json!({"subject": "Harbour"});
    ann.post(AT, new).await.expect(201)
}

async fn group_of(ann: &Caller, subject: &str, people: &[&str]) -> String {
    let new = json!({"subject": subject, "participants": people});
    id(&ann.post(GROUPS, new).await.expect(201))
}

/// Takes people into the community, or into one of its groups.
async fn add(ann: &Caller, group: &str, people: &[&str]) {
    let path = format!("{GROUPS}/{group}/participants");
    let added = ann.post(&path, json!({"participants": people})).await;
    for one in added.expect(200)["data"].as_array().unwrap() {
        assert_eq!(one["status"], 200, "{one}");
    }
}

async fn link(ann: &Caller, community: &str, groups: &[&str]) -> Value {
    let path = format!("{AT}/{community}/groups");
    let linked = ann.post(&path, json!({"groups": groups})).await;
    linked.expect(200)["data"].clone()
}

/// The community as the sandbox has it.
async fn real(app: &TestApp, community: &str) -> Value {
    let path = format!("/communities/{community}");
    app.control("GET", &path, Value::Null).await
}

/// A group as the sandbox has it.
async fn real_group(app: &TestApp, group: &str) -> Value {
    let path = format!("/groups/{group}");
    app.control("GET", &path, Value::Null).await
}

fn numbers(real: &Value) -> Vec<&str> {
    let members = real["members"].as_array().unwrap().iter();
    members
        .map(|member| member["number"].as_str().unwrap())
        .collect()
}

/// The kinds of the groups of a community, and how many are in each.
fn kinds<'a>(community: &'a Value, count: &str) -> Vec<(&'a str, u64)> {
    let groups = community["groups"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = groups
        .map(|one| (one["kind"].as_str().unwrap(), one[count].as_u64().unwrap()))
        .collect();
    kinds.sort_unstable();
    kinds
}

/// What the logs of a session tell of a group, without who did it.
async fn changes(app: &TestApp, ann: &Caller, of: (&str, &str), wanted: &Value) {
    let (session, group) = of;
    let path = format!("/v1/sessions/{session}/events?types=group.update&limit=200");
    let is_told = |page: &Value| {
        let events = page["data"].as_array().unwrap().iter();
        let mut events = events.map(|event| &event["data"]);
        events.any(|data| data["chat"]["id"] == *group && data["changes"] == *wanted)
    };
    until(async || ann.get(&path).await.expect(200), is_told).await;
    app.logged(ann, session, ("group.update", 1)).await;
}

async fn until_phone_has(app: &TestApp, number: &str, (to, text): (&str, &str)) {
    let path = format!("/phones/{number}/messages");
    let has = |log: &Value| {
        let mut log = log["data"].as_array().unwrap().iter();
        log.any(|one| one["text"] == *text && one["to"] == *to)
    };
    until(async || app.control("GET", &path, Value::Null).await, has).await;
}

#[tokio::test]
async fn a_community_is_made_with_its_group_for_announcements_and_shown() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let new = json!({
        "subject": "Harbour", "description": "All boats", "closed": true, "members_create": true, "general_chat": true,
    });
    let made = ann.post(AT, new).await.expect(201);
    let (community, told) = (id(&made), announcements(&made));
    assert_eq!(made["description"], "All boats");
    assert_eq!(
        (&made["role"], &made["size"], &made["closed"]),
        (&json!("owner"), &json!(1), &json!(true))
    );
    let there = real(&app, &community).await;
    assert_eq!(
        (&there["subject"], &there["description"], &there["kind"]),
        (&json!("Harbour"), &json!("All boats"), &json!("community"))
    );
    assert_eq!(there["settings"]["approval"], true);
    let both = [("announcement", 1), ("general", 1)];
    assert_eq!(kinds(&there, "members"), both);
    assert_eq!(kinds(&made, "participants"), both);
    assert_eq!(made["groups"][0]["id"], json!(told));

    let shown = ann.get(&format!("{AT}/{community}")).await.expect(200);
    assert_eq!(shown, made);
    let listed = ann.get(AT).await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["data"][0]["announcements"], json!(told));
    assert!(listed["data"][0].get("groups").is_none());
    let group = ann.get(&format!("{GROUPS}/{told}")).await.expect(200);
    assert_eq!(
        (&group["kind"], &group["community"], &group["announce"]),
        (&json!("announcement"), &json!(community), &json!(true))
    );
    let itself = ann.get(&format!("{GROUPS}/{community}")).await.expect(200);
    assert_eq!(
        (
            &itself["kind"],
            &itself["is_community"],
            &itself["community"]
        ),
        (&json!("community"), &json!(true), &Value::Null)
    );
    assert_eq!(ann.get(BOBS).await.expect(200)["data"], json!([]));
    let theirs = ann.get(&format!("{BOBS}/{community}")).await;
    theirs.refused(403, "not_community_member");

    let plain = community_of(&ann).await;
    assert_eq!(plain["description"], Value::Null);
    assert_eq!(kinds(&plain, "participants"), [("announcement", 1)]);
    for (body, pointer) in [
        (json!({"subject": " "}), "/subject"),
        (json!({"subject": "x".repeat(101)}), "/subject"),
        (
            json!({"subject": "x", "description": "y".repeat(2049)}),
            "/description",
        ),
        (json!({"subject": "x", "colour": "red"}), "/colour"),
    ] {
        let refused = ann.post(AT, body).await.refused(400, "validation_failed");
        assert!(refused["errors"][pointer].is_array(), "{refused}");
    }
    let all = app.control("GET", "/communities", Value::Null).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn groups_come_into_a_community_with_their_members_and_leave_it_without() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let made = community_of(&ann).await;
    let (community, told) = (id(&made), announcements(&made));
    let crew = group_of(&ann, "Crew", &[BOB]).await;
    let foreign = json!({"subject": "Foreign", "members": [CAROL, ALICE]});
    let foreign = id(&app.control("POST", "/groups", foreign).await);
    let results = link(&ann, &community, &[&crew, &foreign, NONE, &crew]).await;
    assert_eq!(
        results,
        json!([
            {"id": crew, "status": 200, "code": "done"},
            {"id": foreign, "status": 403, "code": "not_allowed"},
            {"id": NONE, "status": 404, "code": "not_found"},
        ])
    );
    let again = link(&ann, &community, &[&crew]).await;
    assert_eq!(again[0]["code"], "already_linked");
    let there = real(&app, &community).await;
    assert_eq!(numbers(&there), [ALICE, BOB]);
    assert_eq!(
        kinds(&there, "members"),
        [("announcement", 2), ("group", 2)]
    );
    assert_eq!(numbers(&real_group(&app, &told).await), [ALICE, BOB]);
    assert_eq!(real_group(&app, &foreign).await["community"], Value::Null);
    let shown = ann.get(&format!("{BOBS}/{community}")).await.expect(200);
    assert_eq!(shown["role"], "member");
    assert_eq!(
        kinds(&shown, "participants"),
        [("announcement", 2), ("group", 2)]
    );
    let group = ann.get(&format!("{BOBS_GROUPS}/{crew}")).await.expect(200);
    assert_eq!(
        (&group["community"], &group["kind"]),
        (&json!(community), &json!("group"))
    );
    let linked = json!({"linked": [{"id": crew, "subject": "Crew"}]});
    changes(&app, &ann, ("sales", &community), &linked).await;
    let of_group = json!({"community": community});
    changes(&app, &ann, ("bob", &crew), &of_group).await;

    let by_bob = format!("{BOBS}/{community}/groups");
    let refused = ann.post(&by_bob, json!({"groups": [crew]})).await;
    refused.refused(403, "not_community_admin");
    let refused = ann.delete(&format!("{by_bob}/{crew}")).await;
    refused.refused(403, "not_community_admin");
    let stays = ann.delete(&format!("{AT}/{community}/groups/{told}")).await;
    stays.refused(409, "is_announcement_group");
    let path = format!("{AT}/{community}/groups/{crew}");
    ann.delete(&path).await.expect(204);
    assert_eq!(real_group(&app, &crew).await["community"], Value::Null);
    let there = real(&app, &community).await;
    assert_eq!(kinds(&there, "members"), [("announcement", 2)]);
    ann.delete(&path).await.refused(404, "group_not_found");
    let unlinked = json!({"unlinked": [{"id": crew, "subject": "Crew"}]});
    changes(&app, &ann, ("bob", &community), &unlinked).await;
    changes(&app, &ann, ("sales", &crew), &json!({"community": ""})).await;

    for (body, pointer) in [
        (json!({"groups": []}), "/groups"),
        (json!({"groups": [crew, BOB]}), "/groups/1"),
        (json!({"groups": [crew], "subject": "x"}), "/subject"),
    ] {
        let refused = ann.post(&format!("{AT}/{community}/groups"), body).await;
        assert_eq!(refused.status, 400);
        assert!(refused.json()["errors"][pointer].is_array(), "{pointer}");
    }
}

#[tokio::test]
async fn admins_announce_to_everybody_and_members_do_not() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let made = community_of(&ann).await;
    let (community, told) = (id(&made), announcements(&made));
    add(&ann, &community, &[BOB, CAROL]).await;
    let say = |text: &str| json!({"to": told, "type": "text", "text": {"body": text}});
    let sent = ann.post("/v1/sessions/sales/messages", say("storm")).await;
    assert_eq!(sent.expect(202)["status"], "sent");
    for phone in [BOB, CAROL] {
        until_phone_has(&app, phone, (&told, "storm")).await;
    }
    let heard = app.logged(&ann, "bob", ("message", 1)).await;
    assert_eq!(heard[0]["text"]["body"], "storm");

    let refused = ann.post("/v1/sessions/bob/messages", say("calm")).await;
    refused.refused(502, "whatsapp_refused");
    let by_hand = json!({"to": told, "text": "calm"});
    let path = format!("/phones/{CAROL}/messages");
    let by_hand = app.try_control("POST", &path, by_hand).await;
    assert_eq!(by_hand.status, 403);
    // Nobody writes in a community itself.
    let itself = json!({"to": community, "type": "text", "text": {"body": "calm"}});
    let itself = ann.post("/v1/sessions/sales/messages", itself).await;
    itself.refused(502, "whatsapp_refused");

    let role = format!("{GROUPS}/{community}/participants/{BOB}/role");
    ann.put(&role, json!({"role": "admin"})).await.expect(200);
    let members = real_group(&app, &told).await["members"].clone();
    assert_eq!(members[1], json!({"number": BOB, "role": "admin"}));
    let sent = ann
        .post("/v1/sessions/bob/messages", say("all clear"))
        .await;
    assert_eq!(sent.expect(202)["status"], "sent");
    until_phone_has(&app, CAROL, (&told, "all clear")).await;
    let log = app.control("GET", &path, Value::Null).await;
    let log = log["data"].as_array().unwrap();
    assert!(log.iter().all(|one| one["text"] != "calm"), "{log:?}");
}

#[tokio::test]
async fn a_group_is_made_in_a_community_by_who_may_make_one() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let community = id(&community_of(&ann).await);
    let new = |community: &str| json!({"subject": "Crew", "participants": [CAROL], "community": community});
    let made = ann.post(GROUPS, new(&community)).await.expect(201);
    assert_eq!(
        (&made["community"], &made["kind"]),
        (&json!(community), &json!("group"))
    );
    let there = real(&app, &community).await;
    assert_eq!(numbers(&there), [ALICE, CAROL]);
    assert_eq!(
        kinds(&there, "members"),
        [("announcement", 2), ("group", 2)]
    );
    let created = json!({"created": true, "subject": "Crew", "community": community});
    changes(&app, &ann, ("sales", &id(&made)), &created).await;

    let outside = ann.post(BOBS_GROUPS, new(&community)).await;
    outside.refused(403, "not_community_member");
    add(&ann, &community, &[BOB]).await;
    let member = ann.post(BOBS_GROUPS, new(&community)).await;
    member.refused(403, "not_community_admin");
    let open = json!({"subject": "Open", "members_create": true});
    let open = id(&ann.post(AT, open).await.expect(201));
    add(&ann, &open, &[BOB]).await;
    ann.post(BOBS_GROUPS, new(&open)).await.expect(201);
    assert_eq!(kinds(&real(&app, &open).await, "members")[1], ("group", 2));

    let alone = group_of(&ann, "Alone", &[]).await;
    let wrong = ann.post(GROUPS, new(&alone)).await;
    wrong.refused(409, "not_a_community");
    let missing = ann.post(GROUPS, new(NONE)).await;
    missing.refused(404, "community_not_found");
    let nobody = ann.post(GROUPS, new(BOB)).await;
    let nobody = nobody.refused(400, "invalid_address");
    assert!(nobody["errors"]["/community"].is_array(), "{nobody}");
}

#[tokio::test]
async fn a_member_joins_a_group_of_the_community_and_leaves_all_with_it() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let made = community_of(&ann).await;
    let (community, told) = (id(&made), announcements(&made));
    let crew = group_of(&ann, "Crew", &[]).await;
    let picky = group_of(&ann, "Picky", &[]).await;
    let elsewhere = group_of(&ann, "Elsewhere", &[]).await;
    let approval = json!({"approval": true});
    let path = format!("{GROUPS}/{picky}");
    ann.patch(&path, approval).await.expect(200);
    link(&ann, &community, &[&crew, &picky]).await;
    let join = async |group: &str| {
        let path = format!("{BOBS}/{community}/groups/{group}/membership");
        ann.put(&path, Value::Null).await
    };
    join(&crew).await.refused(403, "not_community_member");
    add(&ann, &community, &[BOB]).await;
    let joined = join(&crew).await.expect(200);
    assert_eq!(joined, json!({"id": crew, "status": "joined"}));
    assert_eq!(numbers(&real_group(&app, &crew).await), [ALICE, BOB]);
    join(&crew).await.refused(409, "already_group_member");
    join(&elsewhere).await.refused(404, "group_not_found");
    let waits = join(&picky).await.expect(200);
    assert_eq!(waits["status"], "pending");
    assert_eq!(numbers(&real_group(&app, &picky).await), [ALICE]);
    let asked = ann.get(&format!("{GROUPS}/{picky}/requests")).await;
    assert_eq!(asked.expect(200)["data"].as_array().unwrap().len(), 1);

    let path = format!("{BOBS_GROUPS}/{community}/membership");
    ann.delete(&path).await.expect(204);
    for group in [&community, &told, &crew] {
        assert_eq!(numbers(&real_group(&app, group).await), [ALICE], "{group}");
    }
    let theirs = ann.get(&format!("{BOBS}/{community}")).await;
    theirs.refused(403, "not_community_member");
}

#[tokio::test]
async fn a_community_is_ended_by_who_made_it_and_its_groups_stay() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let made = community_of(&ann).await;
    let (community, told) = (id(&made), announcements(&made));
    let crew = group_of(&ann, "Crew", &[BOB]).await;
    link(&ann, &community, &[&crew]).await;
    let theirs = format!("{BOBS}/{community}");
    ann.delete(&theirs)
        .await
        .refused(403, "not_community_admin");
    let role = format!("{GROUPS}/{community}/participants/{BOB}/role");
    ann.put(&role, json!({"role": "admin"})).await.expect(200);
    ann.delete(&theirs)
        .await
        .refused(403, "not_community_owner");
    assert_eq!(kinds(&real(&app, &community).await, "members").len(), 2);

    let path = format!("{AT}/{community}");
    ann.delete(&path).await.expect(204);
    for (kind, gone) in [("communities", &community), ("groups", &told)] {
        let path = format!("/{kind}/{gone}");
        let gone = app.try_control("GET", &path, Value::Null).await;
        assert_eq!(gone.status, 404, "{kind}");
    }
    let group = real_group(&app, &crew).await;
    assert_eq!(
        (&group["community"], &group["kind"]),
        (&Value::Null, &json!("group"))
    );
    assert_eq!(numbers(&group), [ALICE, BOB]);
    ann.get(&path).await.refused(404, "community_not_found");
    ann.delete(&path).await.refused(404, "community_not_found");
    for group in [&community, &told] {
        changes(&app, &ann, ("bob", group), &json!({"deleted": true})).await;
    }
    changes(&app, &ann, ("bob", &crew), &json!({"community": ""})).await;
    assert_eq!(ann.get(AT).await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn what_is_no_community_is_refused_by_every_verb() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, "Crew", &[]).await;
    for (community, status, code) in [
        (&*group, 409, "not_a_community"),
        (NONE, 404, "community_not_found"),
        (BOB, 400, "invalid_address"),
        ("1@newsletter", 400, "invalid_address"),
    ] {
        let path = format!("{AT}/{community}");
        ann.get(&path).await.refused(status, code);
        ann.delete(&path).await.refused(status, code);
        let groups = format!("{path}/groups");
        let linked = ann.post(&groups, json!({"groups": [group]})).await;
        linked.refused(status, code);
        let linked = format!("{groups}/{group}");
        ann.delete(&linked).await.refused(status, code);
        let joined = ann.put(&format!("{linked}/membership"), Value::Null).await;
        joined.refused(status, code);
    }
    let all = app.control("GET", "/groups", Value::Null).await;
    assert_eq!(
        all["data"].as_array().unwrap().len(),
        1,
        "nothing has changed"
    );
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_makes_no_second_community() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let keyed = ann.header("idempotency-key", "harbour-1");
    let new = json!({"subject": "Harbour"});
    let first = keyed.post(AT, new.clone()).await;
    let again = keyed.post(AT, new).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.expect(201), again.expect(201));
    let all = app.control("GET", "/communities", Value::Null).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_list_has_every_community_of_the_account_in_pages() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(id(&community_of(&ann).await));
    }
    made.sort_unstable();
    let first = ann.get(&format!("{AT}?limit=2")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = ann.get(&format!("{AT}?limit=2&cursor={cursor}")).await;
    let next = next.expect(200);
    assert_eq!(next["next_cursor"], Value::Null);
    let listed: Vec<String> = [&first, &next]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(id)
        .collect();
    assert_eq!(listed, made);
}
