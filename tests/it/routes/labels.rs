//! Labels: made, changed and deleted on any device of the account, and the chats that have them.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

const AT: &str = "/v1/sessions/sales";

/// Waits until the labels of a device are these, by name.
async fn labels(ann: &Caller, device: &str, wanted: &[&str]) -> Vec<Value> {
    let path = format!("/v1/sessions/{device}/labels");
    let is_so = |page: &Value| {
        let names = page["data"].as_array().unwrap().iter();
        let names: Vec<&str> = names.map(|one| one["name"].as_str().unwrap()).collect();
        names == wanted
    };
    let page = until(async || ann.get(&path).await.expect(200), is_so).await;
    page["data"].as_array().unwrap().clone()
}

/// Waits until the chats of a device with this label are these.
async fn labeled(ann: &Caller, device: &str, label: &str, wanted: &[&str]) {
    let path = format!("/v1/sessions/{device}/chats?label={label}");
    let is_so = |page: &Value| {
        let chats = page["data"].as_array().unwrap().iter();
        let mut chats: Vec<&str> = chats.map(|one| one["phone"].as_str().unwrap()).collect();
        chats.sort_unstable();
        chats == wanted
    };
    until(async || ann.get(&path).await.expect(200), is_so).await;
}

/// What the phone shows of its labels, once `is_so`.
async fn on_phone(app: &TestApp, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("/phones/{ALICE}/labels");
    let look = async || app.control("GET", &path, Value::Null).await;
    let page = until(look, |page| is_so(page["data"].as_array().unwrap())).await;
    page["data"].as_array().unwrap().clone()
}

async fn writes(app: &TestApp, from: &str) {
    let path = format!("/phones/{from}/messages");
    let body = json!({"to": ALICE, "text": "hello"});
    app.control("POST", &path, body).await;
}

#[tokio::test]
async fn a_label_is_the_same_on_every_device_and_lists_the_chats_that_have_it() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    app.linked(&ann, "desk", ALICE).await;
    for from in [BOB, CAROL] {
        writes(&app, from).await;
    }
    for device in ["sales", "desk"] {
        let path = format!("/v1/sessions/{device}/chats");
        let both = |page: &Value| page["data"].as_array().unwrap().len() == 2;
        until(async || ann.get(&path).await.expect(200), both).await;
    }

    // Made here.
    let new = json!({"name": "New customer", "color": 3});
    let new = ann.post(&format!("{AT}/labels"), new).await.expect(201);
    assert_eq!(new["color"], 3);
    let id = new["id"].as_str().unwrap().to_owned();
    for device in ["sales", "desk"] {
        assert_eq!(labels(&ann, device, &["New customer"]).await[0], new);
        let told = app.logged(&ann, device, ("label.update", 1)).await;
        // A device that was just linked may read it instead of being told.
        let mut told = told[0].clone();
        told.as_object_mut().unwrap().remove("initial");
        assert_eq!(told, new);
    }
    let shown = on_phone(&app, |all| all.len() == 1).await;
    assert_eq!(shown[0]["name"], "New customer");

    // Put on a chat here, and on the phone on another.
    let on_bob = format!("{AT}/chats/{BOB}/labels/{id}");
    let put = ann.put(&on_bob, json!({})).await.expect(200);
    assert_eq!(
        put["changes"],
        json!({"label": {"id": id, "labeled": true}})
    );
    assert_eq!(put["chat"]["phone"], BOB);
    on_phone(&app, |all| all[0]["chats"].as_array().unwrap().len() == 1).await;
    let path = format!("/phones/{ALICE}/labels/{id}/chats");
    app.control("POST", &path, json!({"chat": CAROL, "labeled": true}))
        .await;
    for device in ["sales", "desk"] {
        labeled(&ann, device, &id, &[BOB, CAROL]).await;
        let told = app.logged(&ann, device, ("chat.update", 2)).await;
        let ids: Vec<_> = told
            .iter()
            .map(|one| &one["changes"]["label"]["id"])
            .collect();
        assert_eq!(ids, [&json!(id), &json!(id)], "{told:?}");
    }
    let listed = ann.get(&format!("{AT}/chats")).await.expect(200);
    for chat in listed["data"].as_array().unwrap() {
        assert_eq!(chat["labels"], json!([id]), "{chat}");
    }

    // Taken from one again.
    let taken = ann.delete(&on_bob).await.expect(200);
    assert_eq!(taken["changes"]["label"]["labeled"], false);
    for device in ["sales", "desk"] {
        labeled(&ann, device, &id, &[CAROL]).await;
    }

    // Another name, from here and from the phone.
    let path = format!("{AT}/labels/{id}");
    let changed = ann
        .patch(&path, json!({"name": "Customer"}))
        .await
        .expect(200);
    assert_eq!(changed, json!({"id": id, "name": "Customer", "color": 3}));
    labels(&ann, "desk", &["Customer"]).await;
    let on_the_phone = format!("/phones/{ALICE}/labels");
    let edit = json!({"id": id, "name": "Regular", "color": 7});
    app.control("POST", &on_the_phone, edit).await;
    let other = json!({"id": "12", "name": "Paid", "color": 1});
    app.control("POST", &on_the_phone, other).await;
    for device in ["sales", "desk"] {
        let all = labels(&ann, device, &["Regular", "Paid"]).await;
        assert_eq!(all[0]["color"], 7);
    }

    // Gone, and its number with it.
    ann.delete(&path).await.expect(204);
    on_phone(&app, |all| all.len() == 1).await;
    for device in ["sales", "desk"] {
        labels(&ann, device, &["Paid"]).await;
        let told = app.logged(&ann, device, ("label.update", 5)).await;
        assert_eq!(told[4], json!({"id": id, "deleted": true}), "{told:?}");
        let path = format!("/v1/sessions/{device}/chats?label={id}");
        ann.get(&path).await.refused(404, "label_not_found");
    }
    let next = json!({"name": "Next"});
    let next = ann.post(&format!("{AT}/labels"), next).await.expect(201);
    assert_eq!(next, json!({"id": "13", "name": "Next", "color": 0}));
}

