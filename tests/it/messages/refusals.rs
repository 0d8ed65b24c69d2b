//! What cannot be sent is refused by name, with its field, and nothing leaves.

use serde_json::{Value, json};

use super::stage::{MESSAGES, Stage};
use crate::harness::field::BOB;

fn long(count: usize) -> String {
    "x".repeat(count)
}

/// A body, the word of its refusal and the field.
fn refusals() -> Vec<(Value, &'static str, &'static str)> {
    let text = |more: Value| {
        let mut body = json!({"type": "text", "text": {"body": "hi"}});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let place = |place: Value| json!({"type": "location", "location": place});
    let card = |card: Value| json!({"type": "contact", "contact": card});
    let poll = |poll: Value| json!({"type": "poll", "poll": poll});
    let event = |event: Value| json!({"type": "event", "event": event});
    let many: Vec<String> = (0..10_000).map(|n| format!("49170{n:06}")).collect();
    vec![
        (
            json!({"type": "text", "text": {"body": ""}}),
            "validation_failed",
            "/text/body",
        ),
        (
            json!({"type": "text", "text": {"body": long(65_537)}}),
            "text_too_long",
            "/text/body",
        ),
        (json!({"type": "poll"}), "validation_failed", "/poll"),
        (json!({"type": "telegram"}), "validation_failed", "/type"),
        (
            json!({"type": "buttons", "buttons": [{"id": "1"}]}),
            "kind_not_shown",
            "/type",
        ),
        (json!({"type": "list"}), "kind_not_shown", "/type"),
        (
            text(json!({"poll": {"name": "a", "options": ["a", "b"]}})),
            "body_not_of_type",
            "/poll",
        ),
        (text(json!({"buttons": []})), "body_not_of_type", "/buttons"),
        (
            text(json!({"mentions": many})),
            "too_many_mentions",
            "/mentions",
        ),
        (
            text(json!({"mentions": ["120363@g.us"]})),
            "invalid_mention",
            "/mentions/0",
        ),
        (
            text(json!({"mentions": [BOB, "x"]})),
            "invalid_mention",
            "/mentions/1",
        ),
        (
            text(json!({"expires_in_s": 5})),
            "expiry_not_offered",
            "/expires_in_s",
        ),
        (
            text(json!({"view_once": true})),
            "view_once_not_for_kind",
            "/view_once",
        ),
        (
            text(json!({"reply_to": "3EB0NOBODY"})),
            "reply_to_unknown",
            "/reply_to",
        ),
        (
            text(json!({"link_preview": {"url": "https://example.org"}})),
            "link_not_in_text",
            "/link_preview/url",
        ),
        (
            text(json!({"link_preview": {"url": "file:///etc"}})),
            "invalid_link_preview",
            "/link_preview/url",
        ),
        (
            place(json!({"latitude": 91, "longitude": 0})),
            "invalid_location",
            "/location/latitude",
        ),
        (
            place(json!({"latitude": 0, "longitude": -180.5})),
            "invalid_location",
            "/location/longitude",
        ),
        (
            card(json!({"name": "A\nTEL:1", "phone": BOB})),
            "invalid_contact_name",
            "/contact/name",
        ),
        (
            card(json!({"name": long(256), "phone": BOB})),
            "invalid_contact_name",
            "/contact/name",
        ),
        (
            card(json!({"name": "A", "phone": "call me"})),
            "invalid_contact_phone",
            "/contact/phone",
        ),
        (
            card(json!({"name": "A"})),
            "validation_failed",
            "/contact/phone",
        ),
        (
            card(json!({"cards": []})),
            "contact_count",
            "/contact/cards",
        ),
        (
            poll(json!({"name": "a", "options": ["one"]})),
            "poll_option_count",
            "/poll/options",
        ),
        (
            poll(json!({"name": "a", "options": vec!["x"; 13]})),
            "poll_option_count",
            "/poll/options",
        ),
        (
            poll(json!({"name": "a", "options": ["x", "y", "x"]})),
            "poll_options_not_unique",
            "/poll/options/2",
        ),
        (
            poll(json!({"name": "a", "options": ["x", long(101)]})),
            "invalid_poll_option",
            "/poll/options/1",
        ),
        (
            poll(json!({"name": "", "options": ["x", "y"]})),
            "invalid_poll_name",
            "/poll/name",
        ),
        (
            poll(json!({"name": "a", "options": ["x", "y"], "quiz": "z"})),
            "quiz_option_unknown",
            "/poll/quiz",
        ),
        (
            poll(json!({"name": "a", "options": ["x", "y"], "quiz": "x", "multi": true})),
            "quiz_is_single",
            "/poll/multi",
        ),
        (
            event(json!({"name": "a", "starts_at": "tomorrow"})),
            "invalid_time",
            "/event/starts_at",
        ),
        (
            event(
                json!({"name": "a", "starts_at": "2027-01-31T18:00:00Z", "ends_at": "2027-01-31T17:00:00Z"}),
            ),
            "invalid_event",
            "/event/ends_at",
        ),
        (
            event(json!({"name": " ", "starts_at": "2027-01-31T18:00:00Z"})),
            "invalid_event",
            "/event/name",
        ),
    ]
}

#[tokio::test]
async fn what_no_phone_would_show_is_refused_with_its_word_and_field_and_nothing_is_sent() {
    let stage = Stage::set().await;
    for (mut body, code, field) in refusals() {
        body["to"] = json!(BOB);
        let refused = stage.ann.post(MESSAGES, body.clone()).await;
        let problem = refused.refused(400, code);
        assert!(problem["errors"][field].is_array(), "{field}: {problem}");
    }
    let listed = stage.ann.get(MESSAGES).await.expect(200);
    assert_eq!(listed["data"], json!([]));
}
