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
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    FromQueryResult, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SelectStatement},
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
    /// Stored list of chats; none is all.
    pub chats: Option<String>,
}

/// The subscriptions of `owner`; a disabled endpoint has none.
pub async fn subscriptions(
    db: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<Subscription>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Types, Column::Sessions, Column::Chats])
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::State.ne(EndpointState::Disabled))
        .order_by_asc(Column::Id)
        .into_model::<Subscription>()
        .all(db)
        .await
}

/// The endpoints that have something to post at `now_ms`, and those whose breaker is open.
///
/// Walks the endpoints, which are few, and seeks into the deliveries, which are many: three index seeks an
/// endpoint, however many rows wait. A join would let the database read all that wait instead.
pub async fn with_work(db: &impl ConnectionTrait, now_ms: i64) -> Result<Vec<Model>, DbErr> {
    let due = |state| Expr::from(due(state, now_ms)).is_not_null();
    Entity::find()
        .filter(Column::State.ne(EndpointState::Disabled))
        .filter(
            Condition::any()
                .add(Column::BreakerUntil.is_not_null())
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

/// One that is due. Not the smallest of all times: to find that, MariaDB and SQLite read past every row without one.
fn due(state: DeliveryState, now_ms: i64) -> SelectStatement {
    of_endpoint(state)
        .column((deliveries::Entity, deliveries::Column::Seq))
        .and_where(deliveries::Column::NextAt.lte(now_ms))
        .limit(1)
        .take()
}

/// What is counted at most: a million of dead rows is not counted for a page of a list.
pub const COUNTED_MAX: u64 = 10_000;

/// What an endpoint has not got, each up to [`COUNTED_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Waits, or is being posted.
    pub pending: u64,
    /// Was given up.
    pub dead: u64,
}

/// Counts what `endpoint` has not got. The caller has found it by its owner.
pub async fn backlog(db: &impl ConnectionTrait, endpoint: EndpointId) -> Result<Backlog, DbErr> {
    Ok(Backlog {
        pending: counted(
            db,
            endpoint,
            [DeliveryState::Pending, DeliveryState::Inflight],
        )
        .await?,
        dead: counted(db, endpoint, [DeliveryState::Dead]).await?,
    })
}

async fn counted(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    states: impl IntoIterator<Item = DeliveryState>,
) -> Result<u64, DbErr> {
    let some = Query::select()
        .column(deliveries::Column::Attempt)
        .from(deliveries::Entity)
        .and_where(deliveries::Column::EndpointId.eq(endpoint))
        .and_where(deliveries::Column::State.is_in(states))
        .limit(COUNTED_MAX)
        .take();
    let count = Query::select()
        .expr(Expr::col(Asterisk).count())
        .from_subquery(some, Alias::new("some_of_them"))
        .take();
    let row = db.query_one(&count).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Insert a row.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The ids of all endpoints of `owner`, the disabled ones among them.
pub async fn ids(db: &impl ConnectionTrait, owner: UserId) -> Result<Vec<EndpointId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::OwnerId.eq(owner))
        .into_tuple()
        .all(db)
        .await
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

/// The endpoints of `owner` in a shape other than `shape`, oldest first: of those sessions alone if `sessions` is given as it
/// is stored.
pub async fn in_other_shapes(
    db: &impl ConnectionTrait,
    owner: UserId,
    shape: &str,
    sessions: Option<&str>,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::Shape.ne(shape));
    if let Some(sessions) = sessions {
        query = query.filter(Column::Sessions.eq(sessions));
    }
    query.order_by_asc(Column::Id).all(db).await
}

/// How many endpoints of this shape `owner` has.
pub async fn count(db: &impl ConnectionTrait, owner: UserId, shape: &str) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::Shape.eq(shape))
        .count(db)
        .await
}

/// How many endpoints `owner` has, in whatever shape.
pub async fn count_all(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
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

/// Give an endpoint of `owner` nothing more, and say why; one that is disabled already keeps its reason. Every log of the
/// owner knows from the commit on. `tx` must come from [`super::begin`].
pub async fn disable(
    tx: &super::Transaction,
    owner: UserId,
    id: EndpointId,
    reason: &str,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(EndpointState::Disabled))
        .col_expr(Column::DisabledReason, Expr::value(reason))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
        .filter(Column::Id.eq(id))
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::State.ne(EndpointState::Disabled))
        .exec(tx)
        .await?;
    super::leases::endpoints_changed(tx, owner).await?;
    Ok(done.rows_affected > 0)
}

/// Keeps the breaker of `row`, whose time is over, open until `until_ms` for everybody else. False if somebody else has
/// done so since it was read, or the endpoint is gone.
pub async fn claim_probe(
    db: &DatabaseConnection,
    row: &Model,
    until_ms: i64,
) -> Result<bool, DbErr> {
    let claim = Entity::update_many()
        .col_expr(Column::BreakerUntil, Expr::value(until_ms))
        .filter(Column::Id.eq(row.id))
        .filter(Column::BreakerUntil.eq(row.breaker_until));
    let backend = db.get_database_backend();
    let claimed = super::Script::fenced(backend, claim.build(backend));
    Ok(claimed.commit(db).await? == super::Committed::Yes)
}

/// The endpoints `ids`, whoever owns them, locked until the end of `tx`, in the order of their ids.
pub async fn lock_each(
    tx: &super::Transaction,
    ids: impl IntoIterator<Item = EndpointId>,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id);
    if tx.get_database_backend() != DbBackend::Sqlite {
        rows = rows.lock_exclusive();
    }
    rows.all(tx).await
}

/// Have `script` write what is known of the health of `row`, which was read by [`lock_each`], and whether it is disabled.
pub fn set_health(script: &mut super::Script, row: &Model) {
    let update = Entity::update_many()
        .col_expr(Column::FirstFailureAt, Expr::value(row.first_failure_at))
        .col_expr(Column::FailedAttempts, Expr::value(row.failed_attempts))
        .col_expr(Column::ExhaustedEvents, Expr::value(row.exhausted_events))
        .col_expr(Column::FailuresInARow, Expr::value(row.failures_in_a_row))
        .col_expr(Column::BreakerOpens, Expr::value(row.breaker_opens))
        .col_expr(Column::BreakerUntil, Expr::value(row.breaker_until))
        .col_expr(Column::WarnedAt, Expr::value(row.warned_at))
        .col_expr(Column::State, Expr::value(row.state))
        .col_expr(
            Column::DisabledReason,
            Expr::value(row.disabled_reason.clone()),
        )
        .col_expr(Column::UpdatedAt, Expr::value(row.updated_at))
        .filter(Column::Id.eq(row.id));
    script.add(&update, 1);
}
