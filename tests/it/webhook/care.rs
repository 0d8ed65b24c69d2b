//! An endpoint that only fails is given up, and its owner is told.

use std::time::Duration;

use entity::{
    enums::{DeliveryState, EndpointState},
    events,
    ids::SessionId,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde_json::{Value, json};
use wharf::{
    service::webhooks::{EndpointPatch, NewEndpoint},
    webhook::retry::SCHEDULE,
};

use super::desk::{Desk, new_endpoint};
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

/// Why each endpoint was disabled that the logs tell of.
async fn told(desk: &Desk) -> Vec<String> {
    let told = events::Entity::find()
        .filter(events::Column::EventType.eq("webhook.disabled"))
        .order_by_asc(events::Column::Id)
        .all(&desk.test.db)
        .await
        .unwrap();
    told.iter()
        .map(|event| {
            assert_eq!(event.owner_id, desk.ctx.owner());
            let data: Value = serde_json::from_str(&event.payload).unwrap();
            data["reason"].as_str().unwrap().to_owned()
        })
        .collect()
}

async fn three_events_tried_in_vain_disable_an_endpoint_and_enable_lets_the_rest_go_on(
    test: TestDb,
) {
    let mut desk = Desk::on(test).await;
    let refused = vec![Reply::Status(404); 3 * 13 + 1];
    let receiver = Receiver::start().await.answering(refused);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    for _ in 0..3 {
        desk.event().await;
    }
    for wait in SCHEDULE {
        assert_eq!(desk.deliver().await.failed, 3);
        desk.clock.advance(wait);
    }
    let waits = desk.event().await;
    assert_eq!(desk.deliver().await.dead, 3);
    let disabled = desk.shown(id).await;
    assert_eq!(disabled.state, EndpointState::Disabled);
    assert_eq!(disabled.disabled_reason.as_deref(), Some("exhausted"));
    assert_eq!(disabled.backlog.dead, 3);
    assert_eq!(told(&desk).await, ["exhausted"]);

    desk.webhooks.enable(&desk.ctx, id).await.unwrap();
    desk.clock.advance(Duration::from_secs(5));
    assert_eq!(desk.deliver().await.delivered, 1, "what has waited");
    assert_eq!(desk.delivery(waits).await.state, DeliveryState::Delivered);
    assert!(desk.shown(id).await.health.is_well());
}

on_each_engine!(
    three_events_tried_in_vain_disable_an_endpoint_and_enable_lets_the_rest_go_on,
    the_others_hear_that_an_endpoint_was_disabled_and_it_hears_nothing_of_it,
);

#[tokio::test]
async fn five_days_of_nothing_but_failures_disable_an_endpoint_with_a_warning_before() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(404));
    let (id, _) = desk.endpoint(&receiver.url()).await;
    for hours in (0..120).step_by(6) {
        desk.event().await;
        desk.deliver().await;
        let shown = desk.shown(id).await;
        assert_eq!(shown.state, EndpointState::Active, "after {hours} h");
        let since = shown.health.failing_since.unwrap();
        let warned = shown.health.given_up_at();
        let expected = (hours >= 60).then_some(since + 5 * 24 * 3_600_000);
        assert_eq!(warned, expected, "after {hours} h");
        desk.clock.advance(Duration::from_hours(6));
    }
    desk.event().await;
    desk.deliver().await;
    let shown = desk.shown(id).await;
    assert_eq!(shown.disabled_reason.as_deref(), Some("failing"));
    assert_eq!(told(&desk).await, ["failing"]);
}

#[tokio::test]
async fn a_success_in_between_starts_the_patience_anew() {
    let mut desk = Desk::start().await;
    let mut replies = vec![Reply::Status(404); 2];
    replies.push(Reply::Status(200));
    let receiver = Receiver::start().await.answering(replies);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.event().await;
    desk.event().await;
    let stats = desk.deliver().await;
    assert_eq!((stats.failed, stats.delivered), (2, 1));
    assert!(desk.shown(id).await.health.is_well());
}

