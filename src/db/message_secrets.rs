//! `message_secrets`: what answers to polls and calendar events are encrypted with. A session's journal alone writes it.

use entity::{
    ids::{MessageRowId, SessionId},
    message_secrets::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::Script;

/// Its name, which binds what is sealed in it.
pub const TABLE: &str = "message_secrets";

/// Writes new rows, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// The secrets of those among `ids` that have one.
pub async fn of(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[MessageRowId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}
