//! The dispatcher's statements: what may be posted, who posts it, how it went.
//!
//! A row is leased by a conditional update, so that two processes cannot post it at once; every later write
//! names the lease, so that one which came too late changes nothing.

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    events,
    ids::{DeliveryId, EndpointId, EventId, NodeId, SessionId},
    webhook_deliveries::{Column, Entity, Model},
    webhook_endpoints,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, UpdateMany,
    sea_query::{Expr, ExprTrait, Query, Value},
};

use crate::db::Script;

/// Ids per statement.
const IDS_PER_UPDATE: usize = 500;

fn of(endpoint: EndpointId, state: DeliveryState) -> Select<Entity> {
    Entity::find()
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::State.eq(state))
}

/// First attempts that wait, lane by lane (by session, then `seq`), starting after the lane of `after`.
pub async fn first_attempts(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    after: Option<SessionId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = of(endpoint, DeliveryState::Pending).filter(Column::Attempt.eq(0));
    if let Some(after) = after {
        query = query.filter(Column::SessionId.gt(after));
    }
    query
        .order_by_asc(Column::SessionId)
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await
}

/// First attempts that somebody holds, or held when it died: few, since leases are few.
pub async fn first_attempts_held(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
) -> Result<Vec<Model>, DbErr> {
    of(endpoint, DeliveryState::Inflight)
        .filter(Column::Attempt.eq(0))
        .order_by_asc(Column::SessionId)
        .order_by_asc(Column::Seq)
        .all(db)
        .await
}

/// Retries that are due, the longest due first, those whose lease has ended among them.
pub async fn retries(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
    now_ms: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut due = Vec::new();
    for state in [DeliveryState::Inflight, DeliveryState::Pending] {
        due.extend(
            of(endpoint, state)
                .filter(Column::NextAt.lte(now_ms))
                .filter(Column::Attempt.gt(0))
                .order_by_asc(Column::NextAt)
                .limit(limit)
                .all(db)
                .await?,
        );
    }
    Ok(due)
}

/// The lanes in which a retry waits or is under way, each with its first: what `strict` order waits for.
pub async fn lanes_with_retry(
    db: &impl ConnectionTrait,
    endpoint: EndpointId,
) -> Result<Vec<(SessionId, i64)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::SessionId)
        .column_as(Column::Seq.min(), "first")
        .filter(Column::EndpointId.eq(endpoint))
        .filter(Column::State.is_in([DeliveryState::Pending, DeliveryState::Inflight]))
        .filter(Column::Attempt.gt(0))
        .group_by(Column::SessionId)
        .into_tuple()
        .all(db)
        .await
}

/// The right to post some rows until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who posts.
    pub node: NodeId,
    /// Until when.
    pub until_ms: i64,
}

impl Lease {
    fn holds(self) -> Condition {
        Condition::all()
            .add(Column::State.eq(DeliveryState::Inflight))
            .add(Column::LeaseNode.eq(self.node))
            .add(Column::NextAt.eq(self.until_ms))
    }
}

/// Lease those of `ids` that are still free at `now_ms`; gives the ids that were.
pub async fn lease(
    db: &impl ConnectionTrait,
    ids: &[DeliveryId],
    lease: Lease,
    now_ms: i64,
) -> Result<Vec<DeliveryId>, DbErr> {
    let mut leased = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_UPDATE) {
        let done = Entity::update_many()
            .col_expr(Column::State, Expr::value(DeliveryState::Inflight))
            .col_expr(Column::LeaseNode, Expr::value(lease.node))
            .col_expr(Column::NextAt, Expr::value(lease.until_ms))
            .col_expr(Column::UpdatedAt, Expr::value(now_ms))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .filter(Column::State.is_in([DeliveryState::Pending, DeliveryState::Inflight]))
            .filter(
                Condition::any()
                    .add(Column::NextAt.is_null())
                    .add(Column::NextAt.lte(now_ms)),
            )
            .exec(db)
            .await?;
        if done.rows_affected == ids.len() as u64 {
            leased.extend_from_slice(ids);
        } else {
            let ours: Vec<DeliveryId> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(lease.holds())
                .into_tuple()
                .all(db)
                .await?;
            leased.extend(ours);
        }
    }
    Ok(leased)
}

