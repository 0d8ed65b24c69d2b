//! Reading the log for a replay: what happened in a session within a span of time.

use entity::{
    events::{Column, Entity},
    ids::{EventId, SessionId, UserId},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

/// An event that can be queued again.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Past {
    /// Its id.
    pub id: EventId,
    /// Its place in the log.
    pub seq: i64,
    /// Its name.
    pub event_type: String,
    /// Its `data`, as JSON.
    pub payload: String,
}

/// From (included) and to (not included), in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first millisecond.
    pub from_ms: i64,
    /// The first millisecond after it.
    pub to_ms: i64,
}

fn within(owner: UserId, session: SessionId, span: Span) -> Select<Entity> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::CreatedAt.gte(span.from_ms))
        .filter(Column::CreatedAt.lt(span.to_ms))
}

/// How many events there are.
pub async fn count(
    db: &impl ConnectionTrait,
    owner: UserId,
    session: SessionId,
    span: Span,
) -> Result<u64, DbErr> {
    within(owner, session, span).count(db).await
}

/// The events after `after`, in order, locked until the end of `tx`, which must come from [`begin`](crate::db::begin): retention
/// leaves them alone meanwhile.
pub async fn page(
    tx: &impl ConnectionTrait,
    owner: UserId,
    session: SessionId,
    span: Span,
    after: i64,
    limit: u64,
) -> Result<Vec<Past>, DbErr> {
    let mut page = within(owner, session, span)
        .select_only()
        .columns([Column::Id, Column::Seq, Column::EventType, Column::Payload])
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .limit(limit);
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        page = page.lock_exclusive();
    }
    page.into_model::<Past>().all(tx).await
}

/// The number of the first event that the log of a session of `owner` holds, and when it was written.
pub async fn first(
    db: &impl ConnectionTrait,
    owner: UserId,
    session: SessionId,
) -> Result<Option<(i64, i64)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Seq, Column::CreatedAt])
        .filter(Column::SessionId.eq(session))
        .filter(Column::OwnerId.eq(owner))
        .order_by_asc(Column::Seq)
        .into_tuple()
        .one(db)
        .await
}
