//! The verbs of a user: endpoints, deliveries, replay, and what a stranger sees.

use std::{sync::Arc, time::Duration};

use entity::{
    enums::{AttemptTrigger, DeliveryState, EndpointState},
    ids::UserId,
};
use wharf::{
    service::{
        Ctx, Error,
        webhooks::{ENDPOINTS_MAX, EndpointPatch},
    },
    webhook::dispatcher::Stats,
};

use super::desk::{Desk, new_endpoint};
use crate::harness::{
    ctx::ctx_of,
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

fn is_missing<T: std::fmt::Debug>(answer: Result<T, Error>, expected: &str) {
    match answer {
        Err(Error::NotFound { what }) => assert_eq!(what, expected),
        other => panic!("not a missing {expected}: {other:?}"),
    }
}

async fn a_stranger_finds_nothing(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await;
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    desk.deliver().await;
    let delivery = desk.delivery(event).await.id;
    let (webhooks, stranger) = (&desk.webhooks, &ctx_of(UserId::new()));

    is_missing(webhooks.get(stranger, id).await, "webhook");
    is_missing(
        webhooks
            .update(stranger, id, EndpointPatch::default())
            .await,
        "webhook",
    );
    is_missing(webhooks.delete(stranger, id).await, "webhook");
    is_missing(webhooks.enable(stranger, id).await, "webhook");
    is_missing(webhooks.test(stranger, id).await, "webhook");
    is_missing(
        webhooks.replay(stranger, id, Some(0), None).await,
        "webhook",
    );
    is_missing(
        webhooks.deliveries(stranger, id, None, None, 50).await,
        "webhook",
    );
    is_missing(webhooks.delivery(stranger, delivery).await, "delivery");
    is_missing(webhooks.redeliver(stranger, delivery).await, "delivery");
    let dead = DeliveryState::Dead;
    is_missing(webhooks.purge(stranger, id, dead).await, "webhook");
    let again = webhooks.replay_ended(stranger, id, dead, None, None);
    is_missing(again.await, "webhook");
    assert!(webhooks.rotate_secret(stranger, id).await.is_err());
    assert!(webhooks.list(stranger, None, 50).await.unwrap().is_empty());
    assert_eq!(webhooks.list(&desk.ctx, None, 50).await.unwrap().len(), 1);
}

async fn an_event_goes_to_the_endpoints_that_want_it_and_to_no_other(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await;
    let other = desk.new_session("other").await;
    let mut acks = new_endpoint(&receiver.url());
    acks.types = vec!["message.*".into()];
    acks.sessions = Some(vec!["first".into()]);
    desk.webhooks.create(&desk.ctx, acks).await.unwrap();
    desk.event_of(desk.session, "message").await;
    desk.event_of(other, "message.ack").await;
    assert_eq!(desk.deliver().await.delivered, 0);
    let wanted = desk.event_of(desk.session, "message.ack").await;
    assert_eq!(desk.deliver().await.delivered, 1);
    assert_eq!(receiver.seen()[0].header("webhook-id"), wanted.to_string());
}

async fn a_replay_delivers_a_span_once_more_under_the_same_ids(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await;
    let before = desk.event().await;
    desk.clock.advance(Duration::from_secs(10));
    let from = wharf::domain::clock::Clock::now_ms(&*desk.clock);
    let unheard = desk.event().await;
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let heard = desk.event().await;
    desk.deliver().await;
    assert_eq!(receiver.seen().len(), 1);

    let queued = desk
        .webhooks
        .replay(&desk.ctx, id, Some(from), None)
        .await
        .unwrap();
    assert_eq!((queued.queued, queued.gone_before), (2, None));
    assert_eq!(desk.deliver().await.delivered, 2);
    let ids: Vec<_> = receiver
        .seen()
        .iter()
        .map(|s| s.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids, [heard, unheard, heard].map(|id| id.to_string()));
    assert!(!ids.contains(&before.to_string()));
    let manual = desk.attempts().await.remove(2);
    assert_eq!(manual.triggered_by, AttemptTrigger::Manual);
}

async fn deliveries_are_listed_by_state_newest_first(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await.answering([Reply::Status(500)]);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let failed = desk.event().await;
    let done = [desk.event().await, desk.event().await];
    desk.deliver().await;
    let list = |state, after| desk.webhooks.deliveries(&desk.ctx, id, state, after, 1);
    let all = list(None, None).await.unwrap();
    assert_eq!(all.len(), 2, "the limit and one more");
    assert_eq!(all[0].event, done[1]);
    let next = list(None, Some(done[1])).await.unwrap();
    assert_eq!(next[0].event, done[0]);
    let waiting = list(Some(DeliveryState::Pending), None).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].event, failed);
    let detail = desk
        .webhooks
        .delivery(&desk.ctx, waiting[0].id)
        .await
        .unwrap();
    assert_eq!(detail.attempts[0].status, Some(500));
}

on_each_engine!(
    a_stranger_finds_nothing,
    an_event_goes_to_the_endpoints_that_want_it_and_to_no_other,
    a_replay_delivers_a_span_once_more_under_the_same_ids,
    deliveries_are_listed_by_state_newest_first,
);

