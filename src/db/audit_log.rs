//! `audit_log`: written once, read newest first, forgotten by age.

use entity::{
    audit_log::{ActiveModel, Column, Entity, Model},
    ids::{AuditId, UserId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

/// Adds a row.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    let row = ActiveModel::from(row).reset_all();
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// What `actors` have done, or everybody, newest first before `cursor`.
pub async fn page(
    db: &impl ConnectionTrait,
    actors: Option<&[UserId]>,
    cursor: Option<AuditId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find().order_by_desc(Column::Id).limit(limit);
    if let Some(actors) = actors {
        rows = rows.filter(Column::ActorId.is_in(actors.iter().copied()));
    }
    if let Some(cursor) = cursor {
        rows = rows.filter(Column::Id.lt(cursor));
    }
    rows.all(db).await
}

/// Removes up to `limit` of the oldest rows that were written before `before`; how many.
pub async fn sweep(db: &impl ConnectionTrait, before: i64, limit: u64) -> Result<u64, DbErr> {
    let old: Vec<AuditId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::At.lt(before))
        .order_by_asc(Column::At)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    let gone = Entity::delete_many()
        .filter(Column::Id.is_in(old))
        .exec(db)
        .await?;
    Ok(gone.rows_affected)
}
