//! `contacts`: people whom a session knows by name.
//!
//! Written by a session's journal alone, under its fence.

use entity::{
    contacts::{ActiveModel, Column, Entity, Model},
    ids::SessionId,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func, OnConflict},
};

use super::{Script, upsert};

/// Writes what is newly known, as part of `script`; what a row does not say stays. No two rows are of the same person.
pub fn upsert(script: &mut Script, rows: Vec<Model>) {
    let rows = rows.into_iter().map(ActiveModel::from);
    upsert::upsert(script, rows, merged);
}

fn merged(backend: DbBackend) -> OnConflict {
    let mut conflict = OnConflict::columns([Column::SessionId, Column::Id]);
    for column in [Column::Phone, Column::Lid, Column::Name, Column::PushName] {
        let kept = Expr::col((Entity, column));
        let newest = Func::coalesce([upsert::incoming(backend, column), kept]);
        conflict.value(column, newest);
    }
    conflict.value(
        Column::UpdatedAt,
        upsert::incoming(backend, Column::UpdatedAt),
    );
    conflict
}

/// Those of `ids` whom the session knows by name.
pub async fn of(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// A page by address.
pub async fn page(
    db: &impl ConnectionTrait,
    session: SessionId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find().filter(Column::SessionId.eq(session));
    if let Some(after) = after {
        rows = rows.filter(Column::Id.gt(after));
    }
    rows.order_by_asc(Column::Id).limit(limit).all(db).await
}

/// The canonical id of whoever with this LID.
pub async fn by_lid(
    db: &impl ConnectionTrait,
    session: SessionId,
    lid: &str,
) -> Result<Option<String>, DbErr> {
    let ids = Entity::find().select_only().column(Column::Id);
    ids.filter(Column::SessionId.eq(session))
        .filter(Column::Lid.eq(lid))
        .into_tuple()
        .one(db)
        .await
}
