//! Groups through the API: the sandbox's state is the judge.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, JPEG, NOBODY, until},
};

const AT: &str = "/v1/sessions/sales/groups";

/// A session of Alice's, and a second one of Bob's.
async fn ann_with_two_phones(app: &TestApp) -> Caller {
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    app.linked(&ann, "bob", BOB).await;
    ann
}

async fn group_of(ann: &Caller, people: &[&str]) -> String {
    let new = json!({"subject": "Crew", "participants": people});
    let made = ann.post(AT, new).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// The group as the sandbox has it.
async fn real(app: &TestApp, group: &str) -> Value {
    app.control("GET", &format!("/groups/{group}"), Value::Null)
        .await
}

fn numbers(real: &Value) -> Vec<&str> {
    let members = real["members"].as_array().unwrap().iter();
    members
        .map(|member| member["number"].as_str().unwrap())
        .collect()
}

/// The status and the word of each person of an answer, by phone.
fn outcomes(answer: &Value) -> Vec<(&str, u64, &str)> {
    let results = answer.as_array().unwrap().iter();
    let mut all: Vec<_> = results
        .map(|one| {
            (
                one["phone"].as_str().unwrap(),
                one["status"].as_u64().unwrap(),
                one["code"].as_str().unwrap(),
            )
        })
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_group_is_made_and_each_person_told_of() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let new = json!({
        "subject": "Crew",
        "description": "Night shift",
        "participants": [format!("+{BOB}"), CAROL, NOBODY],
    });
    let made = ann.post(AT, new).await.expect(201);
    let group = made["id"].as_str().unwrap();
    assert!(group.ends_with("@g.us"));
    assert_eq!(made["role"], "owner");
    assert_eq!(
        outcomes(&made["participants"]),
        [
            (NOBODY, 404, "not_found"),
            (ALICE, 200, "done"),
            (BOB, 200, "done"),
            (CAROL, 200, "done"),
        ]
    );
    let real = real(&app, group).await;
    assert_eq!(real["subject"], "Crew");
    assert_eq!(real["description"], "Night shift");
    assert_eq!(numbers(&real), [ALICE, BOB, CAROL]);

    let shown = ann.get(&format!("{AT}/{group}")).await.expect(200);
    assert_eq!(shown["owner"]["phone"], ALICE);
    let roles = shown["participants"].as_array().unwrap().iter();
    let owners = roles.filter(|one| one["role"] == "owner");
    assert_eq!(owners.map(|one| &one["phone"]).collect::<Vec<_>>(), [ALICE]);
    let other = ann.get(&format!("/v1/sessions/bob/groups/{group}")).await;
    assert_eq!(other.expect(200)["role"], "member");

    for (body, pointer) in [
        (json!({"subject": " "}), "/subject"),
        (json!({"subject": "x".repeat(101)}), "/subject"),
        (
            json!({"subject": "x", "participants": ["y"]}),
            "/participants/0",
        ),
        (
            json!({"subject": "x", "participants": ["1@g.us"]}),
            "/participants/0",
        ),
    ] {
        let refused = ann.post(AT, body).await;
        assert_eq!(refused.status, 400);
        assert!(refused.json()["errors"][pointer].is_array(), "{pointer}");
    }
}

#[tokio::test]
async fn the_list_has_every_group_of_the_account_in_pages() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let none = ann.get(AT).await.expect(200);
    assert_eq!(none, json!({"data": [], "next_cursor": null}));
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(group_of(&ann, &[]).await);
    }
    made.sort_unstable();
    let first = ann.get(&format!("{AT}?limit=2")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = ann.get(&format!("{AT}?limit=2&cursor={cursor}")).await;
    let next = next.expect(200);
    assert_eq!(next["next_cursor"], Value::Null);
    let pages = [first, next];
    let listed: Vec<_> = pages
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|group| group["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, made);
    assert!(pages[0]["data"][0].get("participants").is_none());
    let others = ann.get("/v1/sessions/bob/groups").await.expect(200);
    assert_eq!(others["data"], json!([]));
}

#[tokio::test]
async fn every_setting_changes_the_group_and_one_that_is_wrong_changes_nothing() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, &[BOB]).await;
    let path = format!("{AT}/{group}");
    let patch = json!({
        "subject": "Crew two", "description": "Day shift", "announce": true, "locked": true,
        "approval": true, "members_add": false, "ephemeral_s": 86400,
    });
    let changed = ann.patch(&path, patch.clone()).await.expect(200);
    for (name, value) in patch.as_object().unwrap() {
        let is_hidden = name == "members_add";
        assert!(is_hidden || changed[name] == *value, "{name}: {changed}");
    }
    let there = real(&app, &group).await;
    let settings = json!({
        "locked": true, "announcement": true, "approval": true, "admins_add": true, "ephemeral_s": 86400,
    });
    assert_eq!(there["settings"], settings);
    assert_eq!(there["subject"], "Crew two");

    let wrong = json!({"subject": "Crew three", "ephemeral_s": 5});
    let refused = ann.patch(&path, wrong).await;
    refused.refused(400, "validation_failed");
    let cleared = json!({"description": null, "announce": false, "ephemeral_s": 0});
    let cleared = ann.patch(&path, cleared).await.expect(200);
    assert_eq!(cleared["description"], Value::Null);
    assert_eq!(cleared["subject"], "Crew two");
    assert_eq!(real(&app, &group).await["settings"]["ephemeral_s"], 0);

    let by_bob = format!("/v1/sessions/bob/groups/{group}");
    let refused = ann.patch(&by_bob, json!({"subject": "Mine"})).await;
    refused.refused(403, "not_group_admin");
    let missing = ann
        .patch(&format!("{AT}/1@g.us"), json!({"locked": true}))
        .await;
    missing.refused(404, "group_not_found");
}

