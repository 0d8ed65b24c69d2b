//! The outbox: one row per event and endpoint, written in the transaction that writes the event.
//!
//! Owns which endpoints get an event. Must never send, nor commit. Called by whoever appends to the log;
//! after its commit it calls [`Wake::wake`].
//!
//! A log reads the endpoints once ([`endpoints`]) and keeps them for as long as its fence proves that they have not
//! changed: `leases.endpoints_version` is raised in the transaction that changes an endpoint, on whatever node. So an
//! endpoint gets every event that is committed after its creation, and the read costs a busy log nothing.

use std::sync::Arc;

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{DeliveryId, EndpointId, EventId, SessionId, UserId},
    webhook_deliveries,
};
use sea_orm::DbErr;
use serde::Deserialize;
use tokio::sync::Notify;

use super::filter::{Chats, Sessions, Types};
use crate::db::{
    self,
    webhook_endpoints::{Subscription, subscriptions},
};

/// An event that was just written to the log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The id of the event: the `webhook-id` of all its deliveries.
    pub event: EventId,
    /// Whose log it is in.
    pub session: SessionId,
    /// Its place in that log.
    pub seq: i64,
    /// Its name.
    pub event_type: &'a str,
    /// The canonical id of the chat it belongs to, if it does: see [`chats`].
    pub chat: Option<&'a str>,
}

/// The `chat` in the `data` of an event: its id, or an object with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum ChatField {
    Id(String),
    Object { id: String },
}

#[derive(Deserialize)]
struct Chatty {
    chat: Option<ChatField>,
}

/// The chat that an event belongs to, from its `data` as JSON; none if it belongs to none.
pub fn chat_of(data: &str) -> Option<String> {
    let chatty: Chatty = serde_json::from_str(data).ok()?;
    Some(match chatty.chat? {
        ChatField::Id(id) | ChatField::Object { id } => id,
    })
}

/// The chat of each event of which `data` is given, when one of `endpoints` asks for it; else none of none, so that
/// only those pay for it who filter by chat.
pub fn chats<'a>(
    endpoints: &[Endpoint],
    data: impl Iterator<Item = &'a str>,
) -> Vec<Option<String>> {
    let asked = endpoints.iter().any(|one| one.chats != Chats::All);
    data.map(|data| if asked { chat_of(data) } else { None })
        .collect()
}

/// An endpoint that wants events of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    id: EndpointId,
    types: Types,
    chats: Chats,
}

impl Endpoint {
    /// Whether it asks for this event by its own name.
    pub fn names(&self, event_type: &str) -> bool {
        self.types.names(event_type)
    }
}

/// The endpoints of `owner` that want events of `session`.
pub async fn endpoints(
    tx: &db::Transaction,
    owner: UserId,
    session: SessionId,
) -> Result<Vec<Endpoint>, DbErr> {
    let all = subscriptions(tx, owner).await?.into_iter();
    let wanting = all.filter(|one| Sessions::from_stored(&one.sessions).matches(session));
    let endpoint = |one: Subscription| Endpoint {
        id: one.id,
        types: Types::from_stored(&one.types),
        chats: Chats::from_stored(one.chats.as_deref()),
    };
    Ok(wanting.map(endpoint).collect())
}

/// Queue `entries` for every one of the owner's `endpoints` that wants them, as part of `script`.
pub fn enqueue(
    script: &mut db::Script,
    owner: UserId,
    endpoints: &[Endpoint],
    entries: &[Entry<'_>],
    now_ms: i64,
) {
    let mut rows = Vec::new();
    for endpoint in endpoints {
        let wanted = entries.iter().filter(|entry| {
            endpoint.types.matches(entry.event_type) && endpoint.chats.matches(entry.chat)
        });
        rows.extend(wanted.map(|entry| webhook_deliveries::Model {
            id: DeliveryId::new(),
            owner_id: owner,
            endpoint_id: endpoint.id,
            session_id: entry.session,
            event_id: entry.event,
            seq: entry.seq,
            state: DeliveryState::Pending,
            attempt: 0,
            triggered_by: AttemptTrigger::Auto,
            next_at: None,
            lease_node: None,
            last_error: None,
            created_at: now_ms,
            updated_at: now_ms,
        }));
    }
    db::webhook_deliveries::insert(script, rows);
}

/// Tells the dispatcher that there may be work. A hint: when it is lost, the tick finds the rows.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There may be work. Many calls before the dispatcher looks are one.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Until somebody calls [`Wake::wake`], or at once if somebody has since the last time.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chat_of_an_event_is_found_as_an_id_and_as_an_object() {
        let message = r#"{"chat":{"id":"1@g.us","kind":"group"},"text":{"body":"hi"}}"#;
        assert_eq!(chat_of(message).as_deref(), Some("1@g.us"));
        assert_eq!(
            chat_of(r#"{"chat":"1@lid","ack":3}"#).as_deref(),
            Some("1@lid")
        );
        assert_eq!(chat_of(r#"{"reason":"x"}"#), None);
        assert_eq!(chat_of(r#"{"chat":null}"#), None);
    }
}
