//! What happens when a receiver fails.

use std::time::Duration;
use wharf::webhook::dispatcher::Stats;

use entity::{
    enums::{DeliveryState, EndpointState},
    ids::NodeId,
};
use wharf::{
    cluster::Node,
    db::webhook_deliveries::dispatch::{self, Lease},
    domain::clock::Clock as _,
    lifecycle::Stop,
    webhook::{dispatcher::Limits, retry::SCHEDULE, sender::RESPONSE_MAX_BYTES},
};

use super::desk::Desk;
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

async fn a_refused_delivery_is_made_again_when_its_time_has_come(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await.answering([Reply::Status(500)]);
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.failed, 1);
    let waiting = desk.delivery(event).await;
    assert_eq!(waiting.state, DeliveryState::Pending);
    assert_eq!(waiting.attempt, 1);
    assert_eq!(
        waiting.last_error.unwrap(),
        "status: the receiver answered 500"
    );

    desk.clock.advance(Duration::from_millis(4_999));
    assert_eq!(desk.deliver().await.delivered, 0, "too early");
    desk.clock.advance(Duration::from_millis(1));
    assert_eq!(desk.deliver().await.delivered, 1);
    let done = desk.delivery(event).await;
    assert_eq!((done.state, done.attempt), (DeliveryState::Delivered, 2));
    assert_eq!((done.last_error, done.next_at), (None, None));
    let log: Vec<_> = desk
        .attempts()
        .await
        .iter()
        .map(|a| (a.attempt, a.status))
        .collect();
    assert_eq!(log, [(1, Some(500)), (2, Some(200))]);
}

async fn what_a_killed_process_was_posting_is_posted_when_it_is_back(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await.answering([Reply::Status(500)]);
    desk.endpoint(&receiver.url()).await;
    let failed = desk.event().await;
    desk.deliver().await;
    desk.clock.advance(Duration::from_secs(5));
    let new = desk.event().await;
    let now = desk.clock.now_ms();
    let (dead, other) = (NodeId::new(), NodeId::new());
    let ids = [desk.delivery(failed).await.id, desk.delivery(new).await.id];
    let lease = Lease {
        node: dead,
        until_ms: now + 60_000,
    };
    let db = desk.test.db.clone();
    assert_eq!(dispatch::lease(&db, &ids, lease, now).await.unwrap(), ids);
    let join = |previous| Node::join(db.clone(), "host".into(), "addr".into(), Some(previous));
    join(other).await.unwrap();
    assert_eq!(desk.deliver().await, Stats::default(), "it is another's");

    join(dead).await.unwrap();
    assert_eq!(desk.deliver().await.delivered, 2);
    assert_eq!(desk.delivery(failed).await.attempt, 2);
}

async fn after_thirteen_failures_a_delivery_is_dead_and_rests(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await.always(Reply::Status(500));
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    for wait in SCHEDULE {
        assert_eq!(desk.deliver().await.failed, 1);
        desk.clock.advance(wait);
    }
    let last = desk.deliver().await;
    assert_eq!((last.failed, last.dead), (0, 1));
    desk.clock.advance(Duration::from_hours(168));
    assert_eq!(desk.deliver().await, Stats::default());
    assert_eq!(desk.delivery(event).await.state, DeliveryState::Dead);
    assert_eq!(receiver.seen().len(), 13);
}

async fn a_crash_between_lease_and_result_delivers_again_after_the_lease(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await.answering([Reply::Silence]);
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    // This process dies while the receiver has the request.
    let mut doomed = desk.another_dispatcher(Limits::default());
    tokio::select! {
        _ = doomed.deliver_due() => panic!("the receiver is silent"),
        _ = receiver.has_seen(1) => {}
    }
    drop(doomed);
    assert_eq!(desk.delivery(event).await.state, DeliveryState::Inflight);
    assert_eq!(desk.deliver().await, Stats::default(), "the lease holds");

    desk.clock.advance(Duration::from_mins(1));
    assert_eq!(desk.deliver().await.delivered, 1);
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
}

