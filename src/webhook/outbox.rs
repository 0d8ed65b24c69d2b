//! The outbox: one row per event and endpoint, written in the transaction that writes the event.
//!
//! Owns which endpoints get an event. Must never send, nor commit. Called by whoever appends to the log;
//! after its commit it calls [`Wake::wake`].
//!
//! The endpoints are read in the caller's transaction ([`subscriptions`]), once per call and not per event: an indexed read of
//! the owner's few rows. A cache would save it, but an endpoint that another node has just created would
//! miss events that were committed after its creation, and that is a loss.

use std::sync::Arc;

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{DeliveryId, EventId, SessionId, UserId},
    webhook_deliveries,
};
use serde::Deserialize;
use tokio::sync::Notify;

use super::filter::{Chats, Sessions, Types};
use crate::db;
pub use crate::db::webhook_endpoints::{Subscription, subscriptions};

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

/// The chat of each event of which `data` is given, when one of `subscriptions` asks for it; else none of none, so that
/// only those pay for it who filter by chat.
pub fn chats<'a>(
    subscriptions: &[Subscription],
    data: impl Iterator<Item = &'a str>,
) -> Vec<Option<String>> {
    let asked = subscriptions.iter().any(|one| one.chats.is_some());
    data.map(|data| if asked { chat_of(data) } else { None })
        .collect()
}

/// Queue `entries` for every one of the owner's `subscriptions` that wants them, as part of `script`.
pub fn enqueue(
    script: &mut db::Script,
    owner: UserId,
    subscriptions: &[Subscription],
    entries: &[Entry<'_>],
    now_ms: i64,
) {
    let mut rows = Vec::new();
    for endpoint in subscriptions {
        let types = Types::from_stored(&endpoint.types);
        let sessions = Sessions::from_stored(&endpoint.sessions);
        let chats = Chats::from_stored(endpoint.chats.as_deref());
        let wanted = entries.iter().filter(|entry| {
            types.matches(entry.event_type)
                && sessions.matches(entry.session)
                && chats.matches(entry.chat)
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
