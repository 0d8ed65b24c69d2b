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
use tokio::sync::Notify;

use super::filter::{Sessions, Types};
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
}

/// An endpoint that wants events of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    id: EndpointId,
    types: Types,
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
        let wanted = entries
            .iter()
            .filter(|entry| endpoint.types.matches(entry.event_type));
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
