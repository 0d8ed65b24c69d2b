//! The log of attempts: what was sent, what came back, how long it took.

use wharf::service::webhooks::Head;

use super::desk::{Desk, new_endpoint};
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

fn value(head: &Head, name: &str) -> String {
    let found = head.headers.iter().find(|(header, _)| header == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

async fn an_attempt_shows_both_heads_and_the_time_it_took_and_no_secret(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let served_by = Reply::Header(500, "x-served-by", "node-7".into());
    let receiver = Receiver::start().await.answering([served_by]);
    let mut new = new_endpoint(&receiver.url());
    new.headers
        .insert("Authorization".into(), "Bearer of secrets".into());
    desk.webhooks.create(&desk.ctx, new).await.unwrap();
    let event = desk.event().await;
    desk.deliver().await;
    desk.clock.advance(std::time::Duration::from_secs(5));
    assert_eq!(desk.deliver().await.delivered, 1);

    let delivery = desk.delivery(event).await.id;
    let shown = desk.webhooks.delivery(&desk.ctx, delivery).await.unwrap();
    assert!(!format!("{shown:?}").contains("Bearer of secrets"));
    let [good, bad] = shown.attempts.try_into().unwrap();
    assert_eq!((good.status, bad.status), (Some(200), Some(500)));
    for (attempt, seen) in [(&bad, 0), (&good, 1)] {
        let request = attempt.request_head.as_ref().unwrap();
        assert_eq!(request.url.as_deref(), Some(receiver.url().as_str()));
        assert_eq!(value(request, "webhook-id"), event.to_string());
        assert_eq!(value(request, "content-type"), "application/json");
        assert_eq!(value(request, "authorization"), "[masked]");
        let sent = receiver.seen()[seen].header("webhook-signature").to_owned();
        let kept = value(request, "webhook-signature");
        let start = kept.strip_suffix('…').unwrap();
        assert!(sent.starts_with(start) && start.len() < 16, "{kept}");
        assert!(attempt.head_ms.unwrap() <= attempt.duration_ms);
    }
    let answered = bad.response_head.as_ref().unwrap();
    assert_eq!(value(answered, "x-served-by"), "node-7");
    let answered = good.response_head.as_ref().unwrap();
    assert_eq!(value(answered, "content-length"), "0");
}

on_each_engine!(an_attempt_shows_both_heads_and_the_time_it_took_and_no_secret);

#[tokio::test]
async fn an_attempt_without_an_answer_shows_what_was_sent() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await.always(Reply::Reset);
    desk.endpoint(&receiver.url()).await;
    let event = desk.event().await;
    desk.deliver().await;
    let delivery = desk.delivery(event).await.id;
    let shown = desk.webhooks.delivery(&desk.ctx, delivery).await.unwrap();
    let attempt = &shown.attempts[0];
    assert!(attempt.request_head.is_some());
    assert!(attempt.response_head.is_none() && attempt.head_ms.is_none());
}