#[tokio::test]
async fn what_a_device_finds_when_it_links_is_told_as_it_is() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    let path = format!("/phones/{ALICE}/labels");
    let label = json!({"id": "4", "name": "Paid", "color": 2});
    app.control("POST", &path, label).await;
    let chats = format!("/phones/{ALICE}/labels/4/chats");
    app.control("POST", &chats, json!({"chat": BOB, "labeled": true}))
        .await;
    app.linked(&ann, "sales", ALICE).await;
    labels(&ann, "sales", &["Paid"]).await;
    let told = app.logged(&ann, "sales", ("label.update", 1)).await;
    assert_eq!(
        told[0],
        json!({"id": "4", "name": "Paid", "color": 2, "initial": true})
    );
    // A chat in which nothing was said yet has it from its first message on.
    app.logged(&ann, "sales", ("chat.update", 1)).await;
    writes(&app, BOB).await;
    labeled(&ann, "sales", "4", &[BOB]).await;
}

#[tokio::test]
async fn a_label_that_cannot_be_is_refused_by_name() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let at = format!("{AT}/labels");
    for (body, field) in [
        (json!({"name": ""}), "/name"),
        (json!({"name": "a\nb"}), "/name"),
        (json!({"name": "x".repeat(101)}), "/name"),
        (json!({"name": "x", "color": 20}), "/color"),
        (json!({"name": "x", "color": -1}), "/color"),
        (json!({"color": 1}), "/name"),
    ] {
        let refused = ann.post(&at, body).await;
        let problem = refused.refused(400, "validation_failed");
        assert!(problem["errors"][field].is_array(), "{problem}");
    }
    let nothing = json!({"name": "x"});
    let refused = ann.patch(&format!("{at}/9"), nothing.clone()).await;
    refused.refused(404, "label_not_found");
    let refused = ann.delete(&format!("{at}/9")).await;
    refused.refused(404, "label_not_found");
    let path = format!("{AT}/chats/{BOB}/labels/9");
    ann.put(&path, json!({}))
        .await
        .refused(404, "label_not_found");
    ann.session("idle").await;
    let refused = ann.post("/v1/sessions/idle/labels", nothing).await;
    refused.refused(409, "session_not_connected");
    let none = ann.get("/v1/sessions/idle/labels").await.expect(200);
    assert_eq!(none, json!({"data": []}));
}
