//! People and groups.

use serde_json::{Value, json};

use super::{account, asked, invalid, link, refused, session};
use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, NOBODY},
};

async fn linked(app: &TestApp) -> Caller {
    let ann = account(app, "ann").await;
    let (made, key) = session(app, &ann, asked("one")).await;
    link(app, &ann, &made, ALICE).await;
    key
}

fn jid(number: &str) -> String {
    format!("{number}@s.whatsapp.net")
}

#[tokio::test]
async fn people_are_found_named_and_blocked() {
    let app = TestApp::start_with_phones().await;
    let key = linked(&app).await;
    for asked in [BOB.to_owned(), format!("%2B{BOB}")] {
        let there = key
            .get(&format!("/api/on-whatsapp/{asked}"))
            .await
            .expect(200);
        assert_eq!(
            (&there["data"]["exists"], &there["data"]["jid"]),
            (&json!(true), &json!(jid(BOB)))
        );
    }
    let none = key
        .get(&format!("/api/on-whatsapp/{NOBODY}"))
        .await
        .expect(200);
    assert_eq!(none["data"]["exists"], false);
    invalid(key.get("/api/on-whatsapp/nobody").await, &["phone"]);
    let lid = app.lid_of(BOB).await;
    let both = json!({"lid": lid, "pn": jid(BOB)});
    let found = key
        .get(&format!("/api/lid-from-pn/{BOB}"))
        .await
        .expect(200);
    assert_eq!(found["data"], both);
    let found = key
        .get(&format!("/api/pn-from-lid/{lid}"))
        .await
        .expect(200);
    assert_eq!(found["data"], both);

    let saved = json!({"jid": jid(BOB), "fullName": "Bob Builder"});
    key.put("/api/contacts", saved.clone()).await.expect(200);
    invalid(
        key.put("/api/contacts", json!({"jid": BOB})).await,
        &["fullName"],
    );
    let look = async || key.get("/api/contacts").await.expect(200);
    let named = |list: &Value| list.to_string().contains("Bob Builder");
    let list = crate::harness::app::phones::until(look, named).await;
    let mut contacts = list["data"].as_array().unwrap().iter();
    let bob = contacts.find(|one| one["jid"] == jid(BOB)).unwrap();
    assert_eq!(
        (&bob["id"], &bob["name"], &bob["exists"]),
        (&json!(jid(BOB)), &json!("Bob Builder"), &json!(true))
    );
    let page = key
        .get("/api/contacts?paginated=true&limit=1")
        .await
        .expect(200);
    assert_eq!(page["data"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["data"]["pagination"]["page"], 1);
    let shown = key.get(&format!("/api/contacts/{BOB}")).await.expect(200);
    assert_eq!(
        (&shown["data"]["name"], &shown["data"]["exists"]),
        (&json!("Bob Builder"), &json!(true))
    );
    for path in ["picture", "profile-picture"] {
        let shown = key
            .get(&format!("/api/contacts/{BOB}/{path}"))
            .await
            .expect(200);
        assert!(shown["data"].as_object().unwrap().contains_key("imgUrl"));
    }
    let blocked = key
        .post(&format!("/api/contacts/{BOB}/block"), json!({}))
        .await
        .expect(200);
    assert_eq!(blocked["data"]["message"], "Contact blocked");
    key.post(&format!("/api/contacts/{BOB}/unblock"), Value::Null)
        .await
        .expect(200);
    refused(
        key.get(&format!("/api/contacts/{NOBODY}")).await,
        404,
        "There is no such contact.",
    );
}

#[tokio::test]
async fn a_group_is_made_changed_and_left() {
    let app = TestApp::start_with_phones().await;
    let key = linked(&app).await;
    let body = json!({"name": "Crew", "participants": [BOB]});
    let made = key.post("/api/groups", body).await.expect(201)["data"].clone();
    let id = made["id"].as_str().unwrap();
    assert!(made["creation"].is_i64() && made["participants"].as_array().unwrap().len() == 2);
    let list = key.get("/api/groups").await.expect(200);
    assert_eq!(
        list["data"],
        json!([{"id": id, "jid": id, "name": "Crew", "imgUrl": null}])
    );
    let encoded = id.replace('@', "%40");
    let at = |below: &str| format!("/api/groups/{encoded}{below}");
    let shown = key.get(&at("/metadata")).await.expect(200);
    assert_eq!(shown["data"]["subject"], "Crew");
    let added = key
        .post(
            &at("/participants/add"),
            json!({"participants": [jid(CAROL)]}),
        )
        .await
        .expect(200);
    assert_eq!(
        added["data"],
        json!([{"status": 200, "id": jid(CAROL), "jid": jid(CAROL), "message": "added"}])
    );
    let again = key
        .post(&at("/participants/add"), json!({"participants": [CAROL]}))
        .await
        .expect(200);
    assert_eq!(again["data"][0]["status"], 409);
    let body = json!({"action": "promote", "participants": [CAROL]});
    key.put(&at("/participants/update"), body).await.expect(200);
    let members = key.get(&at("/participants")).await.expect(200);
    let mut members = members["data"].as_array().unwrap().iter();
    let carol = members.find(|one| one["jid"] == jid(CAROL)).unwrap();
    assert_eq!(
        (&carol["admin"], &carol["isAdmin"], &carol["isSuperAdmin"]),
        (&json!("admin"), &json!(true), &json!(false))
    );
    let body = json!({"participants": [CAROL]});
    key.post(&at("/participants/remove"), body)
        .await
        .expect(200);
    let body = json!({"subject": "Team", "announce": true, "restrict": true});
    let set = key.put(&at("/settings"), body).await.expect(200);
    assert_eq!(
        set["data"],
        json!({"subject": "Team", "description": null, "announce": true, "restrict": true})
    );
    key.get(&at("/picture")).await.expect(200);
    let invite = key.get(&at("/invite-link")).await.expect(200)["data"].clone();
    let code = invite["inviteCode"].as_str().unwrap();
    assert_eq!(invite["link"], format!("https://chat.whatsapp.com/{code}"));
    let shown = key
        .get(&format!("/api/groups/invite/{code}"))
        .await
        .expect(200);
    assert_eq!(
        (&shown["data"]["groupJid"], &shown["data"]["subject"]),
        (&json!(id), &json!("Team"))
    );
    let left = key.post(&at("/leave"), json!({})).await.expect(200);
    assert!(left["data"]["id"].is_string());

    invalid(
        key.post("/api/groups", json!({"participants": "x"})).await,
        &["name", "participants"],
    );
    invalid(key.put(&at("/settings"), json!({})).await, &["subject"]);
    invalid(
        key.post(&at("/participants/add"), json!({})).await,
        &["participants"],
    );
    let body = json!({"action": "crown", "participants": [BOB]});
    invalid(
        key.put(&at("/participants/update"), body).await,
        &["action"],
    );
    invalid(
        key.post("/api/groups/invite/accept", json!({})).await,
        &["code"],
    );
    key.get("/api/groups/120363000000000000@g.us/metadata")
        .await
        .expect(404);
}
