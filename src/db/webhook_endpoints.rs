//! `webhook_endpoints`. Every finder of a user's verb takes the owner.

use entity::{
    enums::{DeliveryState, EndpointState},
    ids::{EndpointId, UserId},
    webhook_deliveries as deliveries,
    webhook_endpoints::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Unchanged,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

/// What decides whether an endpoint gets an event.
#[derive(Debug, FromQueryResult)]
pub struct Subscription {
    /// The endpoint.
    pub id: EndpointId,
    /// Stored list of event names.
    pub types: String,
    /// Stored list of sessions.
    pub sessions: String,
}

/// The subscriptions of `owner`; a disabled endpoint has none.
pub async fn subscriptions(
    db: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<Subscription>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Types, Column::Sessions])
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::State.ne(EndpointState::Disabled))
        .order_by_asc(Column::Id)
        .into_model::<Subscription>()
        .all(db)
        .await
}

/// The endpoints that have something to post at `now_ms`.
///
/// Walks the endpoints, which are few, and seeks into the deliveries, which are many: three index seeks an
/// endpoint, however many rows wait. A join would let the database read all that wait instead.
pub async fn with_work(db: &impl ConnectionTrait, now_ms: i64) -> Result<Vec<Model>, DbErr> {
    let due = |state| Expr::from(earliest(state)).lte(now_ms);
    Entity::find()
        .filter(Column::State.ne(EndpointState::Disabled))
        .filter(
            Condition::any()
                .add(Expr::from(first_attempt()).is_not_null())
                .add(due(DeliveryState::Pending))
                .add(due(DeliveryState::Inflight)),
        )
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

fn of_endpoint(state: DeliveryState) -> SelectStatement {
    Query::select()
        .from(deliveries::Entity)
        .and_where(
            Expr::col((deliveries::Entity, deliveries::Column::EndpointId))
                .equals((Entity, Column::Id)),
        )
        .and_where(deliveries::Column::State.eq(state))
        .take()
}

fn first_attempt() -> SelectStatement {
    of_endpoint(DeliveryState::Pending)
        .column((deliveries::Entity, deliveries::Column::Seq))
        .and_where(deliveries::Column::Attempt.eq(0))
        .limit(1)
        .take()
}

fn earliest(state: DeliveryState) -> SelectStatement {
    of_endpoint(state)
        .expr(Expr::col((deliveries::Entity, deliveries::Column::NextAt)).min())
        .take()
}

/// Insert a row.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// One endpoint of `owner`.
pub async fn find(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: EndpointId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::OwnerId.eq(owner))
        .one(db)
        .await
}

/// One endpoint of `owner`, locked until the end of `tx`, which must come from [`super::begin`].
pub async fn lock(
    tx: &super::Transaction,
    owner: UserId,
    id: EndpointId,
) -> Result<Option<Model>, DbErr> {
    let mut row = Entity::find_by_id(id).filter(Column::OwnerId.eq(owner));
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        row = row.lock_exclusive();
    }
    row.one(tx).await
}

/// The endpoints of `owner` after `cursor`, oldest first.
pub async fn list(
    db: &impl ConnectionTrait,
    owner: UserId,
    cursor: Option<EndpointId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::OwnerId.eq(owner));
    if let Some(cursor) = cursor {
        query = query.filter(Column::Id.gt(cursor));
    }
    query.order_by_asc(Column::Id).limit(limit).all(db).await
}

/// How many endpoints `owner` has.
pub async fn count(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .count(db)
        .await
}

/// Write all columns of `row`, which was read by [`lock`]; tells whether it is still there.
pub async fn replace(db: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let (id, owner) = (row.id, row.owner_id);
    let mut row = ActiveModel::from(row).reset_all();
    row.id = Unchanged(id);
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .filter(Column::OwnerId.eq(owner))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Delete an endpoint of `owner`; tells whether there was one.
pub async fn delete(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: EndpointId,
) -> Result<bool, DbErr> {
    let done = Entity::delete_many()
        .filter(Column::Id.eq(id))
        .filter(Column::OwnerId.eq(owner))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Give an endpoint nothing more, and say why; one that is disabled already keeps its reason.
pub async fn disable(
    db: &impl ConnectionTrait,
    id: EndpointId,
    reason: &str,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(EndpointState::Disabled))
        .col_expr(Column::DisabledReason, Expr::value(reason))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::Id.eq(id))
        .filter(Column::State.ne(EndpointState::Disabled))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Remember since when an endpoint has only failed; a success ([`None`]) forgets it.
pub async fn mark_failing(
    db: &impl ConnectionTrait,
    id: EndpointId,
    since_ms: Option<i64>,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::FirstFailureAt, Expr::value(since_ms))
        .filter(Column::Id.eq(id));
    // Only the first failure and the first success after it write anything.
    update = match since_ms {
        Some(_) => update.filter(Column::FirstFailureAt.is_null()),
        None => update.filter(Column::FirstFailureAt.is_not_null()),
    };
    update.exec(db).await?;
    Ok(())
}
