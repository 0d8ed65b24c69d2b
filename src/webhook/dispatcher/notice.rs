//! Who has to know that an endpoint was disabled: the owner, through the log of the session whose delivery was the last.
//!
//! The one place that every such end goes through: a receiver that asked for it, days of failures, secrets that cannot
//! be opened. The event shares the transaction of the disabling. An owner who disables an endpoint needs no notice.

use std::sync::Arc;

use entity::{
    ids::{EndpointId, EventId, SessionId, UserId},
    webhook_endpoints::Model,
};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::Parts;
use crate::{
    db::{self, Script},
    domain::event::{Event, WebhookDisabledData},
    events::LogEntry,
    webhook::{
        health::{EXHAUSTED, FAILING},
        outbox,
        sender::{BY_RECEIVER, GONE},
    },
};

/// Why an endpoint was disabled when its secrets cannot be opened.
pub(super) const UNREADABLE: &str = "secret_unreadable";

/// An endpoint that gets nothing more until its owner enables it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disabled {
    endpoint: EndpointId,
    pub(super) owner: UserId,
    /// Whose delivery was the last.
    session: SessionId,
    /// The stable word in its `disabled_reason`.
    reason: &'static str,
    /// In milliseconds since 1970.
    at: i64,
}

impl Disabled {
    pub(super) const fn new(
        row: &Model,
        session: SessionId,
        reason: &'static str,
        at: i64,
    ) -> Self {
        Self {
            endpoint: row.id,
            owner: row.owner_id,
            session,
            reason,
            at,
        }
    }

    /// Writes it into the session's log, and queues it for the owner's other endpoints that want it, as part of `tx`, in
    /// which the endpoint was disabled before. None if the session is gone.
    pub(super) async fn write(&self, tx: &db::Transaction) -> Result<Option<Arc<LogEntry>>, DbErr> {
        let (owner, session, at) = (self.owner, self.session, self.at);
        let Some(seq) = db::leases::take_number(tx, session).await? else {
            return Ok(None);
        };
        let event = Event::WebhookDisabled(WebhookDisabledData {
            endpoint_id: self.endpoint.to_string(),
            reason: self.reason.to_owned(),
            detail: detail(self.reason).to_owned(),
        });
        let data = event
            .data_json()
            .map_err(|error| DbErr::Json(error.to_string()))?;
        let entry = LogEntry {
            session,
            owner,
            seq,
            id: EventId::new(),
            kind: event.name().into(),
            at,
            data: data.into(),
        };
        let others = outbox::endpoints(tx, owner, session).await?;
        let due = outbox::Entry {
            event: entry.id,
            session,
            seq,
            event_type: event.name(),
            chat: None,
        };
        let mut script = Script::new(tx.get_database_backend());
        db::events::insert(&mut script, vec![(&entry).into()]);
        outbox::enqueue(&mut script, owner, &others, &[due], at);
        if !script.run(tx).await? {
            return Err(DbErr::RecordNotInserted);
        }
        Ok(Some(Arc::new(entry)))
    }

    /// After the commit: says it in the process's log and to whoever follows the session's.
    pub(super) fn announce(&self, entry: Option<Arc<LogEntry>>, parts: &Parts) {
        tracing::warn!(
            endpoint.id = %self.endpoint,
            owner.id = %self.owner,
            reason = self.reason,
            "endpoint {} was disabled: {}",
            self.endpoint,
            self.reason
        );
        metrics::counter!("wharf_endpoints_disabled_total").increment(1);
        if let Some(entry) = entry {
            metrics::counter!("wharf_events_total", "type" => entry.kind.to_string()).increment(1);
            parts.bus.publish(&[entry]);
            parts.wake.wake();
        }
    }
}

/// What a reason means, for a person to read.
fn detail(reason: &str) -> &'static str {
    match reason {
        GONE => "the receiver answered 410: it is gone",
        BY_RECEIVER => "the receiver asked for nothing more",
        EXHAUSTED => "several events went through the whole schedule in vain",
        FAILING => "it has only failed for days",
        UNREADABLE => "its secrets cannot be opened with the key of this service",
        _ => "it was given up",
    }
}
