//! An endpoint that wants some chats only.

use entity::ids::EventId;
use serde_json::{Value, json};
use wharf::service::{Error, webhooks::EndpointPatch};

use super::desk::{Desk, new_endpoint};
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::Receiver,
};

const FRIEND: &str = "491701234567@s.whatsapp.net";
const OTHER: &str = "491701234568@s.whatsapp.net";

async fn event(desk: &mut Desk, event_type: &str, data: Value) -> EventId {
    desk.event_with(desk.session, event_type, |_| data).await
}

async fn an_endpoint_gets_its_chats_and_whatever_belongs_to_no_chat(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await;
    let mut new = new_endpoint(&receiver.url());
    new.chats = vec!["+491701234567".to_owned()];
    let (endpoint, _) = desk.webhooks.create(&desk.ctx, new).await.unwrap();
    assert_eq!(endpoint.chats, [FRIEND]);
    let from = wharf::domain::clock::Clock::now_ms(&*desk.clock);

    let message = event(&mut desk, "message", json!({"chat": {"id": FRIEND}})).await;
    event(&mut desk, "message", json!({"chat": {"id": OTHER}})).await;
    let ack = event(&mut desk, "message.ack", json!({"chat": FRIEND})).await;
    event(&mut desk, "message.ack", json!({"chat": OTHER})).await;
    let connected = event(&mut desk, "connected", json!({})).await;
    let wanted = [message, ack, connected].map(|id| id.to_string());
    let ids = |from: usize| -> Vec<String> {
        let seen = receiver.seen();
        let ids = seen[from..]
            .iter()
            .map(|s| s.header("webhook-id").to_owned());
        ids.collect()
    };
    assert_eq!(desk.deliver().await.delivered, 3);
    assert_eq!(ids(0), wanted);

    // A replay asks the same question.
    let queued = desk
        .webhooks
        .replay(&desk.ctx, endpoint.id, Some(from), None)
        .await
        .unwrap();
    assert_eq!(queued.queued, 3);
    desk.deliver().await;
    assert_eq!(ids(3), wanted);

    let all = EndpointPatch {
        chats: Some(vec!["*".to_owned()]),
        ..EndpointPatch::default()
    };
    let changed = desk.webhooks.update(&desk.ctx, endpoint.id, all).await;
    assert_eq!(changed.unwrap().chats, ["*"]);
    event(&mut desk, "message", json!({"chat": {"id": OTHER}})).await;
    assert_eq!(desk.deliver().await.delivered, 1);
}

on_each_engine!(an_endpoint_gets_its_chats_and_whatever_belongs_to_no_chat);

#[tokio::test]
async fn what_is_no_chat_is_refused_by_name() {
    let desk = Desk::start().await;
    for (chats, said) in [
        (vec!["alice"], "\"alice\" is not a chat"),
        (vec![], "name at least one"),
        (vec![FRIEND; 101], "at most 100"),
    ] {
        let mut new = new_endpoint("http://127.0.0.1:9/");
        new.chats = chats.into_iter().map(str::to_owned).collect();
        match desk.webhooks.create(&desk.ctx, new).await {
            Err(Error::Invalid { faults, .. }) => {
                assert_eq!(faults[0].pointer, "/chats");
                assert!(faults[0].detail.contains(said), "{}", faults[0].detail);
            }
            other => panic!("{said}: {other:?}"),
        }
    }
}
