//! A receiver that does not answer is left alone for a while.

use std::time::Duration;

use entity::enums::{DeliveryOrdering, DeliveryState};
use wharf::{
    service::webhooks::Gate,
    webhook::dispatcher::{Limits, Stats},
};

use super::desk::Desk;
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

async fn five_failures_open_the_breaker_and_one_probe_closes_it(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let down = vec![Reply::Status(500); 6];
    let receiver = Receiver::start().await.answering(down);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let mut events = Vec::new();
    for _ in 0..12 {
        events.push(desk.event().await);
    }
    assert_eq!(desk.deliver().await.failed, 5);
    assert_eq!(receiver.seen().len(), 5);
    for event in &events[5..] {
        let waiting = desk.delivery(*event).await;
        assert_eq!(
            (waiting.state, waiting.attempt),
            (DeliveryState::Pending, 0)
        );
    }
    let shown = desk.shown(id).await;
    assert!(matches!(shown.gate, Gate::Open { .. }), "{:?}", shown.gate);
    assert_eq!(shown.health.failures_in_a_row, 5);
    assert_eq!((shown.backlog.pending, shown.backlog.dead), (12, 0));

    desk.clock.advance(Duration::from_millis(29_999));
    assert_eq!(desk.deliver().await, Stats::default(), "it is open");
    desk.clock.advance(Duration::from_millis(1));
    assert_eq!(desk.shown(id).await.gate, Gate::HalfOpen);
    assert_eq!(desk.deliver().await.failed, 1, "a single probe");
    assert_eq!(receiver.seen().len(), 6);

    // It is open for twice as long now; then the receiver is back.
    desk.clock.advance(Duration::from_secs(59));
    assert_eq!(desk.deliver().await, Stats::default());
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.deliver().await.delivered, 12);
    let shown = desk.shown(id).await;
    assert_eq!(shown.gate, Gate::Closed);
    assert!(shown.health.is_well());
    assert_eq!(shown.backlog.pending, 0);
}

async fn of_two_processes_one_posts_the_probe_and_both_learn_how_it_went(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let mut replies = vec![Reply::Status(500); 5];
    replies.push(Reply::Silence);
    let receiver = Receiver::start().await.answering(replies);
    let (id, _) = desk
        .endpoint_ordered(&receiver.url(), DeliveryOrdering::None)
        .await;
    for _ in 0..5 {
        desk.event().await;
    }
    assert_eq!(desk.deliver().await.failed, 5);
    for _ in 0..4 {
        desk.event().await;
    }
    desk.clock.advance(Duration::from_secs(30));
    let mut other = desk.another_dispatcher(Limits::default());
    let meanwhile = async {
        receiver.has_seen(6).await;
        (other.deliver_due().await.unwrap(), receiver.seen().len())
    };
    let (probe, meanwhile) = tokio::join!(desk.deliver(), meanwhile);
    assert_eq!(probe.failed, 1);
    assert_eq!(meanwhile, (Stats::default(), 6));
    assert_eq!(desk.shown(id).await.health.breaker_opens, 2);

    // It is open for twice as long, for both; then the receiver is back.
    desk.clock.advance(Duration::from_secs(59));
    assert_eq!(other.deliver_due().await.unwrap(), Stats::default());
    desk.clock.advance(Duration::from_secs(1));
    assert!(other.deliver_due().await.unwrap().delivered > 0);
    assert_eq!(desk.shown(id).await.gate, Gate::Closed);
}

on_each_engine!(
    five_failures_open_the_breaker_and_one_probe_closes_it,
    of_two_processes_one_posts_the_probe_and_both_learn_how_it_went,
);

#[tokio::test]
async fn what_is_posted_side_by_side_stops_as_well_when_the_breaker_opens() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Reset);
    desk.endpoint_ordered(&receiver.url(), DeliveryOrdering::None)
        .await;
    for _ in 0..60 {
        desk.event().await;
    }
    desk.deliver().await;
    let posted = receiver.seen().len();
    assert!((5..=5 + 8).contains(&posted), "{posted} of 60");
}

#[tokio::test]
async fn a_refusal_below_500_does_not_open_the_breaker() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(404));
    let (id, _) = desk.endpoint(&receiver.url()).await;
    for _ in 0..12 {
        desk.event().await;
    }
    assert_eq!(desk.deliver().await.failed, 12);
    let shown = desk.shown(id).await;
    assert_eq!(shown.gate, Gate::Closed);
    assert_eq!(shown.health.failed_attempts, 12);
}

#[tokio::test]
async fn another_process_and_a_restart_know_that_the_breaker_is_open() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(503));
    desk.endpoint(&receiver.url()).await;
    for _ in 0..6 {
        desk.event().await;
    }
    desk.deliver().await;
    let mut other = desk.another_dispatcher(Limits::default());
    assert_eq!(other.deliver_due().await.unwrap(), Stats::default());
    assert_eq!(receiver.seen().len(), 5);
}

#[tokio::test]
async fn an_owner_who_enables_an_endpoint_does_not_wait_for_the_breaker() {
    let mut desk = Desk::start().await;
    let down = vec![Reply::Status(500); 5];
    let receiver = Receiver::start().await.answering(down);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    for _ in 0..7 {
        desk.event().await;
    }
    desk.deliver().await;
    desk.webhooks.enable(&desk.ctx, id).await.unwrap();
    assert_eq!(desk.deliver().await.delivered, 2, "the first attempts");
    assert!(desk.shown(id).await.health.is_well());
}

#[tokio::test]
async fn an_open_breaker_holds_up_nobody_else() {
    let mut desk = Desk::start().await;
    let down = Receiver::start().await.always(Reply::Status(500));
    let healthy = Receiver::start().await;
    desk.endpoint(&down.url()).await;
    desk.endpoint(&healthy.url()).await;
    for _ in 0..40 {
        desk.event().await;
    }
    assert_eq!(desk.deliver().await.delivered, 40);
    assert_eq!(down.seen().len(), 5);
}
