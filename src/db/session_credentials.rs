//! `session_credentials`: what sessions have of their own.

use entity::{
    ids::{SessionId, UserId},
    session_credentials::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
};

/// Those of `sessions` of this owner that have some.
pub async fn of_sessions(
    db: &impl ConnectionTrait,
    owner: UserId,
    sessions: &[SessionId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::SessionId.is_in(sessions.iter().copied()))
        .all(db)
        .await
}

/// Adds a row; false if the session has one already.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let row = ActiveModel::from(row).reset_all();
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) => match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Removes the row of a session of this owner.
pub async fn delete(
    db: &impl ConnectionTrait,
    owner: UserId,
    session: SessionId,
) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::SessionId.eq(session))
        .exec(db)
        .await?;
    Ok(())
}
