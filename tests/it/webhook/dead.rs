//! Dead letters: listed, queued again, removed; and what becomes of old rows.

use std::{sync::Arc, time::Duration};

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{EndpointId, EventId},
    webhook_deliveries,
};
use sea_orm::{EntityTrait, PaginatorTrait};
use wharf::{
    domain::clock::Clock,
    service::{Error, webhooks::EndpointPatch},
    webhook::retention::{Retention, Swept},
};

use super::desk::Desk;
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

const DEAD: DeliveryState = DeliveryState::Dead;

/// An endpoint with dead deliveries of these events, and one that waits.
async fn with_dead(
    desk: &mut Desk,
    receiver: &Receiver,
    count: usize,
) -> (EndpointId, Vec<EventId>) {
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(desk.event().await);
        desk.deliver().await;
        // Each 410 disables it.
        desk.webhooks.enable(&desk.ctx, id).await.unwrap();
    }
    for event in &events {
        assert_eq!(desk.delivery(*event).await.state, DEAD);
    }
    (id, events)
}

async fn rows(desk: &Desk) -> u64 {
    let all = webhook_deliveries::Entity::find();
    all.count(&desk.test.db).await.unwrap()
}

async fn every_dead_delivery_is_queued_again_at_once(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let gone = vec![Reply::Status(410); 3];
    let receiver = Receiver::start().await.answering(gone);
    let (id, events) = with_dead(&mut desk, &receiver, 3).await;
    let fine = desk.event().await;
    desk.deliver().await;

    let again = desk.webhooks.replay_ended(&desk.ctx, id, DEAD, None, None);
    let again = again.await.unwrap();
    assert_eq!((again.count, again.more), (3, false));
    assert_eq!(desk.deliver().await.delivered, 3);
    for event in events {
        assert_eq!(desk.delivery(event).await.state, DeliveryState::Delivered);
    }
    assert_eq!(receiver.seen().len(), 7, "{fine} was not sent again");
    let last = desk.attempts().await.pop().unwrap();
    assert_eq!(last.triggered_by, AttemptTrigger::Manual);
    assert_eq!(last.attempt, 1, "the schedule begins anew");
}

async fn dead_deliveries_are_removed_with_their_attempts_and_others_are_not(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let gone = vec![Reply::Status(410); 2];
    let receiver = Receiver::start().await.answering(gone);
    let (id, _) = with_dead(&mut desk, &receiver, 2).await;
    let fine = desk.event().await;
    desk.deliver().await;
    let waits = desk.event().await;
    let purged = desk.webhooks.purge(&desk.ctx, id, DEAD).await.unwrap();
    assert_eq!((purged.count, purged.more), (2, false));
    assert_eq!(rows(&desk).await, 2);
    assert_eq!(desk.delivery(fine).await.state, DeliveryState::Delivered);
    assert_eq!(desk.delivery(waits).await.state, DeliveryState::Pending);
    assert_eq!(desk.attempts().await.len(), 1);
    let shown = desk.shown(id).await;
    assert_eq!((shown.backlog.dead, shown.backlog.pending), (0, 1));
}

async fn what_has_ended_goes_after_its_time_and_what_waits_stays(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let replies = [Reply::Status(200), Reply::Status(500)];
    let receiver = Receiver::start().await.answering(replies);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    let waits = desk.event().await;
    desk.deliver().await;
    let clock: Arc<dyn Clock> = desk.clock.clone();
    let retention = Retention::new(desk.test.db.clone(), clock, 30);
    desk.clock.advance(Duration::from_hours(29 * 24));
    assert_eq!(retention.sweep().await.unwrap(), Swept::default());
    assert_eq!(rows(&desk).await, 2);

    desk.clock.advance(Duration::from_hours(25));
    let swept = retention.sweep().await.unwrap();
    assert_eq!((swept.deliveries, swept.attempts), (1, 2));
    assert_eq!(desk.delivery(waits).await.state, DeliveryState::Pending);
    assert_eq!(desk.deliver().await.delivered, 1, "late, but not lost");
    assert_eq!(
        retention.sweep().await.unwrap().deliveries,
        0,
        "it has just ended"
    );
}

on_each_engine!(
    every_dead_delivery_is_queued_again_at_once,
    dead_deliveries_are_removed_with_their_attempts_and_others_are_not,
    what_has_ended_goes_after_its_time_and_what_waits_stays,
);

#[tokio::test]
async fn a_part_of_the_dead_is_chosen_by_the_time_they_were_queued() {
    let mut desk = Desk::start().await;
    let gone = vec![Reply::Status(410); 2];
    let receiver = Receiver::start().await.answering(gone);
    let (id, _) = with_dead(&mut desk, &receiver, 1).await;
    desk.clock.advance(Duration::from_secs(10));
    let from = desk.clock.now_ms();
    let later = desk.event().await;
    desk.deliver().await;
    desk.webhooks.enable(&desk.ctx, id).await.unwrap();
    let replay = |from, to| desk.webhooks.replay_ended(&desk.ctx, id, DEAD, from, to);
    let none = replay(Some(from + 1), None).await.unwrap();
    assert_eq!(none.count, 0);
    let refused = replay(Some(from), Some(from)).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    assert_eq!(replay(Some(from), None).await.unwrap().count, 1);
    assert_eq!(desk.delivery(later).await.state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_disabled_endpoint_takes_no_replay_of_its_dead_and_a_replay_needs_a_span_or_a_state() {
    let desk = Desk::start().await;
    let (id, _) = desk.endpoint("http://127.0.0.1:9/").await;
    match desk.webhooks.replay(&desk.ctx, id, None, None).await {
        Err(Error::Invalid { faults, .. }) => assert_eq!(faults[0].pointer, "/from"),
        other => panic!("{other:?}"),
    }
    let off = EndpointPatch {
        enabled: Some(false),
        ..EndpointPatch::default()
    };
    desk.webhooks.update(&desk.ctx, id, off).await.unwrap();
    let again = desk.webhooks.replay_ended(&desk.ctx, id, DEAD, None, None);
    assert!(matches!(
        again.await,
        Err(Error::NotReady {
            code: "webhook_disabled",
            ..
        })
    ));
}
