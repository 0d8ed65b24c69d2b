//! `labels` and `chat_labels`: what an account sorts its chats by.
//!
//! Written by a session's journal alone, under its fence.

use entity::{
    chat_labels,
    ids::SessionId,
    labels::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func, OnConflict},
};

use super::{Script, upsert};

/// Writes what is newly known of labels, as part of `script`; what a row does not say stays. No two rows are of the same.
pub fn upsert(script: &mut Script, rows: Vec<Model>) {
    let rows = rows.into_iter().map(ActiveModel::from);
    upsert::upsert(script, rows, merged);
}

fn merged(backend: DbBackend) -> OnConflict {
    let incoming = |column: Column| upsert::incoming(backend, column);
    let mut conflict = OnConflict::columns([Column::SessionId, Column::Id]);
    for column in [Column::Name, Column::Color] {
        let newest = Func::coalesce([incoming(column), Expr::col((Entity, column))]);
        conflict.value(column, newest);
    }
    conflict.value(Column::Deleted, incoming(Column::Deleted));
    conflict.value(Column::UpdatedAt, incoming(Column::UpdatedAt));
    conflict
}

/// Takes a label from every chat, as part of `script`.
pub fn clear(script: &mut Script, session: SessionId, label: &str) {
    let delete = chat_labels::Entity::delete_many()
        .filter(chat_labels::Column::SessionId.eq(session))
        .filter(chat_labels::Column::Label.eq(label));
    script.add_lenient(&delete);
}

/// Takes a label from a chat, as part of `script`.
pub fn take(script: &mut Script, session: SessionId, label: &str, chat: &str) {
    let delete = chat_labels::Entity::delete_many()
        .filter(chat_labels::Column::SessionId.eq(session))
        .filter(chat_labels::Column::Label.eq(label))
        .filter(chat_labels::Column::Chat.eq(chat));
    script.add_lenient(&delete);
}

/// Puts labels on chats, as part of `script`; they may have them.
pub fn put(script: &mut Script, rows: Vec<chat_labels::Model>) {
    let rows = rows.into_iter().map(chat_labels::ActiveModel::from);
    upsert::upsert(script, rows, as_it_is);
}

fn as_it_is(_: DbBackend) -> OnConflict {
    use chat_labels::Column as Of;
    let mut conflict = OnConflict::columns([Of::SessionId, Of::Label, Of::Chat]);
    // A value that is there: not every database can do nothing here.
    conflict.value(
        Of::CreatedAt,
        Expr::col((chat_labels::Entity, Of::CreatedAt)),
    );
    conflict
}

/// Every label that there is or was, by id.
pub async fn all(db: &impl ConnectionTrait, session: SessionId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// A label that there is.
pub async fn find(
    db: &impl ConnectionTrait,
    session: SessionId,
    id: &str,
) -> Result<Option<Model>, DbErr> {
    let found = Entity::find_by_id((session, id.to_owned())).one(db).await?;
    Ok(found.filter(|label| !label.deleted))
}

/// The labels of chats: of each chat the ids, in their order.
pub async fn of_chats(
    db: &impl ConnectionTrait,
    session: SessionId,
    chats: &[&str],
) -> Result<Vec<(String, String)>, DbErr> {
    chat_labels::Entity::find()
        .select_only()
        .columns([chat_labels::Column::Chat, chat_labels::Column::Label])
        .filter(chat_labels::Column::SessionId.eq(session))
        .filter(chat_labels::Column::Chat.is_in(chats.iter().copied()))
        .order_by_asc(chat_labels::Column::Label)
        .into_tuple()
        .all(db)
        .await
}
