//! `leases`: who may run what, and since which epoch.

use std::time::Duration;

use entity::{
    enums::LeaseKind,
    ids::{NodeId, SessionId, UserId},
    leases::{ActiveModel, Column, Entity, Model},
    nodes, sessions,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query},
};
use uuid::Uuid;

use super::now;

/// A session that was claimed, at which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The session.
    pub session: SessionId,
    /// The epoch of this claim.
    pub epoch: i64,
    /// How many starts have failed in a row.
    pub fail_count: i32,
}

/// The lease row of a new session; nobody owns it and nobody wants it to run.
pub async fn insert(db: &impl ConnectionTrait, session: SessionId) -> Result<(), DbErr> {
    let row = ActiveModel {
        kind: Set(LeaseKind::Session),
        lease_key: Set(session.uuid()),
        desired: Set(false),
        owner_node: Set(None),
        epoch: Set(0),
        last_seq: Set(0),
        claimed_at: Set(None),
        not_before: Set(0),
        fail_count: Set(0),
        endpoints_version: Set(0),
    };
    Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}

/// The lease row of a session.
pub async fn find(db: &impl ConnectionTrait, session: SessionId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((LeaseKind::Session, session.uuid()))
        .one(db)
        .await
}

/// What the lease of a session tells those who only look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Standing {
    /// The session.
    pub lease_key: Uuid,
    /// The last event number.
    pub last_seq: i64,
    /// Whether it should run.
    pub desired: bool,
    /// Who runs it, or did until it died.
    pub owner_node: Option<NodeId>,
}

/// How each of `sessions` stands.
pub async fn standings(
    db: &impl ConnectionTrait,
    sessions: &[SessionId],
) -> Result<Vec<Standing>, DbErr> {
    Entity::find()
        .select_only()
        .columns([
            Column::LeaseKey,
            Column::LastSeq,
            Column::Desired,
            Column::OwnerNode,
        ])
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.is_in(sessions.iter().map(|id| id.uuid())))
        .into_model()
        .all(db)
        .await
}

/// Says whether the session should run; wanting it clears what held it back.
pub async fn set_desired(
    db: &impl ConnectionTrait,
    session: SessionId,
    desired: bool,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::Desired, Expr::value(desired))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()));
    if desired {
        update = update
            .col_expr(Column::NotBefore, Expr::value(0_i64))
            .col_expr(Column::FailCount, Expr::value(0));
    }
    update.exec(db).await.map(|_| ())
}

/// Holds the next claim back by `delay`, by the database's clock, and counts one more failed start.
pub async fn hold_back(
    db: &impl ConnectionTrait,
    session: SessionId,
    delay: Duration,
) -> Result<(), DbErr> {
    let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 2);
    let due = now::expr(db.get_database_backend()).add(Expr::val(delay));
    Entity::update_many()
        .col_expr(Column::NotBefore, due)
        .col_expr(Column::FailCount, Expr::col(Column::FailCount).add(1))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .exec(db)
        .await
        .map(|_| ())
}

/// A start has succeeded.
pub async fn reset_failures(db: &impl ConnectionTrait, session: SessionId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::FailCount, Expr::value(0))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .filter(Column::FailCount.gt(0))
        .exec(db)
        .await
        .map(|_| ())
}

