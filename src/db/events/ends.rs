//! The ends of the logs: where each begins, and how its old end is taken away.
//!
//! What goes is always the first entries of a log, so that what stays has no hole.

use std::collections::BTreeMap;

use entity::{
    events::{Column, Entity},
    ids::{EventId, SessionId, UserId},
    sessions,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

/// Where the log of a session begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Ends {
    /// Whose log.
    pub session: SessionId,
    /// Who owns the session.
    pub owner: UserId,
    /// The settings of the session, as JSON.
    pub settings: String,
    /// The first number that it holds; none when it holds nothing.
    pub first_seq: Option<i64>,
    /// When the first entry was written.
    pub first_at: Option<i64>,
    /// The last number that it holds.
    pub last_seq: Option<i64>,
}

/// One of the first entries of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Oldest {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    /// When it was written.
    pub created_at: i64,
}

/// The ends of the logs of up to `limit` sessions of everybody, in the order of their ids, after `after`. Each end is one
/// seek, whatever the log holds.
pub async fn page(
    db: &impl ConnectionTrait,
    after: Option<SessionId>,
    limit: u64,
) -> Result<Vec<Ends>, DbErr> {
    let mut logs = sessions::Entity::find()
        .select_only()
        .column_as(sessions::Column::Id, "session")
        .column_as(sessions::Column::OwnerId, "owner")
        .column(sessions::Column::Settings)
        .expr_as(Expr::from(end(Column::Seq, Order::Asc)), "first_seq")
        .expr_as(Expr::from(end(Column::CreatedAt, Order::Asc)), "first_at")
        .expr_as(Expr::from(end(Column::Seq, Order::Desc)), "last_seq")
        .order_by_asc(sessions::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        logs = logs.filter(sessions::Column::Id.gt(after));
    }
    logs.into_model().all(db).await
}

/// `column` of the first or the last entry. Not the smallest or largest of all: MariaDB would read the whole log for it.
fn end(column: Column, order: Order) -> SelectStatement {
    Query::select()
        .column((Entity, column))
        .from(Entity)
        .and_where(
            Expr::col((Entity, Column::SessionId)).equals((sessions::Entity, sessions::Column::Id)),
        )
        .order_by((Entity, Column::Seq), order)
        .limit(1)
        .take()
}

/// The first number of each of the logs of `owned`, which the caller has found by their owner; a log that holds nothing
/// is left out.
pub async fn first_seqs(
    db: &impl ConnectionTrait,
    owned: &[SessionId],
) -> Result<Vec<(SessionId, i64)>, DbErr> {
    let first = Expr::from(end(Column::Seq, Order::Asc));
    let all: Vec<(SessionId, Option<i64>)> = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .expr_as(first, "first_seq")
        .filter(sessions::Column::Id.is_in(owned.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let held = |(session, first): (SessionId, Option<i64>)| first.map(|first| (session, first));
    Ok(all.into_iter().filter_map(held).collect())
}

/// The first `limit` entries of the log of `session`, locked until the end of `tx`, which must come from
/// [`begin`](crate::db::begin): nobody queues a delivery of them meanwhile.
pub async fn lock_oldest(
    tx: &impl ConnectionTrait,
    session: SessionId,
    limit: u64,
) -> Result<Vec<Oldest>, DbErr> {
    let mut oldest = Entity::find()
        .select_only()
        .columns([Column::Seq, Column::Id, Column::CreatedAt])
        .filter(Column::SessionId.eq(session))
        .order_by_asc(Column::Seq)
        .limit(limit);
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        oldest = oldest.lock_exclusive();
    }
    oldest.into_model().all(tx).await
}

/// Removes the entries of the log of `session` up to `last`, that included; tells how many.
pub async fn remove_until(
    db: &impl ConnectionTrait,
    session: SessionId,
    last: i64,
) -> Result<u64, DbErr> {
    let gone = Entity::delete_many()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Seq.lte(last))
        .exec(db)
        .await?;
    Ok(gone.rows_affected)
}

/// Those of `ids` that a log still holds, locked until the end of `tx`, which must come from [`begin`](crate::db::begin):
/// retention leaves them alone meanwhile.
///
/// They are locked by their places and in their order, as [`lock_oldest`] does it: MariaDB locks what it finds by the
/// unique index of ids in that index first, and would stand against a retention that goes the other way.
pub async fn lock_held(
    tx: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<Vec<EventId>, DbErr> {
    let found: Vec<(SessionId, i64)> = Entity::find()
        .select_only()
        .columns([Column::SessionId, Column::Seq])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(tx)
        .await?;
    let mut places: BTreeMap<SessionId, Vec<i64>> = BTreeMap::new();
    for (session, seq) in found {
        places.entry(session).or_default().push(seq);
    }
    let mut any = Condition::any();
    for (session, seqs) in places {
        let of_session = Condition::all()
            .add(Column::SessionId.eq(session))
            .add(Column::Seq.is_in(seqs));
        any = any.add(of_session);
    }
    if any.is_empty() {
        return Ok(Vec::new());
    }
    let mut held = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(any)
        .order_by_asc(Column::SessionId)
        .order_by_asc(Column::Seq);
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        held = held.lock_exclusive();
    }
    held.into_tuple().all(tx).await
}
