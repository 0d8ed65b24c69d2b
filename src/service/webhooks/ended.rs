//! Deliveries that have ended, all of an endpoint at once: taken up again, or removed.

use entity::{
    enums::{DeliveryState, EndpointState},
    ids::EndpointId,
};

use super::{Ctx, Error, Webhooks};
use crate::db::{
    self,
    webhook_deliveries::{ended, replay::Span},
};

/// The most deliveries of one call.
const MAX: u64 = 100_000;

/// Deliveries of one transaction.
const PAGE: u64 = 500;

/// How many were taken up again or removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Many {
    /// So many.
    pub count: u64,
    /// There are more than one call takes: call again.
    pub more: bool,
}

/// What is done to each of them.
#[derive(Debug, Clone, Copy)]
enum Work {
    Requeue { now_ms: i64 },
    Remove,
}

impl Webhooks {
    /// Queue again every delivery of an endpoint in `state`, which is one that has ended; of those that were queued
    /// from `from_ms` on and before `to_ms`, where given.
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
        let many = self
            .in_pages(id, state, span, Work::Requeue { now_ms })
            .await?;
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
        self.in_pages(id, state, None, Work::Remove).await
    }

    /// `work` takes what it is given out of `state`, so that the next page begins where this one ended.
    async fn in_pages(
        &self,
        id: EndpointId,
        state: DeliveryState,
        span: Option<Span>,
        work: Work,
    ) -> Result<Many, Error> {
        let mut many = Many::default();
        loop {
            let tx = db::begin(&self.parts.db).await?;
            let ids = ended::ids(&tx, id, state, span, PAGE).await?;
            if ids.is_empty() || many.count >= MAX {
                many.more = !ids.is_empty();
                return Ok(many);
            }
            let done = match work {
                Work::Requeue { now_ms } => ended::requeue(&tx, &ids, state, now_ms).await?,
                Work::Remove => ended::remove(&tx, &ids, i64::MAX).await?,
            };
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
