//! What a receiver gets, and that it can trust it.

use std::time::Duration;

use standardwebhooks::Webhook;

use super::desk::{Desk, new_endpoint};
use crate::harness::receiver::{Receiver, Reply, Seen};

fn verify(secret: &wharf::webhook::signer::Secret, seen: &Seen) -> bool {
    let webhook = Webhook::new(&secret.reveal()).unwrap();
    webhook.verify(&seen.body, &seen.headers).is_ok()
}

#[tokio::test]
async fn a_delivery_is_verified_by_the_standard_library_and_a_tampered_one_is_refused() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    let (_, secret) = desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.delivered, 1);

    let mut seen = receiver.seen().remove(0);
    assert!(verify(&secret, &seen));
    assert_eq!(seen.header("webhook-id"), event.to_string());
    assert_eq!(seen.header("content-type"), "application/json");
    assert!(seen.header("user-agent").starts_with("Wharf/"));
    assert_eq!(seen.path, "/hook");
    let body = seen.json();
    assert_eq!(body["type"], "message");
    assert_eq!(body["data"]["session"], desk.session.to_string());
    assert_eq!(body["data"]["seq"], 1);
    assert_eq!(body["data"]["n"], 1);

    seen.body[0] = b' ';
    assert!(!verify(&secret, &seen));
}

#[tokio::test]
async fn a_retry_repeats_the_id_and_the_body_and_signs_its_own_time() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.answering([Reply::Status(500)]);
    let (_, secret) = desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.deliver().await;
    desk.clock.advance(Duration::from_secs(5));
    desk.deliver().await;

    let [first, second] = receiver.seen().try_into().unwrap();
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert_ne!(
        first.header("webhook-timestamp"),
        second.header("webhook-timestamp")
    );
    assert_ne!(
        first.header("webhook-signature"),
        second.header("webhook-signature")
    );
    assert!(verify(&secret, &first) && verify(&secret, &second));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_verify_for_a_day_and_then_only_the_new_one() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    let (id, old) = desk.endpoint(&receiver.url()).await;
    let (_, new) = desk.webhooks.rotate_secret(&desk.ctx, id).await.unwrap();
    desk.event().await;
    desk.deliver().await;
    let during = receiver.seen().remove(0);
    assert!(verify(&old, &during) && verify(&new, &during));

    desk.clock.advance(Duration::from_hours(24));
    desk.event().await;
    desk.deliver().await;
    let after = receiver.seen().remove(1);
    assert_eq!(after.header("webhook-signature").split(' ').count(), 1);
    let id = after.header("webhook-id");
    let timestamp = after.header("webhook-timestamp").parse().unwrap();
    let signature = new.sign(id, timestamp, &after.body);
    assert_eq!(after.header("webhook-signature"), signature);
}

#[tokio::test]
async fn custom_headers_are_sent_and_their_values_are_neither_shown_nor_stored_in_the_clear() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    let mut new = new_endpoint(&receiver.url());
    new.headers.insert("X-Team".into(), "a secret value".into());
    let (endpoint, _) = desk.webhooks.create(&desk.ctx, new).await.unwrap();
    assert_eq!(endpoint.header_names, ["X-Team"]);
    assert!(!format!("{endpoint:?}").contains("a secret value"));
    desk.event().await;
    desk.deliver().await;
    assert_eq!(receiver.seen()[0].header("x-team"), "a secret value");

    let row = wharf::db::webhook_endpoints::find(&desk.test.db, desk.ctx.owner(), endpoint.id)
        .await
        .unwrap()
        .unwrap();
    let sealed = row.headers_sealed.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("secret value"));
}