#[tokio::test]
async fn members_come_and_go_and_rise_each_with_a_result() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, &[BOB]).await;
    let people = format!("{AT}/{group}/participants");
    let wanted = json!({"participants": [CAROL, BOB, NOBODY]});
    let added = ann.post(&people, wanted).await.expect(200);
    assert_eq!(
        outcomes(&added["data"]),
        [
            (NOBODY, 404, "not_found"),
            (BOB, 409, "already_there"),
            (CAROL, 200, "done"),
        ]
    );
    assert_eq!(numbers(&real(&app, &group).await), [ALICE, BOB, CAROL]);

    let role = format!("{people}/{CAROL}/role");
    let risen = ann.put(&role, json!({"role": "admin"})).await.expect(200);
    assert_eq!(risen["role"], "admin");
    let there = real(&app, &group).await;
    assert_eq!(there["members"][2]["role"], "admin");
    let fallen = ann.put(&role, json!({"role": "member"})).await.expect(200);
    assert_eq!(fallen["role"], "member");
    let owner = ann
        .put(&format!("{people}/{ALICE}/role"), json!({"role": "member"}))
        .await;
    owner.refused(403, "is_group_owner");

    let by_bob = format!("/v1/sessions/bob/groups/{group}/participants");
    let gone = json!({"participants": [CAROL]});
    let refused = ann.delete_with(&by_bob, gone.clone()).await;
    refused.refused(403, "not_group_admin");
    let removed = ann.delete_with(&people, gone).await.expect(200);
    assert_eq!(outcomes(&removed["data"]), [(CAROL, 200, "done")]);
    assert_eq!(numbers(&real(&app, &group).await), [ALICE, BOB]);
    let absent = ann.put(&role, json!({"role": "admin"})).await;
    absent.refused(404, "participant_not_found");

    let left = ann
        .delete(&format!("/v1/sessions/bob/groups/{group}/membership"))
        .await;
    assert_eq!(left.status, 204);
    assert_eq!(numbers(&real(&app, &group).await), [ALICE]);
    let again = ann.get(&format!("/v1/sessions/bob/groups/{group}")).await;
    again.refused(403, "not_group_member");
}

