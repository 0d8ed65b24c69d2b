//! What WhatsApp is asked about people, and what the account shows of itself: the sandbox's phones are the judges.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, JPEG, NOBODY, until},
};

const AT: &str = "/v1/sessions/sales";

async fn ann_with_a_phone(app: &TestApp) -> Caller {
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    ann
}

fn at(path: &str) -> String {
    format!("{AT}{path}")
}

#[tokio::test]
async fn a_check_tells_in_its_order_who_is_on_whatsapp_under_both_addresses() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let plus = format!("+{BOB}");
    let phones = json!({"phones": [plus, NOBODY, BOB]});
    let checked = ann.post(&at("/contacts/check"), phones).await.expect(200);
    let [first, nobody, last] = checked["data"].as_array().unwrap().as_slice() else {
        panic!("{checked}");
    };
    assert_eq!(first["query"], plus);
    assert_eq!(first["exists"], true);
    assert_eq!(first["id"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(first["phone"], BOB);
    assert!(first["lid"].as_str().unwrap().ends_with("@lid"));
    assert_eq!(last["lid"], first["lid"]);
    let absent = json!({
        "query": NOBODY, "exists": false, "id": null, "phone": null, "lid": null,
        "is_business": null, "verified_name": null,
    });
    assert_eq!(*nobody, absent);

    let wrong = json!({"phones": [BOB, "12", "77@lid"]});
    let refused = ann.post(&at("/contacts/check"), wrong).await;
    let errors = refused.refused(400, "invalid_phone")["errors"].clone();
    let places: Vec<_> = errors.as_object().unwrap().keys().collect();
    assert_eq!(places, ["/phones/1", "/phones/2"]);
    let many = json!({"phones": vec![BOB; 501]});
    let refused = ann.post(&at("/contacts/check"), many).await;
    refused.refused(400, "validation_failed");

    let lid = first["lid"].as_str().unwrap();
    let ids = ann.get(&at(&format!("/contacts/{lid}/ids"))).await;
    assert_eq!(ids.expect(200)["phone"], BOB, "what was heard is known");
    let strange = ann.get(&at("/contacts/987654@lid/ids")).await.expect(200);
    assert_eq!(strange["phone"], Value::Null);
}

#[tokio::test]
async fn more_numbers_than_one_question_takes_are_all_answered() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let phones: Vec<String> = (0..250).map(|n| format!("4917000{:05}", 10 * n)).collect();
    let asked = json!({"phones": phones});
    let checked = ann.post(&at("/contacts/check"), asked).await.expect(200);
    let data = checked["data"].as_array().unwrap();
    assert_eq!(data.len(), 250);
    for (one, phone) in data.iter().zip(&phones) {
        assert_eq!(one["query"], **phone);
        assert_eq!(one["exists"], !phone.ends_with("000"), "{phone}");
    }
}

#[tokio::test]
async fn a_contact_shows_what_its_phone_shows() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let about = json!({"text": "In port"});
    app.control("POST", &format!("/phones/{BOB}/about"), about)
        .await;
    let contact = at(&format!("/contacts/{BOB}"));
    let plain = ann.get(&contact).await.expect(200);
    assert_eq!(plain["about"], "In port");
    assert_eq!(plain["picture_id"], Value::Null);
    let none = ann.get(&format!("{contact}/picture")).await;
    none.refused(404, "picture_not_found");

    let picture = json!({"base64": JPEG});
    app.control("POST", &format!("/phones/{BOB}/picture"), picture)
        .await;
    let shown = ann.get(&contact).await.expect(200);
    let real = app.shown_by(BOB).await;
    assert_eq!(shown["picture_id"], real["picture"]["id"]);
    let found = ann.get(&format!("{contact}/picture?preview=true")).await;
    let found = found.expect(200);
    assert_eq!(found["id"], shown["picture_id"]);
    assert!(found["url"].as_str().unwrap().contains("/pps/"));

    let nobody = ann.get(&at(&format!("/contacts/{NOBODY}"))).await;
    nobody.refused(404, "contact_not_found");
    let group = ann.get(&at("/contacts/12036304@g.us")).await;
    let body = group.refused(400, "invalid_address");
    assert!(body["errors"]["/contact"].is_array(), "{body}");
}

#[tokio::test]
async fn who_is_blocked_is_blocked_on_the_phone() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let path = at(&format!("/contacts/{BOB}/block"));
    let blocked = ann.put(&path, Value::Null).await;
    assert_eq!(blocked.status, 204, "{}", blocked.json());
    assert_eq!(app.shown_by(ALICE).await["blocked"], json!([BOB]));
    let listed = ann.get(&at("/blocklist")).await.expect(200);
    assert_eq!(listed["data"][0]["phone"], BOB);
    assert!(listed["data"][0]["blocked_at"].is_string());

    let unblocked = ann.delete(&path).await;
    assert_eq!(unblocked.status, 204, "{}", unblocked.json());
    assert_eq!(app.shown_by(ALICE).await["blocked"], json!([]));

    let own = ann
        .put(&at(&format!("/contacts/{ALICE}/block")), Value::Null)
        .await;
    own.refused(400, "invalid_address");
    let nobody = ann
        .put(&at(&format!("/contacts/{NOBODY}/block")), Value::Null)
        .await;
    nobody.refused(404, "contact_not_found");
}