#[tokio::test]
async fn a_redelivery_begins_anew_and_a_waiting_retry_is_made_now() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(200), Reply::Status(500)]);
    desk.endpoint(&receiver.url()).await;
    let done = desk.event().await;
    let waiting = desk.event().await;
    desk.deliver().await;
    for event in [done, waiting] {
        let id = desk.delivery(event).await.id;
        let again = desk.webhooks.redeliver(&desk.ctx, id).await.unwrap();
        assert_eq!(again.state, DeliveryState::Pending);
    }
    assert_eq!(desk.deliver().await.delivered, 2);
    assert_eq!(desk.delivery(done).await.attempt, 1);
    assert_eq!(desk.delivery(waiting).await.attempt, 2);
}

#[tokio::test]
async fn a_test_request_is_signed_and_its_answer_is_told() {
    let desk = Desk::start().await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Body(503, b"busy".to_vec())]);
    let (id, secret) = desk.endpoint(&receiver.url()).await;
    let refused = desk.webhooks.test(&desk.ctx, id).await.unwrap();
    assert!(!refused.delivered);
    assert_eq!(
        (refused.status, refused.response.as_deref()),
        (Some(503), Some("busy"))
    );
    let accepted = desk.webhooks.test(&desk.ctx, id).await.unwrap();
    assert!(accepted.delivered);
    let seen = receiver.seen().remove(1);
    assert_eq!(seen.json()["type"], "webhook.test");
    assert_eq!(seen.header("webhook-id"), accepted.event.to_string());
    let verifier = standardwebhooks::Webhook::new(&secret.reveal()).unwrap();
    assert!(verifier.verify(&seen.body, &seen.headers).is_ok());
}

#[tokio::test]
async fn a_deleted_endpoint_gets_nothing_more_and_its_deliveries_are_cancelled() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    desk.webhooks.delete(&desk.ctx, id).await.unwrap();
    desk.event().await;
    assert_eq!(desk.deliver().await, Stats::default());
    assert!(receiver.seen().is_empty());
    let cancelled = desk.delivery(event).await;
    assert_eq!(cancelled.state, DeliveryState::Cancelled);
    let again = desk.webhooks.redeliver(&desk.ctx, cancelled.id).await;
    assert!(matches!(
        again,
        Err(Error::Conflict {
            code: "webhook_deleted",
            ..
        })
    ));
}

#[tokio::test]
async fn an_endpoint_can_be_changed_and_bad_values_are_named() {
    let desk = Desk::start().await;
    let (id, _) = desk.endpoint("http://127.0.0.1:9/").await;
    let change = |patch| desk.webhooks.update(&desk.ctx, id, patch);
    let paused = EndpointPatch {
        enabled: Some(false),
        types: Some(vec!["message".into()]),
        ..EndpointPatch::default()
    };
    let changed = change(paused).await.unwrap();
    assert_eq!(changed.state, EndpointState::Disabled);
    assert_eq!(changed.types, ["message"]);
    assert_eq!(changed.url, "http://127.0.0.1:9/");

    let bad = [
        (
            EndpointPatch {
                types: Some(vec!["mesage".into()]),
                ..EndpointPatch::default()
            },
            "/types",
        ),
        (
            EndpointPatch {
                sessions: Some(vec!["nobody".into()]),
                ..EndpointPatch::default()
            },
            "/sessions/0",
        ),
        (
            EndpointPatch {
                headers: Some([("Host".to_owned(), "x".to_owned())].into()),
                ..EndpointPatch::default()
            },
            "/headers/Host",
        ),
    ];
    for (patch, pointer) in bad {
        match change(patch).await {
            Err(Error::Invalid { faults, .. }) => assert_eq!(faults[0].pointer, pointer),
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_owner_has_at_most_a_hundred_endpoints() {
    let desk = Desk::start().await;
    for _ in 0..ENDPOINTS_MAX {
        desk.endpoint("http://127.0.0.1:9/").await;
    }
    let one_more = desk
        .webhooks
        .create(&desk.ctx, new_endpoint("http://127.0.0.1:9/"))
        .await;
    assert!(matches!(
        one_more,
        Err(Error::Quota {
            code: "webhook_limit_reached",
            ..
        })
    ));
}

#[tokio::test]
async fn a_credential_bound_to_a_session_manages_only_the_webhooks_of_that_session() {
    let mut desk = Desk::start().await;
    let (for_all, _) = desk.endpoint("http://127.0.0.1:9/").await;
    let other = desk.new_session("other").await;
    let mut principal = (*desk.ctx.principal).clone();
    principal.session = Some(desk.session);
    let bound = Ctx {
        principal: Arc::new(principal),
        ..desk.ctx.clone()
    };
    is_missing(desk.webhooks.get(&bound, for_all).await, "webhook");
    for sessions in ["*".to_owned(), other.to_string()] {
        let mut new = new_endpoint("http://127.0.0.1:9/");
        new.sessions = Some(vec![sessions]);
        let refused = desk.webhooks.create(&bound, new).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    let (own, _) = desk
        .webhooks
        .create(&bound, new_endpoint("http://127.0.0.1:9/"))
        .await
        .unwrap();
    assert_eq!(own.sessions, [desk.session.to_string()]);
    assert_eq!(desk.webhooks.list(&bound, None, 50).await.unwrap().len(), 1);
}
