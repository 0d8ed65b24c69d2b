//! `events`: the durable log of each session.

use entity::{
    events::{ActiveModel, Column, Entity, Model},
    ids::SessionId,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::Script;

pub mod ends;

/// Appends rows, whose numbers the caller took from the session's fence in the same transaction.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// Events after `after`, in order, of `types` only when some are given.
pub async fn page(
    db: &impl ConnectionTrait,
    session: SessionId,
    after: i64,
    types: &[String],
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .limit(limit);
    if !types.is_empty() {
        find = find.filter(Column::EventType.is_in(types));
    }
    find.all(db).await
}

/// The first number that the log still holds.
pub async fn first_seq(
    db: &impl ConnectionTrait,
    session: SessionId,
) -> Result<Option<i64>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Seq)
        .filter(Column::SessionId.eq(session))
        .order_by_asc(Column::Seq)
        .into_tuple()
        .one(db)
        .await
}

/// Events of `types`, newest first after the first `skip`.
pub async fn newest(
    db: &impl ConnectionTrait,
    session: SessionId,
    types: &[&str],
    (skip, limit): (u64, u64),
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::EventType.is_in(types.iter().copied()))
        .order_by_desc(Column::Seq)
        .offset(skip)
        .limit(limit)
        .all(db)
        .await
}

/// How many events of `types` there are.
pub async fn count(
    db: &impl ConnectionTrait,
    session: SessionId,
    types: &[&str],
) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::EventType.is_in(types.iter().copied()))
        .count(db)
        .await
}
