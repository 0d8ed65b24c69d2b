//! The list of chats: what is written, read and done on any device of the account shows there.

use serde_json::{Value, json};

use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB, CAROL, until},
};

const AT: &str = "/v1/sessions/sales";

async fn ann_with_a_phone(app: &TestApp) -> Caller {
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    ann
}

/// What `from` has written on their phone, by WhatsApp's id.
async fn writes(app: &TestApp, from: &str, text: &str) -> String {
    let path = format!("/phones/{from}/messages");
    let body = json!({"to": ALICE, "text": text});
    let written = app.control("POST", &path, body).await;
    written["message_id"].as_str().unwrap().to_owned()
}

/// The chats of a device, once they are as wanted.
async fn chats(ann: &Caller, device: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("/v1/sessions/{device}/chats");
    let look = async || ann.get(&path).await.expect(200);
    let page = until(look, |page| wanted(page["data"].as_array().unwrap())).await;
    page["data"].as_array().unwrap().clone()
}

fn unread(chats: &[Value], phone: &str) -> Option<u64> {
    let chat = chats.iter().find(|chat| chat["phone"] == phone)?;
    chat["unread"].as_u64()
}

#[tokio::test]
async fn what_is_written_and_read_shows_in_the_list_whoever_reads_it() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    app.linked(&ann, "desk", ALICE).await;
    let first = writes(&app, BOB, "one").await;
    let second = writes(&app, BOB, "two").await;
    chats(&ann, "sales", |all| unread(all, BOB) == Some(2)).await;
    let last = writes(&app, CAROL, "hello").await;
    let all = chats(&ann, "sales", |all| all.len() == 2).await;
    assert_eq!(all[0]["id"], format!("{CAROL}@s.whatsapp.net"), "{all:?}");
    assert_eq!(all[0]["last_message"]["message_id"], last);
    assert_eq!(all[1]["kind"], "user");
    assert!(all[1]["lid"].as_str().unwrap().ends_with("@lid"));
    let shown = ann.get(&format!("{AT}/messages/{second}")).await;
    let shown = shown.expect(200)["timestamp"].clone();
    assert_eq!(
        all[1]["last_message"],
        json!({"message_id": second, "timestamp": shown})
    );
    for silent in ["archived", "pinned", "muted", "marked_unread"] {
        assert_eq!(all[1][silent], false);
    }
    let named = format!("{AT}/contacts/{BOB}");
    ann.put(&named, json!({"name": "Bob at sea"}))
        .await
        .expect(200);
    let is_named = |all: &[Value]| all.iter().any(|chat| chat["name"] == "Bob at sea");
    chats(&ann, "sales", is_named).await;

    // By this device; the other one of the account hears of it.
    let path = format!("{AT}/messages/{first}/read");
    ann.post(&path, json!({})).await.expect(204);
    for device in ["sales", "desk"] {
        chats(&ann, device, |all| unread(all, BOB) == Some(1)).await;
    }
    // By the phone.
    let read = json!({"message_ids": [second], "kind": "read"});
    let path = format!("/phones/{ALICE}/receipts");
    app.control("POST", &path, read).await;
    for device in ["sales", "desk"] {
        let all = chats(&ann, device, |all| unread(all, BOB) == Some(0)).await;
        assert_eq!(unread(&all, CAROL), Some(1));
    }
    // By itself.
    let settings = json!({"settings": {"read_incoming_messages": true}});
    ann.patch(AT, settings).await.expect(200);
    let third = writes(&app, BOB, "three").await;
    let is_there = |all: &[Value]| all[0]["last_message"]["message_id"] == third;
    chats(&ann, "desk", |all| {
        is_there(all) && unread(all, BOB) == Some(0)
    })
    .await;
    chats(&ann, "sales", |all| {
        is_there(all) && unread(all, BOB) == Some(0)
    })
    .await;

    let own = json!({"to": CAROL, "type": "text", "text": {"body": "Ahoy"}});
    let own = ann.post(&format!("{AT}/messages"), own).await.expect(202);
    let is_last = |all: &[Value]| all[0]["last_message"]["message_id"] == own["message_id"];
    let all = chats(&ann, "sales", is_last).await;
    assert_eq!(unread(&all, CAROL), Some(1), "{all:?}");
    let reaction = json!({"emoji": "👍"});
    let path = format!("{AT}/messages/{last}/reactions");
    ann.post(&path, reaction).await.expect(202);
    let there = format!("/v1/sessions/desk/messages/{last}");
    let look = async || ann.get(&there).await.expect(200);
    until(look, |shown| shown["reactions"] != json!([])).await;
    let all = chats(&ann, "desk", |all| unread(all, CAROL) == Some(1)).await;
    assert!(
        is_last(&all),
        "a reaction is no message of the chat: {all:?}"
    );
}

