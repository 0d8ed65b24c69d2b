//! A session whose owner protects the account sends as a person does: so many a minute, and types first.

use std::time::{Duration, Instant};

use entity::ids::SessionId;
use serde_json::Value;
use wharf::{
    domain::{message::Status, session::Settings},
    service::sessions::SessionPatch,
    session::Pacing,
};

use crate::harness::field::{ALICE, BOB, Field, PACING, Tuning};

const CAROL: &str = "491700000303";
const DEADLINE: Duration = Duration::from_secs(30);

async fn paced(pacing: Pacing) -> (Field, SessionId) {
    let field = Field::start_with(Tuning {
        pacing,
        ..Tuning::default()
    })
    .await;
    let session = field.pair(ALICE).await;
    // Who is written to for the first time is looked up, which takes its own time.
    for friend in [BOB, CAROL] {
        field.send(session, friend, "hello").await.unwrap();
    }
    protect(&field, session, true).await;
    (field, session)
}

async fn protect(field: &Field, session: SessionId, on: bool) {
    let patch = SessionPatch {
        settings: Some(Settings {
            account_protection: on,
            ..Settings::default()
        }),
        ..SessionPatch::default()
    };
    let sessions = &field.process.sessions;
    sessions
        .update(&field.ctx, &session.to_string(), patch)
        .await
        .unwrap();
}

/// Whether the phone of `number` shows that somebody types.
async fn is_typed_to(field: &Field, number: &str) -> bool {
    let path = format!("/phones/{number}/presence");
    let shown = field.control("GET", &path, Value::Null).await;
    let typing = shown["typing"].as_array().unwrap();
    typing.iter().any(|one| one["state"] == "composing")
}

async fn texts_of(field: &Field, number: &str) -> Vec<String> {
    let heard = field.heard_by(number).await;
    let text = |one: &Value| one["text"].as_str().unwrap_or_default().to_owned();
    heard.iter().map(text).collect()
}

#[tokio::test]
async fn typing_is_seen_before_the_text_and_other_chats_do_not_wait_for_it() {
    let (field, session) = paced(Pacing {
        burst: 10,
        per_character: Duration::from_millis(100),
        ..PACING
    })
    .await;
    let long = "this takes four seconds, as long as it may, to be typed";
    for (friend, text) in [(BOB, long), (BOB, "b"), (CAROL, "c")] {
        field.post(session, friend, text).await.unwrap();
    }
    let started = Instant::now();
    while !is_typed_to(&field, BOB).await {
        assert!(started.elapsed() < DEADLINE, "nobody types");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        texts_of(&field, BOB).await,
        ["hello"],
        "it is not there yet"
    );
    field.until_phone_has(CAROL, "c").await;
    assert_eq!(texts_of(&field, BOB).await, ["hello"], "still being typed");
    field.until_phone_has(BOB, "b").await;
    assert_eq!(
        texts_of(&field, BOB).await,
        ["hello", long, "b"],
        "in order"
    );
    assert!(!is_typed_to(&field, BOB).await, "nothing is typed any more");
    field.process.stop().await;
}

#[tokio::test]
async fn ten_messages_take_the_paced_time_and_arrive_in_order() {
    let every = Duration::from_millis(300);
    let (field, session) = paced(Pacing {
        every,
        per_character: Duration::ZERO,
        ..PACING
    })
    .await;
    let started = Instant::now();
    for number in 0..10 {
        let text = format!("{number}");
        field.post(session, BOB, &text).await.unwrap();
    }
    field.until_phone_has(BOB, "9").await;
    let took = started.elapsed();
    assert!(took >= 7 * every, "a burst of three, then seven: {took:?}");
    let texts = texts_of(&field, BOB).await;
    let expected: Vec<String> = (0..10).map(|number| format!("{number}")).collect();
    assert_eq!(texts[1..], expected);
    field.process.stop().await;
}

#[tokio::test]
async fn the_switch_acts_at_once_and_without_it_nothing_waits() {
    let (field, session) = paced(Pacing {
        every: Duration::from_hours(1),
        burst: 1,
        per_character: Duration::from_hours(1),
        typing_max: Duration::from_hours(1),
    })
    .await;
    let typed = field.post(session, BOB, "typed").await.unwrap();
    let held = field.post(session, CAROL, "held back").await.unwrap();
    let status = field.status(session, &held.message_id).await;
    assert_eq!(status, Status::Queued);
    assert_ne!(typed.status, Status::Sent);
    let sends = field.handle(session).sends;
    assert!(sends.has_room());
    protect(&field, session, false).await;
    field.until_phone_has(BOB, "typed").await;
    field.until_phone_has(CAROL, "held back").await;
    let sent = field.send(session, BOB, "as fast as ever").await.unwrap();
    assert_eq!(sent.status, Status::Sent);

    protect(&field, session, true).await;
    field
        .post(session, BOB, "never typed to its end")
        .await
        .unwrap();
    // A stop does not wait for it.
    field.process.stop().await;
}
