//! Deliveries that have ended: taken up again together, or removed. Always a bounded number at a time.

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{AttemptId, DeliveryId, EndpointId},
    webhook_attempts,
    webhook_deliveries::{Column, Entity},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Value},
};

use super::{FINAL, replay::Span};

/// Up to `limit` deliveries of `endpoint` in `state`, one of those that are final, in no order; with a span, those that
/// were queued in it. The caller has found the endpoint by its owner.
pub async fn ids(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    state: DeliveryState,
    span: Option<Span>,
    limit: u64,
) -> Result<Vec<DeliveryId>, DbErr> {
    let mut rows = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::State.eq(state));
    if let Some(span) = span {
        rows = rows
            .filter(Column::CreatedAt.gte(span.from_ms))
            .filter(Column::CreatedAt.lt(span.to_ms));
    }
    rows.limit(limit).into_tuple().all(db).await
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