#[tokio::test]
async fn what_is_done_with_a_chat_shows_in_the_lists_of_all_devices() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    app.linked(&ann, "desk", ALICE).await;
    writes(&app, BOB, "one").await;
    for device in ["sales", "desk"] {
        chats(&ann, device, |all| unread(all, BOB) == Some(1)).await;
    }
    let at = format!("{AT}/chats/{BOB}");
    let steps = [
        ("archive", json!({}), json!({"archived": true})),
        (
            "archive",
            json!({"archived": false}),
            json!({"archived": false}),
        ),
        ("pin", json!({}), json!({"pinned": true})),
        (
            "mute",
            json!({}),
            json!({"muted": true, "muted_until": null}),
        ),
        ("mute", json!({"muted": false}), json!({"muted": false})),
        (
            "read",
            json!({}),
            json!({"unread": 0, "marked_unread": false}),
        ),
        (
            "read",
            json!({"read": false}),
            json!({"unread": 0, "marked_unread": true}),
        ),
    ];
    for (verb, body, shown) in steps {
        ann.post(&format!("{at}/{verb}"), body).await.expect(200);
        let is_so = |all: &[Value]| {
            let shown = shown.as_object().unwrap();
            shown.iter().all(|(key, value)| all[0][key] == *value)
        };
        for device in ["sales", "desk"] {
            chats(&ann, device, is_so).await;
        }
    }
    let muted = json!({"for_s": 60});
    let muted = ann.post(&format!("{at}/mute"), muted).await.expect(200);
    let until = &muted["changes"]["muted_until"];
    let is_until = |all: &[Value]| all[0]["muted_until"] == *until && all[0]["muted"] == true;
    chats(&ann, "desk", is_until).await;
    app.clock.advance(std::time::Duration::from_secs(61));
    chats(&ann, "desk", |all| all[0]["muted"] == false).await;

    assert_eq!(ann.delete(&at).await.status, 204);
    for device in ["sales", "desk"] {
        chats(&ann, device, <[Value]>::is_empty).await;
    }
    writes(&app, BOB, "again").await;
    let all = chats(&ann, "sales", |all| unread(all, BOB) == Some(1)).await;
    assert_eq!(all[0]["pinned"], false, "it begins anew");
}

#[tokio::test]
async fn groups_go_by_their_subject_unless_groups_are_ignored() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    let crew = json!({"subject": "Crew ⚓", "participants": [BOB]});
    let crew = ann.post(&format!("{AT}/groups"), crew).await.expect(201);
    let id = crew["id"].as_str().unwrap();
    let write = async |text: &str| {
        let body = json!({"to": id, "text": text});
        app.control("POST", &format!("/phones/{BOB}/messages"), body)
            .await
    };
    write("all hands").await;
    let all = chats(&ann, "sales", |all| {
        all.iter().any(|chat| chat["unread"] == 1)
    })
    .await;
    assert_eq!(
        (&all[0]["id"], &all[0]["kind"]),
        (&json!(id), &json!("group"))
    );
    assert_eq!(all[0]["name"], "Crew ⚓");
    let settings = json!({"settings": {"ignore_groups": true}});
    ann.patch(AT, settings).await.expect(200);
    write("not heard").await;
    writes(&app, BOB, "heard").await;
    let all = chats(&ann, "sales", |all| unread(all, BOB) == Some(1)).await;
    assert_eq!(all[1]["unread"], 1, "{all:?}");
}

#[tokio::test]
async fn the_list_comes_in_pages_and_refuses_what_it_did_not_give_out() {
    let app = TestApp::start_with_phones().await;
    let ann = ann_with_a_phone(&app).await;
    for phone in [BOB, CAROL, "491700000404"] {
        writes(&app, phone, "hello").await;
    }
    chats(&ann, "sales", |all| all.len() == 3).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann
            .get(&format!("{AT}/chats?limit=2{cursor}"))
            .await
            .expect(200);
        let data = page["data"].as_array().unwrap().iter();
        seen.extend(data.map(|chat| chat["phone"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [BOB, CAROL, "491700000404"]);
    for wrong in ["cursor=bm9wbGFjZQ", "limit=0", "chat=1"] {
        let refused = ann.get(&format!("{AT}/chats?{wrong}")).await;
        refused.refused(400, "validation_failed");
    }
    let idle = ann.session("idle").await;
    let empty = ann.get(&format!("/v1/sessions/{idle}/chats")).await;
    assert_eq!(empty.expect(200), json!({"data": [], "next_cursor": null}));
}
