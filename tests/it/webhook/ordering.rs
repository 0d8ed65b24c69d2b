//! Who is served when: lanes, strictness, fairness.

use std::time::Duration;
use wharf::webhook::dispatcher::Stats;

use entity::enums::{DeliveryOrdering, DeliveryState};
use wharf::webhook::dispatcher::Limits;

use super::desk::Desk;
use crate::harness::receiver::{Receiver, Reply, Seen};

fn numbers(seen: &[Seen]) -> Vec<i64> {
    seen.iter()
        .map(|seen| seen.json()["data"]["seq"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn first_attempts_of_a_session_come_in_order_and_a_failed_one_moves_aside() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(200), Reply::Status(500)]);
    desk.endpoint(&receiver.url()).await;
    for _ in 0..40 {
        desk.event().await;
    }
    let stats = desk.deliver().await;
    assert_eq!((stats.delivered, stats.failed), (39, 1));
    assert_eq!(numbers(&receiver.seen()), (1..=40).collect::<Vec<_>>());
    desk.clock.advance(Duration::from_secs(5));
    desk.deliver().await;
    assert_eq!(numbers(&receiver.seen())[40], 2);
}

#[tokio::test]
async fn sessions_do_not_wait_for_each_other() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    desk.endpoint(&receiver.url()).await;
    let other = desk.new_session("second").await;
    for _ in 0..30 {
        desk.event().await;
        desk.event_of(other, "message").await;
    }
    assert_eq!(desk.deliver().await.delivered, 60);
    for session in [desk.session, other] {
        let of_session: Vec<_> = receiver
            .seen()
            .into_iter()
            .filter(|seen| seen.json()["data"]["session"] == session.to_string())
            .collect();
        assert_eq!(numbers(&of_session), (1..=30).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn in_strict_order_nothing_overtakes_an_undelivered_event() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.answering([
        Reply::Status(200),
        Reply::Status(500),
        Reply::Status(500),
    ]);
    desk.endpoint_ordered(&receiver.url(), DeliveryOrdering::Strict)
        .await;
    for _ in 0..4 {
        desk.event().await;
    }
    let stats = desk.deliver().await;
    assert_eq!((stats.delivered, stats.failed), (1, 1));
    desk.clock.advance(Duration::from_secs(5));
    desk.deliver().await;
    assert_eq!(numbers(&receiver.seen()), [1, 2, 2]);
    desk.clock.advance(Duration::from_secs(30));
    assert_eq!(desk.deliver().await.delivered, 3);
    assert_eq!(numbers(&receiver.seen()), [1, 2, 2, 2, 3, 4]);
}

#[tokio::test]
async fn without_an_order_every_event_is_delivered_once() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    desk.endpoint_ordered(&receiver.url(), DeliveryOrdering::None)
        .await;
    for _ in 0..50 {
        desk.event().await;
    }
    assert_eq!(desk.deliver().await.delivered, 50);
    let mut numbers = numbers(&receiver.seen());
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lane_with_a_head_left_by_a_crash_waits_for_it() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.answering([Reply::Silence]);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    let mut doomed = desk.another_dispatcher(Limits::default());
    tokio::select! {
        _ = doomed.deliver_due() => panic!("the receiver is silent"),
        _ = receiver.has_seen(1) => {}
    }
    drop(doomed);
    let second = desk.event().await;
    assert_eq!(
        desk.deliver().await,
        Stats::default(),
        "the first is not out of the way"
    );
    assert_eq!(desk.delivery(second).await.state, DeliveryState::Pending);
    desk.clock.advance(Duration::from_mins(1));
    desk.deliver().await;
    assert_eq!(numbers(&receiver.seen()), [1, 1, 2]);
}

#[tokio::test]
async fn a_dead_receiver_holds_up_no_healthy_one() {
    let mut desk = Desk::start().await;
    let dead = Receiver::start().await.always(Reply::Silence);
    let healthy = Receiver::start().await;
    desk.endpoint(&dead.url()).await;
    desk.endpoint(&healthy.url()).await;
    for number in 0..20 {
        let session = desk.new_session(&format!("s{number}")).await;
        for _ in 0..5 {
            desk.event_of(session, "message").await;
        }
    }
    // The dead one takes its eight slots of ten; the healthy one gets all its events past it.
    let limits = Limits {
        total: 10,
        per_endpoint: 8,
    };
    let mut dispatcher = desk.another_dispatcher(limits);
    tokio::select! {
        _ = dispatcher.deliver_due() => panic!("the dead one cannot have answered a hundred"),
        _ = healthy.has_seen(100) => {}
    }
    assert!(
        dead.seen().len() <= 8,
        "no dead request has ended yet: {}",
        dead.seen().len()
    );
}

#[tokio::test]
async fn retries_leave_room_for_first_attempts() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(400));
    desk.endpoint_ordered(&receiver.url(), DeliveryOrdering::None)
        .await;
    for _ in 0..12 {
        desk.event().await;
    }
    desk.deliver().await;
    desk.clock.advance(Duration::from_secs(5));
    let receiver_of_retries = receiver.seen().len();
    let fresh = desk.event().await;
    // One round with all twelve retries due: the new one is among the first eight.
    desk.deliver().await;
    let later = &receiver.seen()[receiver_of_retries..];
    let place = later
        .iter()
        .position(|seen| seen.header("webhook-id") == fresh.to_string())
        .unwrap();
    assert!(place < 8, "place {place} of {}", later.len());
}