#[tokio::test]
async fn the_own_profile_is_what_the_phone_then_shows() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let wanted = json!({"push_name": "Harbour", "about": "Open all night"});
    let changed = ann.patch(&at("/profile"), wanted).await.expect(200);
    assert_eq!(changed["push_name"], "Harbour");
    assert_eq!(changed["phone"], ALICE);
    assert_eq!(app.shown_by(ALICE).await["about"], "Open all night");
    let name = |state: &Value| {
        let phones = state["phones"].as_array().unwrap().iter();
        phones
            .filter(|phone| phone["number"] == ALICE)
            .any(|phone| phone["name"] == "Harbour")
    };
    until(
        async || app.control("GET", "/state", Value::Null).await,
        name,
    )
    .await;
    let is_known = |session: &Value| session["push_name"] == "Harbour";
    until(async || ann.get(AT).await.expect(200), is_known).await;

    let set = ann
        .put(&at("/profile/picture"), json!({"base64": JPEG}))
        .await;
    assert_eq!(set.status, 204);
    let shown = app.shown_by(ALICE).await;
    let mine = ann.get(&at("/profile")).await.expect(200);
    assert_eq!(mine["picture_id"], shown["picture"]["id"]);
    let removed = ann.delete(&at("/profile/picture")).await;
    assert_eq!(removed.status, 204, "{}", removed.json());
    assert_eq!(app.shown_by(ALICE).await["picture"], Value::Null);

    let long = json!({"push_name": "x".repeat(26)});
    let body = ann.patch(&at("/profile"), long).await;
    let body = body.refused(400, "validation_failed");
    assert!(body["errors"]["/push_name"].is_array(), "{body}");
    for (bad, code) in [("aGVsbG8=", "invalid_image"), ("%", "validation_failed")] {
        let refused = ann
            .put(&at("/profile/picture"), json!({"base64": bad}))
            .await;
        refused.refused(400, code);
    }
}

#[tokio::test]
async fn privacy_is_changed_by_name_and_a_choice_that_there_is_not_is_refused() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let wanted = json!({"last_seen": "contacts", "read_receipts": "none"});
    let changed = ann.patch(&at("/privacy"), wanted).await.expect(200);
    assert_eq!(changed["last_seen"], "contacts");
    assert_eq!(changed["group_add"], "all");
    let real = &app.shown_by(ALICE).await["privacy"];
    assert_eq!(real["last"], "contacts");
    assert_eq!(real["readreceipts"], "none");

    let wrong = json!({"last_seen": "none", "read_receipts": "contacts"});
    let refused = ann.patch(&at("/privacy"), wrong).await;
    let body = refused.refused(400, "validation_failed");
    assert!(body["errors"]["/read_receipts"].is_array(), "{body}");
    let kept = ann.get(&at("/privacy")).await.expect(200);
    assert_eq!(kept["last_seen"], "contacts", "nothing has changed");
}

#[tokio::test]
async fn without_whatsapp_a_question_is_refused_by_name() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    ann.session("idle").await;
    for path in [
        "/contacts/491700000202",
        "/blocklist",
        "/profile",
        "/groups",
    ] {
        let answer = ann.get(&format!("/v1/sessions/idle{path}")).await;
        answer.refused(409, "session_not_connected");
    }
    let fault = json!({"target": ALICE, "kind": "rate_limit"});
    app.control("POST", "/faults", fault).await;
    let limited = ann.get(&at("/blocklist")).await;
    assert!(limited.headers.contains_key("retry-after"));
    limited.refused(429, "whatsapp_rate_limited");
}

#[tokio::test]
async fn whom_a_session_knows_by_name_is_listed_on_every_device_and_after_a_restart() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    app.linked(&ann, "desk", ALICE).await;
    let saved = ann
        .put(
            &at(&format!("/contacts/{BOB}")),
            json!({"name": "Bob at sea"}),
        )
        .await;
    assert_eq!(saved.expect(200)["phone"], BOB);
    let said = json!({"to": ALICE, "text": "hello"});
    app.control("POST", &format!("/phones/{CAROL}/messages"), said)
        .await;
    for device in ["sales", "desk"] {
        let list = format!("/v1/sessions/{device}/contacts");
        let both = |page: &Value| page["data"].as_array().unwrap().len() == 2;
        let page = until(async || ann.get(&list).await.expect(200), both).await;
        assert_eq!(page["data"][0]["phone"], BOB);
        assert_eq!(page["data"][0]["name"], "Bob at sea");
        assert_eq!(page["data"][1]["phone"], CAROL);
        assert!(page["data"][1]["push_name"].is_string(), "{page}");
        assert!(page["data"][1]["lid"].as_str().unwrap().ends_with("@lid"));
    }
    let renamed = json!({"name": "Bob ashore"});
    ann.put(&at(&format!("/contacts/{BOB}")), renamed)
        .await
        .expect(200);
    let is_renamed = |page: &Value| page["data"][0]["name"] == "Bob ashore";
    let desk = "/v1/sessions/desk/contacts";
    until(async || ann.get(desk).await.expect(200), is_renamed).await;
    ann.post("/v1/sessions/desk/disconnect", json!({}))
        .await
        .expect(202);
    let first = ann.get(&format!("{desk}?limit=1")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = ann.get(&format!("{desk}?limit=1&cursor={cursor}")).await;
    assert_eq!(next.expect(200)["data"][0]["phone"], CAROL);

    let bob = at(&format!("/contacts/{BOB}"));
    let nameless = ann.put(&bob, json!({"name": " "})).await;
    nameless.refused(400, "validation_failed");
    let nobody = at(&format!("/contacts/{NOBODY}"));
    let nobody = ann.put(&nobody, json!({"name": "Nobody"})).await;
    nobody.refused(404, "contact_not_found");
}