/// Give back rows that were not posted: they wait as they did before.
pub async fn release(
    db: &impl ConnectionTrait,
    rows: &[Model],
    lease: Lease,
    now_ms: i64,
) -> Result<(), DbErr> {
    // A first attempt waits for nothing; a retry was due, and is.
    let (first, retries): (Vec<&Model>, Vec<&Model>) =
        rows.iter().partition(|row| row.attempt == 0);
    for (rows, next_at) in [(first, None), (retries, Some(now_ms))] {
        for rows in rows.chunks(IDS_PER_UPDATE) {
            Entity::update_many()
                .col_expr(Column::State, Expr::value(DeliveryState::Pending))
                .col_expr(Column::LeaseNode, Expr::value(Value::Uuid(None)))
                .col_expr(Column::NextAt, Expr::value(next_at))
                .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
                .filter(lease.holds())
                .exec(db)
                .await?;
        }
    }
    Ok(())
}

/// Gives back what `dead` was posting, as [`release`] does: nobody has to wait for the end of its leases.
pub async fn release_all(db: &impl ConnectionTrait, dead: NodeId) -> Result<u64, DbErr> {
    let mut all = Query::select();
    all.column(webhook_endpoints::Column::Id)
        .from(webhook_endpoints::Entity);
    let mut released = 0;
    // It was due when it was leased.
    let due = Expr::col(Column::UpdatedAt);
    for (attempts, next_at) in [
        (Column::Attempt.eq(0), Expr::value(Value::BigInt(None))),
        (Column::Attempt.gt(0), due),
    ] {
        let done = Entity::update_many()
            .col_expr(Column::State, Expr::value(DeliveryState::Pending))
            .col_expr(Column::LeaseNode, Expr::value(Value::Uuid(None)))
            .col_expr(Column::NextAt, next_at)
            // Not by the state alone: each endpoint's are one seek, among however many that have ended.
            .filter(Column::EndpointId.in_subquery(all.clone()))
            .filter(Column::State.eq(DeliveryState::Inflight))
            .filter(Column::LeaseNode.eq(dead))
            .filter(attempts)
            .exec(db)
            .await?;
        released += done.rows_affected;
    }
    Ok(released)
}

/// What an attempt made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// Pending (again at `next_at`), delivered or dead.
    pub state: DeliveryState,
    /// When the next attempt is due, if there is one.
    pub next_at: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Those of `ids` that `node` is posting, each with the end of its lease, locked until the end of `tx`.
pub async fn held(
    tx: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = DeliveryId>,
    node: NodeId,
) -> Result<Vec<(DeliveryId, Option<i64>)>, DbErr> {
    let mut rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::NextAt])
        .filter(Column::Id.is_in(ids))
        .filter(Column::State.eq(DeliveryState::Inflight))
        .filter(Column::LeaseNode.eq(node))
        .order_by_asc(Column::Id);
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        rows = rows.lock_exclusive();
    }
    rows.into_tuple().all(tx).await
}

/// Have `script` write how attempts went; it writes a row less, and has to be undone, where a lease is not held any more.
pub fn finish(script: &mut Script, finished: Vec<(DeliveryId, Lease, Finish)>, now_ms: i64) {
    // Most go well, and those of one round are one statement.
    let mut delivered: Vec<(Lease, Vec<DeliveryId>)> = Vec::new();
    for (id, lease, finish) in finished {
        if finish.state != DeliveryState::Delivered {
            let update = ended(finish, now_ms).filter(Column::Id.eq(id));
            script.add(&update.filter(lease.holds()), 1);
            continue;
        }
        match delivered.iter_mut().find(|(other, _)| *other == lease) {
            Some((_, ids)) => ids.push(id),
            None => delivered.push((lease, vec![id])),
        }
    }
    for (lease, ids) in delivered {
        for ids in ids.chunks(IDS_PER_UPDATE) {
            let good = Finish {
                state: DeliveryState::Delivered,
                next_at: None,
                error: None,
            };
            let update = ended(good, now_ms).filter(Column::Id.is_in(ids.iter().copied()));
            script.add(&update.filter(lease.holds()), ids.len());
        }
    }
}

fn ended(finish: Finish, now_ms: i64) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(finish.state))
        .col_expr(Column::Attempt, Expr::col(Column::Attempt).add(1))
        .col_expr(Column::TriggeredBy, Expr::value(AttemptTrigger::Auto))
        .col_expr(Column::NextAt, Expr::value(finish.next_at))
        .col_expr(Column::LeaseNode, Expr::value(Value::Uuid(None)))
        .col_expr(Column::LastError, Expr::value(finish.error))
        .col_expr(Column::UpdatedAt, Expr::value(now_ms))
}

/// The events that deliveries tell, in any order; one below retention is missing.
pub async fn told(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<Vec<events::Model>, DbErr> {
    events::Entity::find()
        .filter(events::Column::Id.is_in(ids))
        .all(db)
        .await
}
