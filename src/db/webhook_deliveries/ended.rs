//! Deliveries that have ended: taken up again together, or removed. Always a bounded number at a time.

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    events,
    ids::{AttemptId, DeliveryId, EndpointId, EventId},
    webhook_attempts,
    webhook_deliveries::{Column, Entity},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query, Value},
};

use super::{FINAL, replay::Span};

/// A delivery that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Ended {
    /// Its id.
    pub id: DeliveryId,
    /// What it tells.
    pub event_id: EventId,
}

fn of(endpoint: EndpointId, state: DeliveryState, span: Option<Span>) -> Select<Entity> {
    let rows = Entity::find()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::State.eq(state));
    match span {
        None => rows,
        Some(span) => rows
            .filter(Column::CreatedAt.gte(span.from_ms))
            .filter(Column::CreatedAt.lt(span.to_ms)),
    }
}

/// The event of a delivery, while its log holds it. A value and not a join, so that it is one seek for each delivery.
fn event() -> Expr {
    let event = Query::select()
        .column((events::Entity, events::Column::Seq))
        .from(events::Entity)
        .and_where(
            Expr::col((events::Entity, events::Column::Id)).equals((Entity, Column::EventId)),
        )
        .take();
    Expr::from(event)
}

/// Up to `limit` deliveries of `endpoint` in `state`, one of those that are final, in no order. The caller has found the
/// endpoint by its owner.
pub async fn ids(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    state: DeliveryState,
    limit: u64,
) -> Result<Vec<DeliveryId>, DbErr> {
    of(endpoint, state, None)
        .select_only()
        .column(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// As [`ids`], of those whose event the log still holds; with a span, those that were queued in it.
pub async fn with_event(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    state: DeliveryState,
    span: Option<Span>,
    limit: u64,
) -> Result<Vec<Ended>, DbErr> {
    of(endpoint, state, span)
        .select_only()
        .columns([Column::Id, Column::EventId])
        .filter(event().is_not_null())
        .limit(limit)
        .into_model()
        .all(db)
        .await
}

/// How many deliveries of `endpoint` in `state` tell an event that the log does not hold any more.
pub async fn count_gone(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    state: DeliveryState,
    span: Option<Span>,
) -> Result<u64, DbErr> {
    of(endpoint, state, span)
        .filter(event().is_null())
        .count(db)
        .await
}

/// Queue `ids` again, of those that are still in `state`; tells how many.
pub async fn requeue(
    db: &impl ConnectionTrait,
    ids: &[DeliveryId],
    state: DeliveryState,
    now_ms: i64,
) -> Result<u64, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(DeliveryState::Pending))
        .col_expr(Column::Attempt, Expr::value(0))
        .col_expr(Column::TriggeredBy, Expr::value(AttemptTrigger::Manual))
        .col_expr(Column::NextAt, Expr::value(Value::BigInt(None)))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::State.eq(state))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Remove `ids`, of those that have ended before `before_ms`, with their attempts; tells how many.
pub async fn remove(
    db: &impl ConnectionTrait,
    ids: &[DeliveryId],
    before_ms: i64,
) -> Result<u64, DbErr> {
    let done = Entity::delete_many()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::State.is_in(FINAL))
        .filter(Column::UpdatedAt.lt(before_ms))
        .exec(db)
        .await?;
    let left: Vec<DeliveryId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let gone = ids.iter().copied().filter(|id| !left.contains(id));
    webhook_attempts::Entity::delete_many()
        .filter(webhook_attempts::Column::DeliveryId.is_in(gone))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// The next `limit` deliveries after `after` in the order of their ids, which is the order they were queued in, before
/// `end`. Reads the primary key and nothing else, whatever the table holds.
pub async fn page(
    db: &impl ConnectionTrait,
    after: Option<DeliveryId>,
    end: DeliveryId,
    limit: u64,
) -> Result<Vec<DeliveryId>, DbErr> {
    let mut rows = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.lt(end));
    if let Some(after) = after {
        rows = rows.filter(Column::Id.gt(after));
    }
    rows.order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// Remove up to `limit` attempts that were made before `end`; tells how many.
pub async fn remove_attempts(
    db: &impl ConnectionTrait,
    end: AttemptId,
    limit: u64,
) -> Result<u64, DbErr> {
    use webhook_attempts::{Column, Entity};

    let ids: Vec<AttemptId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.lt(end))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let done = Entity::delete_many()
        .filter(Column::Id.is_in(ids))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}
