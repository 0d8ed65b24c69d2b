//! `message_marks`: what became of messages. A session's journal alone writes it; the last of one person replaces the
//! one before.

use entity::{
    ids::SessionId,
    message_marks::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};

use super::Script;

/// Writes a mark over the one that is there, as part of `script`.
pub fn put(script: &mut Script, row: Model) {
    let same = [
        Column::SessionId,
        Column::Target,
        Column::Chat,
        Column::Kind,
        Column::Sender,
    ];
    let over = OnConflict::columns(same)
        .update_columns([Column::Body, Column::CreatedAt])
        .to_owned();
    let insert = Entity::insert(ActiveModel::from(row)).on_conflict(over);
    // MariaDB counts a row that is written over as two.
    script.add_lenient(&insert);
}

/// The marks at the messages with these ids of WhatsApp's, the oldest first.
pub async fn at(
    db: &impl ConnectionTrait,
    session: SessionId,
    targets: &[&str],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Target.is_in(targets.iter().copied()))
        .order_by_asc(Column::CreatedAt)
        .all(db)
        .await
}
