//! What became of the events: deliveries and their attempts.

use entity::{
    enums::{AttemptTrigger, DeliveryState, EndpointState},
    ids::{AttemptId, DeliveryId, EndpointId, EventId, SessionId},
    webhook_attempts,
    webhook_deliveries::Model,
};

use super::{Ctx, Error, Webhooks};
pub use crate::webhook::heads::Head;
use crate::{db, domain::principal::Scope};

/// A delivery as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// What it tells: its `webhook-id`.
    pub event: EventId,
    /// Whose event.
    pub session: SessionId,
    /// The place of the event in the log.
    pub seq: i64,
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts were made since it was queued, or queued again.
    pub attempts: i32,
    /// When the next attempt is due; none before the first, which is due at once.
    pub next_attempt_at: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl From<Model> for Delivery {
    fn from(row: Model) -> Self {
        let waits = row.state == DeliveryState::Pending;
        Self {
            id: row.id,
            endpoint: row.endpoint_id,
            event: row.event_id,
            session: row.session_id,
            seq: row.seq,
            state: row.state,
            attempts: row.attempt,
            next_attempt_at: row.next_at.filter(|_| waits),
            last_error: row.last_error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Its number since the delivery was queued, or queued again.
    pub number: i32,
    /// When it began.
    pub started_at: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// The status, if there was an answer.
    pub status: Option<i32>,
    /// What went wrong.
    pub error: Option<String>,
    /// The start of the answer.
    pub response: Option<String>,
    /// Who asked for it.
    pub triggered_by: AttemptTrigger,
    /// The head of the request, masked.
    pub request_head: Option<Head>,
    /// The head of the answer.
    pub response_head: Option<Head>,
    /// How long the head of the answer took.
    pub head_ms: Option<i64>,
}

impl From<webhook_attempts::Model> for Attempt {
    fn from(row: webhook_attempts::Model) -> Self {
        Self {
            id: row.id,
            number: row.attempt,
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            status: row.status,
            error: row.error,
            response: row.response,
            triggered_by: row.triggered_by,
            request_head: row.request_head.as_deref().and_then(Head::from_stored),
            response_head: row.response_head.as_deref().and_then(Head::from_stored),
            head_ms: row.head_ms,
        }
    }
}

/// A delivery with its attempts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// Its last attempts.
    pub attempts: Vec<Attempt>,
}

const NOT_FOUND: Error = Error::NotFound { what: "delivery" };

/// The refusal to queue something for an endpoint that gets nothing.
pub(super) fn disabled() -> Error {
    Error::NotReady {
        code: "webhook_disabled",
        detail: "the webhook is disabled; enable it first".to_owned(),
    }
}

impl Webhooks {
    /// Up to `limit` + 1 deliveries of an endpoint, newest event first: the one more tells that there are more.
    pub async fn deliveries(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        state: Option<DeliveryState>,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        self.find(ctx, id).await?;
        let limit = u64::from(limit) + 1;
        let rows =
            db::webhook_deliveries::list(&self.parts.db, ctx.owner(), id, state, after, limit)
                .await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// One delivery with its attempts.
    pub async fn delivery(&self, ctx: &Ctx, id: DeliveryId) -> Result<DeliveryDetail, Error> {
        let row = self.find_delivery(ctx, id).await?;
        let attempts = db::webhook_attempts::of(&self.parts.db, id).await?;
        Ok(DeliveryDetail {
            delivery: row.into(),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
        })
    }

    /// Deliver once more: what has ended begins anew, a waiting retry is due now, what is being posted is left
    /// alone. What the log does not hold any more cannot be told again.
    pub async fn redeliver(&self, ctx: &Ctx, id: DeliveryId) -> Result<Delivery, Error> {
        let row = self.find_delivery(ctx, id).await?;
        let endpoint = db::webhook_endpoints::find(&self.parts.db, ctx.owner(), row.endpoint_id)
            .await?
            .ok_or_else(|| Error::Conflict {
                code: "webhook_deleted",
                detail: "the webhook of this delivery was deleted".to_owned(),
            })?;
        if endpoint.state == EndpointState::Disabled {
            return Err(disabled());
        }
        let now = self.parts.clock.now_ms();
        let tx = db::begin(&self.parts.db).await?;
        if db::events::ends::lock_held(&tx, [row.event_id])
            .await?
            .is_empty()
        {
            return Err(Error::Conflict {
                code: "event_gone",
                detail: "the log does not hold the event of this delivery any more".to_owned(),
            });
        }
        if !db::webhook_deliveries::hasten(&tx, ctx.owner(), id, now).await? {
            db::webhook_deliveries::requeue(&tx, endpoint.id, &[row.event_id], now).await?;
        }
        tx.commit().await?;
        self.parts.wake.wake();
        Ok(self.find_delivery(ctx, id).await?.into())
    }

    async fn find_delivery(&self, ctx: &Ctx, id: DeliveryId) -> Result<Model, Error> {
        ctx.require(Scope::WebhooksManage)?;
        db::webhook_deliveries::find(&self.parts.db, ctx.owner(), id)
            .await?
            .filter(|row| ctx.principal.may_touch(row.session_id))
            .ok_or(NOT_FOUND)
    }
}
