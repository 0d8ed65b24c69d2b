//! What goes out of a session, and what is asked through it.

use serde_json::{Value, json};

use super::{linked, refused, signed_in, user};
use crate::harness::app::{
    TestApp,
    phones::{ALICE, BOB, CAROL, NOBODY, until},
};

#[tokio::test]
async fn a_text_is_sent_by_the_session_or_by_the_number_it_goes_by() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "1234567890", ALICE).await;
    let path = "/api/sessions/1234567890/send";
    let sent = ann
        .post(path, json!({"recipient": BOB, "message": "one"}))
        .await
        .expect(200);
    assert_eq!(sent["session_id"], "1234567890");
    for place in ["/message_id", "/id", "/data/message_id", "/data/id"] {
        assert_eq!(sent.pointer(place), Some(&sent["message_id"]), "{place}");
    }
    ann.post(path, json!({"to": format!("+{BOB}"), "message": "two"}))
        .await
        .expect(200);
    for sender in [
        ALICE.to_owned(),
        format!("{ALICE}@s.whatsapp.net"),
        "1234567890".to_owned(),
    ] {
        let body = json!({"phone": sender, "recipient": BOB, "message": "three"});
        ann.post("/api/send", body).await.expect(200);
    }
    let body = json!({"sessionId": "1234567890", "phone": BOB, "message": "four"});
    ann.post("/api/send", body).await.expect(200);
    let body = json!({"to": BOB, "latitude": "-6.2", "longitude": 106.8, "name": "Jakarta"});
    let place = ann
        .post("/api/sessions/1234567890/send-location", body)
        .await
        .expect(200);
    assert_eq!(place["message"], "Location sent successfully");
    let quoted = sent["message_id"].clone();
    let body = json!({"to": BOB, "message": "five", "quoted_message_id": quoted});
    ann.post("/api/sessions/1234567890/reply", body)
        .await
        .expect(200);
    let path = format!("/phones/{BOB}/messages");
    let got = async || app.control("GET", &path, Value::Null).await;
    let all = |got: &Value| {
        let got = got.to_string();
        ["one", "two", "three", "four", "Jakarta", "five"]
            .iter()
            .all(|text| got.contains(text))
    };
    until(got, all).await;
}

