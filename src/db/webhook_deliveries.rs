//! `webhook_deliveries`: the outbox, as its writers and its readers see it.
//!
//! What the dispatcher does with it is in [`dispatch`].

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{DeliveryId, EndpointId, EventId, UserId},
    webhook_deliveries::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Value},
};

use super::Script;

pub mod dispatch;
pub mod ended;
pub mod replay;

/// States in which nothing is to be done any more.
const FINAL: [DeliveryState; 3] = [
    DeliveryState::Delivered,
    DeliveryState::Dead,
    DeliveryState::Cancelled,
];

/// Insert `rows`, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// One delivery of `owner`.
pub async fn find(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: DeliveryId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::OwnerId.eq(owner))
        .one(db)
        .await
}

/// The deliveries of an endpoint of `owner`, newest event first, before `cursor`.
pub async fn list(
    db: &impl ConnectionTrait,
    owner: UserId,
    endpoint: EndpointId,
    state: Option<DeliveryState>,
    cursor: Option<EventId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::OwnerId.eq(owner));
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state));
    }
    if let Some(cursor) = cursor {
        query = query.filter(Column::EventId.lt(cursor));
    }
    query
        .order_by_desc(Column::EventId)
        .limit(limit)
        .all(db)
        .await
}

/// The events among `events` that have a delivery to `endpoint`.
pub async fn known_events(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    events: &[EventId],
) -> Result<Vec<EventId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::EventId)
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::EventId.is_in(events.iter().copied()))
        .into_tuple()
        .all(db)
        .await
}

/// The lowest number among `events` of which a delivery to `endpoint` is still under way. The caller names the events of
/// one session.
pub async fn first_waiting(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    events: &[EventId],
) -> Result<Option<i64>, DbErr> {
    // The states are told apart here: a database that went by them would read all that waits.
    let found: Vec<(i64, DeliveryState)> = Entity::find()
        .select_only()
        .columns([Column::Seq, Column::State])
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::EventId.is_in(events.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let waiting = found
        .into_iter()
        .filter(|(_, state)| !FINAL.contains(state));
    Ok(waiting.map(|(seq, _)| seq).min())
}

/// Queue again what has ended; tells how many. A delivery that is still under way is left alone.
pub async fn requeue(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    events: &[EventId],
    now_ms: i64,
) -> Result<u64, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(DeliveryState::Pending))
        .col_expr(Column::Attempt, Expr::value(0))
        .col_expr(Column::TriggeredBy, Expr::value(AttemptTrigger::Manual))
        .col_expr(Column::NextAt, Expr::value(Value::BigInt(None)))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::EventId.is_in(events.iter().copied()))
        .filter(Column::State.is_in(FINAL))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Make a waiting retry due now; tells whether there was one.
pub async fn hasten(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: DeliveryId,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::TriggeredBy, Expr::value(AttemptTrigger::Manual))
        .col_expr(Column::NextAt, Expr::value(now_ms))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::Id.eq(id))
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::State.eq(DeliveryState::Pending))
        .filter(Column::Attempt.gt(0))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Give up whatever is still on its way to `endpoint`, which is being deleted.
pub async fn cancel(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    now_ms: i64,
) -> Result<u64, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(DeliveryState::Cancelled))
        .col_expr(Column::NextAt, Expr::value(Value::BigInt(None)))
        .col_expr(Column::LeaseNode, Expr::value(Value::Uuid(None)))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::State.is_in([DeliveryState::Pending, DeliveryState::Inflight]))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}