/// Claims up to `limit` sessions that are wanted, due, and owned by nobody who is alive.
///
/// An owner is taken for dead when its node's lease ended more than `grace` ago, by the database's clock.
/// `only` narrows it to one session. `tx` must come from [`super::begin`].
pub async fn claim(
    tx: &super::Transaction,
    node: NodeId,
    only: Option<SessionId>,
    limit: u64,
    grace: Duration,
) -> Result<Vec<Claimed>, DbErr> {
    let backend = tx.get_database_backend();
    let grace = i64::try_from(grace.as_millis()).unwrap_or(0);
    let alive = Query::select()
        .column(nodes::Column::Id)
        .from(nodes::Entity)
        .and_where(
            Expr::col(nodes::Column::LeaseUntil)
                .add(grace)
                .gt(now::expr(backend)),
        )
        .to_owned();
    // A node that others take for dead must not claim: it would take back what was taken from it.
    let me = Query::select()
        .expr(Expr::val(1))
        .from(nodes::Entity)
        .and_where(Expr::col(nodes::Column::Id).eq(node))
        .and_where(Expr::col(nodes::Column::LeaseUntil).gt(now::expr(backend)))
        .to_owned();
    let free = Condition::any()
        .add(Column::OwnerNode.is_null())
        .add(Column::OwnerNode.not_in_subquery(alive));
    let mut due = Entity::find()
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::Desired.eq(true))
        .filter(Expr::col(Column::NotBefore).lte(now::expr(backend)))
        .filter(free)
        .filter(Expr::exists(me))
        .order_by_asc(Column::NotBefore)
        .order_by_asc(Column::LeaseKey)
        .limit(limit);
    if let Some(session) = only {
        due = due.filter(Column::LeaseKey.eq(session.uuid()));
    }
    if backend != DbBackend::Sqlite {
        // Two nodes that look at the same time must not wait for each other's rows.
        due = due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let rows = due.all(tx).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    Entity::update_many()
        .col_expr(Column::OwnerNode, Expr::value(Some(node.uuid())))
        .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
        .col_expr(Column::ClaimedAt, now::expr(backend))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.is_in(rows.iter().map(|row| row.lease_key)))
        .exec(tx)
        .await?;
    let claimed = |row: Model| Claimed {
        session: SessionId(row.lease_key),
        epoch: row.epoch + 1,
        fail_count: row.fail_count,
    };
    Ok(rows.into_iter().map(claimed).collect())
}

/// Takes the next number of a session's log for who does not run it; none if the session is gone.
///
/// Whoever runs it finds by its fence that what it remembers is outdated. The row stays locked until the end of `tx`, which
/// must come from [`super::begin`] and write the event.
pub async fn take_number(
    tx: &super::Transaction,
    session: SessionId,
) -> Result<Option<i64>, DbErr> {
    let taken = Entity::update_many()
        .col_expr(Column::LastSeq, Expr::col(Column::LastSeq).add(1))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .exec(tx)
        .await?;
    if taken.rows_affected == 0 {
        return Ok(None);
    }
    Entity::find_by_id((LeaseKind::Session, session.uuid()))
        .select_only()
        .column(Column::LastSeq)
        .into_tuple()
        .one(tx)
        .await
}

/// Gives a session free, if it is still held at `epoch`.
pub async fn release(
    db: &impl ConnectionTrait,
    session: SessionId,
    node: NodeId,
    epoch: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::OwnerNode, Expr::value(None::<Uuid>))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .filter(Column::OwnerNode.eq(node))
        .filter(Column::Epoch.eq(epoch))
        .exec(db)
        .await
        .map(|_| ())
}

/// Gives everything free that a node held.
pub async fn release_all(db: &impl ConnectionTrait, node: NodeId) -> Result<u64, DbErr> {
    let freed = Entity::update_many()
        .col_expr(Column::OwnerNode, Expr::value(None::<Uuid>))
        .filter(Column::OwnerNode.eq(node))
        .exec(db)
        .await?;
    Ok(freed.rows_affected)
}

/// Forgets the lease of a deleted session.
pub async fn delete(db: &impl ConnectionTrait, session: SessionId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .exec(db)
        .await
        .map(|_| ())
}

/// Makes every earlier claim of the session stale. `tx` must come from [`super::begin`].
pub async fn raise_epoch(tx: &super::Transaction, session: SessionId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.eq(session.uuid()))
        .exec(tx)
        .await
        .map(|_| ())
}

/// Says that what the endpoints of `owner` want has changed: no log of theirs is written on what it was.
pub async fn endpoints_changed(tx: &super::Transaction, owner: UserId) -> Result<(), DbErr> {
    let theirs = Query::select()
        .column(sessions::Column::Id)
        .from(sessions::Entity)
        .and_where(sessions::Column::OwnerId.eq(owner))
        .to_owned();
    Entity::update_many()
        .col_expr(
            Column::EndpointsVersion,
            Expr::col(Column::EndpointsVersion).add(1),
        )
        .filter(Column::Kind.eq(LeaseKind::Session))
        .filter(Column::LeaseKey.in_subquery(theirs))
        .exec(tx)
        .await
        .map(|_| ())
}