#[tokio::test]
async fn a_session_that_is_not_ready_is_503_in_an_envelope_and_404_in_the_flat_form() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    let (flat, _) = signed_in(&app, "/api/login", "ann").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let body = json!({"to": BOB, "message": "x"});
    let message = "session one is not logged in";
    let answer = ann.post("/api/sessions/one/send", body.clone()).await;
    refused(answer, 503, "SESSION_NOT_LOGGED_IN", message);
    let said = flat
        .post("/api/sessions/one/send", body.clone())
        .await
        .expect(404);
    assert_eq!(
        (&said["error"], &said["message"]),
        (&json!("Not Found"), &json!(message))
    );
    ann.get("/api/sessions/one/groups").await.expect(503);
    ann.put("/api/sessions/one/enabled", json!({"enabled": false}))
        .await
        .expect(200);
    let answer = ann.post("/api/sessions/one/send", body).await;
    let message = "session one is disabled and cannot perform operations";
    refused(answer, 403, "FORBIDDEN", message);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_named_before_the_session_is_asked() {
    let app = TestApp::start().await;
    let ann = user(&app, "ann").await;
    ann.post("/api/sessions", json!({"phone": "one"}))
        .await
        .expect(201);
    let both = "To and message fields are required";
    let length = "invalid phone number length. Should be 8-15 digits";
    let at = |path: &str| format!("/api/sessions/one{path}");
    for (path, body, code, message) in [
        (at("/send"), json!({}), "INVALID_INPUT", both),
        (at("/send"), json!({"to": BOB}), "INVALID_INPUT", both),
        (
            at("/send"),
            json!({"to": BOB, "message": null}),
            "INVALID_INPUT",
            both,
        ),
        (
            at("/send"),
            json!({"to": BOB, "message": ""}),
            "INVALID_INPUT",
            both,
        ),
        (
            at("/send"),
            json!({"to": BOB, "message": 1}),
            "INVALID_INPUT",
            "message must be a string",
        ),
        (
            at("/send"),
            json!({"to": 628, "message": "x"}),
            "INVALID_INPUT",
            "to must be a string",
        ),
        (
            at("/send"),
            json!({"to": "123", "message": "x"}),
            "BAD_REQUEST",
            length,
        ),
        (
            at("/send"),
            json!({"recipient": "abc", "message": "x"}),
            "BAD_REQUEST",
            length,
        ),
        (
            at("/send"),
            json!({"to": BOB, "message": "x".repeat(65_537)}),
            "INVALID_INPUT",
            "message may have at most 65536 characters",
        ),
        (
            at("/send-location"),
            json!({"to": BOB, "latitude": 91, "longitude": 0}),
            "INVALID_INPUT",
            "latitude must be between -90 and 90",
        ),
        (
            at("/send-location"),
            json!({"to": BOB, "latitude": 1, "longitude": "x"}),
            "INVALID_INPUT",
            "longitude must be a number",
        ),
        (
            at("/reply"),
            json!({"to": BOB, "message": "x"}),
            "INVALID_INPUT",
            "To, message and quoted_message_id fields are required",
        ),
        (
            at("/check-number"),
            json!({}),
            "INVALID_INPUT",
            "Number field is required",
        ),
        (
            at("/check-number"),
            json!({"number": null}),
            "INVALID_INPUT",
            "Number field is required",
        ),
        (
            at("/presence"),
            json!({"status": "away"}),
            "INVALID_INPUT",
            "status must be available, online, unavailable or offline",
        ),
        (
            at("/typing"),
            json!({"to": BOB, "typing": 1}),
            "INVALID_INPUT",
            "typing must be true or false",
        ),
        (
            "/api/send".to_owned(),
            json!({"recipient": BOB, "message": "x"}),
            "INVALID_INPUT",
            "Phone, recipient and message fields are required",
        ),
    ] {
        refused(ann.post(&path, body).await, 400, code, message);
    }
}

#[tokio::test]
async fn numbers_and_groups_are_told_under_every_name() {
    let app = TestApp::start_with_phones().await;
    let ann = user(&app, "ann").await;
    linked(&app, &ann, "one", ALICE).await;
    let check = async |body: Value| ann.post("/api/sessions/one/check-number", body).await;
    let there = check(json!({"number": BOB})).await.expect(200);
    assert_eq!(there["number"], BOB);
    assert_eq!(
        (&there["on_whatsapp"], &there["exists"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(there["jid"], format!("{BOB}@s.whatsapp.net"));
    let gone = check(json!({"to": NOBODY})).await.expect(200);
    assert_eq!(
        (&gone["on_whatsapp"], &gone["verified"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(gone.get("jid"), None);

    let empty = ann.get("/api/sessions/one/groups").await.expect(200);
    assert_eq!((&empty["count"], &empty["groups"]), (&json!(0), &json!([])));
    let native = app.sign_in("ann").await;
    let group = json!({"subject": "Family Group", "participants": [BOB, CAROL]});
    native
        .post("/v1/sessions/one/groups", group)
        .await
        .expect(201);
    let list = ann.get("/api/sessions/one/groups").await.expect(200);
    let group = &list["groups"][0];
    assert_eq!(
        (&list["count"], &list["data"]),
        (&json!(1), &list["groups"])
    );
    assert_eq!(
        (&group["name"], &group["participant_count"]),
        (&json!("Family Group"), &json!(3))
    );
    assert_eq!(
        (&group["is_admin"], &group["description"]),
        (&json!(true), &json!(""))
    );
    assert!(group["jid"].as_str().unwrap().ends_with("@g.us"));
    let body = json!({"to": group["jid"], "message": "hello all"});
    ann.post("/api/sessions/one/send", body).await.expect(200);
    for (path, body) in [
        ("/typing", json!({"to": BOB})),
        ("/stop-typing", json!({"to": BOB})),
        ("/set-online", Value::Null),
        ("/presence", json!({"status": "offline"})),
    ] {
        let answer = ann.post(&format!("/api/sessions/one{path}"), body).await;
        assert_eq!(answer.expect(200)["success"], true, "{path}");
    }
}
