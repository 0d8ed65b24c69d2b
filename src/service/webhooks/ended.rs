//! Deliveries that have ended, all of an endpoint at once: taken up again, or removed.

use std::collections::HashSet;

use entity::{
    enums::{DeliveryState, EndpointState},
    ids::{DeliveryId, EndpointId, EventId},
};

use super::{Ctx, Error, Webhooks};
use crate::db::{
    self,
    webhook_deliveries::{
        ended::{self, Ended},
        replay::Span,
    },
};

/// The most deliveries of one call.
const MAX: u64 = 100_000;

/// Deliveries of one transaction.
const PAGE: u64 = 500;
const PAGE_LEN: usize = 500;

/// How many were taken up again or removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Many {
    /// So many.
    pub count: u64,
    /// There are more than one call takes: call again.
    pub more: bool,
    /// So many stay as they are because the log does not hold their events any more.
    pub gone: u64,
}

impl Webhooks {
    /// Queue again every delivery of an endpoint in `state`, which is one that has ended; of those that were queued
    /// from `from_ms` on and before `to_ms`, where given. Those whose event is gone are counted and left as they are.
    pub async fn replay_ended(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        state: DeliveryState,
        from_ms: Option<i64>,
        to_ms: Option<i64>,
    ) -> Result<Many, Error> {
        let endpoint = self.find(ctx, id).await?;
        if endpoint.state == EndpointState::Disabled {
            return Err(super::deliveries::disabled());
        }
        let span = Span {
            from_ms: from_ms.unwrap_or(i64::MIN),
            to_ms: to_ms.unwrap_or(i64::MAX),
        };
        if span.from_ms >= span.to_ms {
            return Err(Error::invalid("/from", "must be before to"));
        }
        let span = (from_ms.is_some() || to_ms.is_some()).then_some(span);
        let now_ms = self.parts.clock.now_ms();
        // Known at once, and not page by page: those whose event is gone would come again with each page.
        let mut rows = ended::with_event(&self.parts.db, id, state, span, MAX + 1).await?;
        let mut many = Many {
            count: 0,
            more: rows.len() as u64 > MAX,
            gone: ended::count_gone(&self.parts.db, id, state, span).await?,
        };
        rows.truncate(usize::try_from(MAX).unwrap_or(usize::MAX));
        for page in rows.chunks(PAGE_LEN) {
            let tx = db::begin(&self.parts.db).await?;
            let events = page.iter().map(|row| row.event_id);
            let held = db::events::ends::lock_held(&tx, events).await?;
            let held: HashSet<EventId> = held.into_iter().collect();
            let (ids, gone): (Vec<Ended>, Vec<Ended>) =
                page.iter().partition(|row| held.contains(&row.event_id));
            let ids: Vec<DeliveryId> = ids.into_iter().map(|row| row.id).collect();
            many.gone += gone.len() as u64;
            many.count += ended::requeue(&tx, &ids, state, now_ms).await?;
            tx.commit().await?;
        }
        self.parts.wake.wake();
        Ok(many)
    }

    /// Remove every delivery of an endpoint in `state`, which is one that has ended, with its attempts.
    pub async fn purge(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        state: DeliveryState,
    ) -> Result<Many, Error> {
        self.find(ctx, id).await?;
        let mut many = Many::default();
        loop {
            let tx = db::begin(&self.parts.db).await?;
            let ids = ended::ids(&tx, id, state, PAGE).await?;
            if ids.is_empty() || many.count >= MAX {
                many.more = !ids.is_empty();
                return Ok(many);
            }
            let done = ended::remove(&tx, &ids, i64::MAX).await?;
            tx.commit().await?;
            many.count += done;
            if done == 0 {
                // Somebody else is at the same rows.
                many.more = true;
                return Ok(many);
            }
        }
    }
}