on_each_engine!(
    a_refused_delivery_is_made_again_when_its_time_has_come,
    what_a_killed_process_was_posting_is_posted_when_it_is_back,
    after_thirteen_failures_a_delivery_is_dead_and_rests,
    a_crash_between_lease_and_result_delivers_again_after_the_lease,
);

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let mut desk = Desk::start().await;
    let asks = Reply::Header(503, "retry-after", "120".into());
    let receiver = Receiver::start().await.answering([asks]);
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    desk.deliver().await;
    desk.clock.advance(Duration::from_secs(119));
    assert_eq!(desk.deliver().await, Stats::default());
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.deliver().await.delivered, 1);
    assert_eq!(desk.delivery(event).await.attempt, 2);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_until_it_is_enabled() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.answering([Reply::Status(410)]);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let first = desk.event().await;
    let second = desk.event().await;
    assert_eq!(desk.deliver().await.dead, 1);
    assert_eq!(desk.delivery(first).await.state, DeliveryState::Dead);
    assert_eq!(desk.delivery(second).await.state, DeliveryState::Pending);
    let endpoint = desk.shown(id).await;
    assert_eq!(endpoint.state, EndpointState::Disabled);
    assert_eq!(endpoint.disabled_reason.as_deref(), Some("gone"));
    assert_eq!(receiver.seen().len(), 1);

    desk.webhooks.enable(&desk.ctx, id).await.unwrap();
    assert_eq!(desk.deliver().await.delivered, 1, "what has waited");
    assert_eq!(desk.delivery(second).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let mut desk = Desk::start().await;
    let target = Receiver::start().await;
    let to_target = Reply::Header(302, "location", target.url());
    let receiver = Receiver::start().await.always(to_target);
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.failed, 1);
    assert!(target.seen().is_empty());
    let error = desk.delivery(event).await.last_error.unwrap();
    assert!(error.starts_with("redirect:"), "{error}");
}

#[tokio::test]
async fn a_long_answer_is_read_and_kept_up_to_the_cap() {
    let mut desk = Desk::start().await;
    let long = vec![b'x'; 3 * RESPONSE_MAX_BYTES];
    let with_nul = b"a\0b".to_vec();
    let receiver = Receiver::start()
        .await
        .answering([Reply::Body(200, long), Reply::Body(200, with_nul)]);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.event().await;
    assert_eq!(desk.deliver().await.delivered, 2);
    let kept: Vec<_> = desk
        .attempts()
        .await
        .into_iter()
        .map(|a| a.response.unwrap())
        .collect();
    assert_eq!(kept[0].len(), RESPONSE_MAX_BYTES);
    assert_eq!(kept[1], "a\u{fffd}b");
}

#[tokio::test]
async fn a_receiver_that_drips_is_silent_or_breaks_off_fails_with_a_name() {
    for (reply, code) in [
        (Reply::Drip, "timeout:"),
        (Reply::Silence, "timeout:"),
        (Reply::Late(Duration::from_secs(20)), "timeout:"),
        (Reply::Reset, "reset:"),
        (Reply::ResetInBody, "reset:"),
    ] {
        let mut desk = Desk::start().await;
        let receiver = Receiver::start().await.always(reply.clone());
        desk.endpoint(&receiver.url()).await;
        let event = desk.event().await;
        assert_eq!(desk.deliver().await.failed, 1, "{reply:?}");
        let error = desk.delivery(event).await.last_error.unwrap();
        assert!(error.starts_with(code), "{reply:?}: {error}");
    }
}

#[tokio::test]
async fn a_stop_finishes_the_request_under_way_and_leases_nothing_more() {
    let mut desk = Desk::start().await;
    let late = Reply::Late(Duration::from_millis(200));
    let receiver = Receiver::start().await.always(late);
    desk.endpoint(&receiver.url()).await;
    let first = desk.event().await;
    let second = desk.event().await;
    let stop = Stop::default();
    let dispatcher = desk.another_dispatcher(Limits::default());
    let halt = async {
        receiver.has_seen(1).await;
        stop.soft();
    };
    tokio::join!(
        dispatcher.serve(stop.clone(), Duration::from_secs(20)),
        halt
    );
    assert_eq!(desk.delivery(first).await.state, DeliveryState::Delivered);
    let given_back = desk.delivery(second).await;
    assert_eq!(given_back.state, DeliveryState::Pending);
    assert_eq!((given_back.lease_node, given_back.next_at), (None, None));
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn a_running_dispatcher_delivers_when_it_is_woken() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    desk.endpoint(&receiver.url()).await;
    let stop = Stop::default();
    let dispatcher = desk.another_dispatcher(Limits::default());
    let wake = desk.wake.clone();
    let drive = async {
        desk.event().await;
        wake.wake();
        receiver.has_seen(1).await;
        stop.soft();
    };
    tokio::join!(
        dispatcher.serve(stop.clone(), Duration::from_secs(20)),
        drive
    );
}
