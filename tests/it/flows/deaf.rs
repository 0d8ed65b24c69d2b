//! A session that says it is connected and hears nothing: found, told, healed.

use std::time::Duration;

use entity::enums::SessionState;
use serde_json::{Value, json};
use wharf::{
    domain::session::{Phase, Reason},
    session::ProbeTimes,
};

use crate::harness::field::{ALICE, BOB, Field, Tuning};

/// Fractions of a second, so that what takes a minute takes a moment.
const FAST: ProbeTimes = ProbeTimes {
    look: Duration::from_millis(100),
    answer: Duration::from_millis(500),
    heal_min: Duration::from_secs(3),
    heal_max: Duration::from_secs(3),
};

async fn probing(probe: ProbeTimes) -> Field {
    Field::start_with(Tuning {
        probe,
        ..Tuning::default()
    })
    .await
}

#[tokio::test]
async fn a_session_that_hears_nothing_is_degraded_and_comes_back_with_what_it_missed() {
    let field = probing(FAST).await;
    let session = field.pair(ALICE).await;
    let rule = json!({ "target": ALICE, "kind": "deaf" });
    field.control("POST", "/faults", rule).await;
    field.write(BOB, ALICE, "do you hear me?").await;
    field
        .until_shown(session, SessionState::Degraded, Some("deaf"))
        .await;
    let queued = field.post(session, BOB, "and you me?").await.unwrap();
    field.control("DELETE", "/faults", Value::Null).await;
    field.until_connected(session).await;
    let message = &field.until_logged(session, "message", 1).await[0];
    assert_eq!(message["text"]["body"], "do you hear me?");
    let seen = field.until_phone_has(BOB, "and you me?").await;
    assert_eq!(seen["message_id"], queued.message_id);

    let names = field.event_names(session).await;
    let told: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| ["connected", "degraded", "success"].contains(name))
        .collect();
    assert_eq!(told, ["success", "connected", "degraded", "connected"]);
    let why = &field.until_logged(session, "degraded", 1).await[0];
    assert_eq!(why["reason"], "deaf");
    assert!(why["detail"].is_string());
    field.process.stop().await;
}

#[tokio::test]
async fn a_session_to_which_nobody_writes_answers_for_itself_and_stays_connected() {
    let field = probing(ProbeTimes {
        answer: Duration::from_secs(30),
        ..FAST
    })
    .await;
    let session = field.pair(ALICE).await;
    let client = field.handle(session).client().unwrap();
    let before = client.heard();
    let started = std::time::Instant::now();
    // The login has more to say for a while; what follows are answers to the probe.
    while client.heard() < before + 30 {
        assert!(started.elapsed() < Duration::from_secs(30), "it is asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(field.handle(session).snapshot().phase, Phase::Connected);
    let names = field.event_names(session).await;
    assert!(!names.contains(&"degraded".to_owned()), "{names:?}");
    field.process.stop().await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_taken_for_silence() {
    let field = probing(FAST).await;
    let session = field.pair(ALICE).await;
    let rule = json!({ "target": ALICE, "kind": "drop", "count": 1 });
    field.control("POST", "/faults", rule).await;
    let lost = &field.until_logged(session, "degraded", 1).await[0];
    assert_eq!(lost["reason"], Reason::ConnectionLost.as_str());
    field.until_connected(session).await;
    field.process.stop().await;
}
