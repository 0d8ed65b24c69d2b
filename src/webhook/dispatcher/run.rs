//! One run: a few leased rows of one lane, or one retry, posted one after the other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use entity::{enums::DeliveryState, events, ids::EventId, webhook_deliveries::Model};
use tokio_util::sync::CancellationToken;

use super::{Parts, record, slots::Place};
use crate::{
    db::webhook_deliveries::dispatch::{self, Lease},
    webhook::{
        render::Told,
        sender::{Sent, Verdict},
        target::Target,
    },
};

/// What is kept of a lease for writing the result.
const MARGIN: Duration = Duration::from_secs(5);

/// How many deliveries ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Answered with a 2xx.
    pub delivered: usize,
    /// To be tried again.
    pub failed: usize,
    /// Given up.
    pub dead: usize,
}

impl Stats {
    pub(super) const fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.dead += other.dead;
    }

    const fn count(&mut self, state: DeliveryState) {
        match state {
            DeliveryState::Delivered => self.delivered += 1,
            DeliveryState::Dead => self.dead += 1,
            DeliveryState::Pending | DeliveryState::Inflight | DeliveryState::Cancelled => {
                self.failed += 1;
            }
        }
    }
}

/// Leased rows and where they go.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: Arc<Target>,
    pub(super) place: Place,
    /// Nothing may overtake a row that failed.
    pub(super) strict: bool,
    /// In the order of `seq`.
    pub(super) rows: Vec<Model>,
    pub(super) lease: Lease,
}

impl Run {
    /// Post the rows. Whatever is not posted is given back, or comes back when the lease ends.
    pub(super) async fn carry_out(self, parts: Arc<Parts>, draining: CancellationToken) -> Stats {
        let mut counts = Stats::default();
        let events = match self.events(&parts).await {
            Ok(events) => events,
            Err(error) => {
                warn(&error, "the events of a delivery cannot be read");
                return counts;
            }
        };
        for (index, row) in self.rows.iter().enumerate() {
            // The first is always posted: the lease was made for it.
            if index > 0 && (draining.is_cancelled() || self.is_short(&parts)) {
                self.give_back(&parts, index).await;
                break;
            }
            let sent = self.post(&parts, row, events.get(&row.event_id)).await;
            let state = match record::finish(&parts, &self, row, sent.as_ref()).await {
                Ok(Some(state)) => state,
                Ok(None) => {
                    tracing::debug!(delivery.id = %row.id, "delivery {} was taken over", row.id);
                    break;
                }
                Err(error) => {
                    warn(
                        &error,
                        "how a delivery went cannot be written; it will be made again",
                    );
                    break;
                }
            };
            counts.count(state);
            let result = match state {
                DeliveryState::Delivered => "delivered",
                DeliveryState::Dead => "dead",
                DeliveryState::Pending | DeliveryState::Inflight | DeliveryState::Cancelled => {
                    "failed"
                }
            };
            metrics::counter!("wharf_deliveries_total", "result" => result).increment(1);
            let failed = state != DeliveryState::Delivered;
            let gone = sent.is_some_and(|sent| sent.verdict == Verdict::Gone);
            if gone || (failed && self.strict) {
                self.give_back(&parts, index + 1).await;
                break;
            }
        }
        counts
    }

    async fn events(
        &self,
        parts: &Parts,
    ) -> Result<HashMap<EventId, events::Model>, sea_orm::DbErr> {
        let ids = self.rows.iter().map(|row| row.event_id);
        let events = dispatch::told(&parts.db, ids).await?;
        Ok(events.into_iter().map(|event| (event.id, event)).collect())
    }

    async fn post(
        &self,
        parts: &Parts,
        row: &Model,
        event: Option<&events::Model>,
    ) -> Option<Sent> {
        let event = event?;
        let session = row.session_id.to_string();
        let told = Told {
            event_type: &event.event_type,
            session: Some(&session),
            seq: event.seq,
            at_ms: event.created_at,
            payload: &event.payload,
        };
        Some(parts.sender.send(&self.target, event.id, &told).await)
    }

    fn is_short(&self, parts: &Parts) -> bool {
        let needed = parts.sender.timeout() + MARGIN;
        parts.clock.now_ms() + super::ms(needed) > self.lease.until_ms
    }

    async fn give_back(&self, parts: &Parts, from: usize) {
        let now = parts.clock.now_ms();
        if let Err(error) = dispatch::release(&parts.db, &self.rows[from..], self.lease, now).await
        {
            warn(
                &error,
                "deliveries could not be given back; they wait for the end of their lease",
            );
        }
    }
}

fn warn(error: &sea_orm::DbErr, message: &'static str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{message}");
}