#[tokio::test]
async fn a_receiver_can_ask_for_nothing_more_in_a_header_of_a_success_and_of_a_failure() {
    for (status, state) in [(200, DeliveryState::Delivered), (500, DeliveryState::Dead)] {
        let mut desk = Desk::start().await;
        let asks = Reply::Header(status, "webhook-delivery", "disable".into());
        let receiver = Receiver::start().await.answering([asks]);
        let (id, _) = desk.endpoint(&receiver.url()).await;
        let first = desk.event().await;
        let second = desk.event().await;
        desk.deliver().await;
        assert_eq!(desk.delivery(first).await.state, state);
        assert_eq!(desk.delivery(second).await.state, DeliveryState::Pending);
        let shown = desk.shown(id).await;
        assert_eq!(shown.state, EndpointState::Disabled);
        assert_eq!(told(&desk).await, ["disabled_by_receiver"]);
        assert_eq!(receiver.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_gone_receiver_is_told_about_once_and_an_owner_who_disables_is_not() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(410));
    desk.endpoint(&receiver.url()).await;
    let other = desk.new_session("second").await;
    desk.event().await;
    desk.event_of(other, "message").await;
    desk.deliver().await;
    assert_eq!(told(&desk).await, ["gone"]);

    let (by_owner, _) = desk.endpoint(&receiver.url()).await;
    let off = EndpointPatch {
        enabled: Some(false),
        ..EndpointPatch::default()
    };
    desk.webhooks
        .update(&desk.ctx, by_owner, off)
        .await
        .unwrap();
    assert_eq!(told(&desk).await, ["gone"]);
}

#[tokio::test]
async fn another_url_starts_with_a_clean_record() {
    let mut desk = Desk::start().await;
    let down = Receiver::start().await.always(Reply::Status(500));
    let up = Receiver::start().await;
    let (id, _) = desk.endpoint(&down.url()).await;
    for _ in 0..6 {
        desk.event().await;
    }
    desk.deliver().await;
    let moved = EndpointPatch {
        url: Some(up.url()),
        ..EndpointPatch::default()
    };
    desk.webhooks.update(&desk.ctx, id, moved).await.unwrap();
    assert_eq!(desk.deliver().await.delivered, 1);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_a_request_is_tried_again_at_once() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(200), Reply::Reset]);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.event().await;
    assert_eq!(desk.deliver().await.delivered, 2);
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].header("webhook-id"), seen[2].header("webhook-id"));
    assert_eq!(desk.attempts().await.len(), 2, "it is part of one attempt");
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_a_failure_and_a_second_break_is_not_tried_again() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Reset);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    assert_eq!(desk.deliver().await.failed, 1);
    assert_eq!(receiver.seen().len(), 1);

    let mut desk = Desk::start().await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(200)])
        .always(Reply::Reset);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.event().await;
    let stats = desk.deliver().await;
    assert_eq!((stats.delivered, stats.failed), (1, 1));
    assert_eq!(receiver.seen().len(), 3);
}

#[tokio::test]
async fn what_is_posted_side_by_side_stops_as_well_when_the_receiver_wants_nothing_more() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Status(410));
    desk.endpoint(&receiver.url()).await;
    for number in 0..8 {
        let session = desk.new_session(&format!("s{number}")).await;
        for _ in 0..10 {
            desk.event_of(session, "message").await;
        }
    }
    desk.deliver().await;
    let posted = receiver.seen().len();
    assert!(posted <= 8, "{posted} of 80");
    assert_eq!(told(&desk).await, ["gone"]);
}

async fn the_others_hear_that_an_endpoint_was_disabled_and_it_hears_nothing_of_it(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let (gone, well) = (Receiver::start().await, Receiver::start().await);
    let gone = gone.always(Reply::Status(410));
    let (id, _) = desk.endpoint(&gone.url()).await;
    let other = desk.new_session("second").await;
    for (types, sessions) in [
        (["*"], None),
        (["webhook.disabled"], Some(desk.session)),
        (["message.ack"], None),
        (["*"], Some(other)),
    ] {
        let new = NewEndpoint {
            types: types.map(str::to_owned).to_vec(),
            sessions: sessions.map(|one: SessionId| vec![one.to_string()]),
            ..new_endpoint(&well.url())
        };
        desk.webhooks.create(&desk.ctx, new).await.unwrap();
    }
    let mut live = desk.bus.session(desk.session);
    desk.event().await;
    let stats = desk.deliver().await;
    assert_eq!((stats.dead, stats.delivered), (1, 1 + 2));

    let log = desk.log(desk.session).await;
    let names: Vec<&str> = log.iter().map(|event| &*event.event_type).collect();
    assert_eq!(names, ["message", "webhook.disabled"]);
    let data: Value = serde_json::from_str(&log[1].payload).unwrap();
    let detail = "the receiver answered 410: it is gone";
    let expected = json!({"endpoint_id": id.to_string(), "reason": "gone", "detail": detail});
    assert_eq!(data, expected);
    assert_eq!(live.next().await.unwrap().entry.id, log[1].id);
    assert!(desk.log(other).await.is_empty());

    assert_eq!(gone.seen().len(), 1);
    let seen = well.seen().into_iter().map(|one| one.json());
    let seen: Vec<Value> = seen
        .filter(|body| body["type"] == "webhook.disabled")
        .collect();
    assert_eq!(seen.len(), 2, "of those that want it, once each");
    assert_eq!(seen[0]["data"]["endpoint_id"], id.to_string());
    assert_eq!(seen[0]["data"]["seq"], 2);
}