#[tokio::test]
async fn an_invite_lets_people_in_until_it_is_renewed() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, &[]).await;
    let path = format!("{AT}/{group}/invite");
    let old = ann.get(&path).await.expect(200);
    assert_eq!(old["code"], real(&app, &group).await["invite"]);
    let new = ann.post(&path, json!({})).await.expect(200);
    assert_ne!(new["code"], old["code"]);

    let join = "/v1/sessions/bob/groups/join";
    let void = ann.post(join, json!({"code": old["code"]})).await;
    void.refused(404, "invite_not_found");
    let wrong = ann.post(join, json!({"code": "no code"})).await;
    wrong.refused(400, "invalid_invite");
    let code = new["code"].as_str().unwrap();
    let preview = format!("/v1/sessions/bob/groups/invites/{code}");
    let preview = ann.get(&preview).await.expect(200);
    assert_eq!(preview["subject"], "Crew");
    assert_eq!(preview["role"], Value::Null);
    let joined = ann.post(join, json!({"code": new["url"]})).await;
    assert_eq!(joined.expect(200), json!({"id": group, "status": "joined"}));
    assert_eq!(numbers(&real(&app, &group).await), [ALICE, BOB]);
    let twice = ann.post(join, json!({"code": code})).await;
    twice.refused(409, "already_group_member");
    let hidden = ann
        .get(&format!("/v1/sessions/bob/groups/{group}/invite"))
        .await;
    hidden.refused(403, "not_group_admin");
}

#[tokio::test]
async fn who_asks_to_join_is_let_in_or_turned_away() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, &[]).await;
    let path = format!("{AT}/{group}");
    let approval = json!({"approval": true});
    ann.patch(&path, approval).await.expect(200);
    let invite = ann.get(&format!("{path}/invite")).await.expect(200);
    let join = || {
        ann.post(
            "/v1/sessions/bob/groups/join",
            json!({"code": invite["code"]}),
        )
    };
    assert_eq!(join().await.expect(200)["status"], "pending");

    let requests = format!("{path}/requests");
    let asked = ann.get(&requests).await.expect(200);
    let asked = &asked["data"][0];
    assert!(asked["requested_at"].is_string(), "{asked}");
    let bob = json!({"participants": [asked["id"]]});
    let turned = ann.post(&format!("{requests}/reject"), bob.clone()).await;
    assert_eq!(turned.expect(200)["data"][0]["status"], 200);
    assert_eq!(numbers(&real(&app, &group).await), [ALICE]);
    let gone = ann.post(&format!("{requests}/approve"), bob.clone()).await;
    assert_eq!(gone.expect(200)["data"][0]["status"], 404);

    join().await.expect(200);
    let approved = ann.post(&format!("{requests}/approve"), bob).await;
    assert_eq!(approved.expect(200)["data"][0]["role"], "member");
    assert_eq!(numbers(&real(&app, &group).await), [ALICE, BOB]);
    let by_bob = format!("/v1/sessions/bob/groups/{group}/requests");
    ann.get(&by_bob).await.refused(403, "not_group_admin");
}

#[tokio::test]
async fn a_picture_of_a_group_is_seen_by_its_members() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let group = group_of(&ann, &[BOB]).await;
    let picture = format!("{AT}/{group}/picture");
    let none = ann.get(&picture).await;
    none.refused(404, "picture_not_found");
    let set = ann.put(&picture, json!({"base64": JPEG})).await;
    assert_eq!(set.status, 204, "{}", set.json());
    let seen = format!("/v1/sessions/bob/groups/{group}/picture");
    let url = ann.get(&seen).await.expect(200)["url"].clone();
    assert!(url.as_str().unwrap().contains("/pps/"));
    let removed = ann.delete(&picture).await;
    assert_eq!(removed.status, 204, "{}", removed.json());
    let is_gone = |answer: &Value| answer["code"] == "picture_not_found";
    until(async || ann.get(&seen).await.json(), is_gone).await;
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_makes_no_second_group() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_two_phones(&app).await;
    let keyed = ann.header("idempotency-key", "crew-1");
    let new = json!({"subject": "Crew", "participants": [BOB]});
    let first = keyed.post(AT, new.clone()).await;
    let again = keyed.post(AT, new).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.expect(201), again.expect(201));
    let all = app.control("GET", "/groups", Value::Null).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
    let other = keyed.post(AT, json!({"subject": "Another"})).await;
    other.refused(422, "idempotency_key_reused");
}
