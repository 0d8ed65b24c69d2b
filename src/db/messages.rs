//! `messages`: both directions, unique by (session, chat, sender, message id).

use entity::{
    ids::{MessageRowId, SessionId},
    messages::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::Script;

/// What makes a message the same as an earlier one of its session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The canonical id of the chat.
    pub chat: String,
    /// The canonical id of the sender.
    pub sender: String,
    /// WhatsApp's id.
    pub message_id: String,
}

/// Those of `ids` that the session has stored, with their chats and senders.
pub async fn known(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<Key>, DbErr> {
    let rows: Vec<(String, String, String)> = Entity::find()
        .select_only()
        .columns([Column::Chat, Column::Sender, Column::MessageId])
        .filter(Column::SessionId.eq(session))
        .filter(Column::MessageId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(chat, sender, message_id)| Key {
            chat,
            sender,
            message_id,
        })
        .collect())
}

/// Writes new messages, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    let count = rows.len();
    if count > 0 {
        let rows = rows.into_iter();
        let rows = rows.map(|row| ActiveModel::from(row).reset_all());
        script.add(&Entity::insert_many(rows), count);
    }
}

/// Own messages among `ids` whose ack is below `ack`.
pub async fn below_ack(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[String],
    ack: i16,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::MessageId.is_in(ids))
        .filter(Column::FromMe.eq(true))
        .filter(Column::Ack.lt(ack))
        .all(db)
        .await
}

/// Writes how far own messages have come.
pub async fn set_ack(
    db: &impl ConnectionTrait,
    session: SessionId,
    rows: &[MessageRowId],
    ack: i16,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Ack, Expr::value(ack))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(rows.iter().copied()))
        .exec(db)
        .await
        .map(|_| ())
}

/// A page of a session's messages, newest first, before `cursor`, of one chat only when it is given.
pub async fn page(
    db: &impl ConnectionTrait,
    session: SessionId,
    chat: Option<&str>,
    cursor: Option<MessageRowId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find()
        .filter(Column::SessionId.eq(session))
        .order_by_desc(Column::Id)
        .limit(limit);
    if let Some(chat) = chat {
        find = find.filter(Column::Chat.eq(chat));
    }
    if let Some(before) = cursor {
        find = find.filter(Column::Id.lt(before));
    }
    find.all(db).await
}

/// One message of a session by WhatsApp's id or by ours.
pub async fn find(
    db: &impl ConnectionTrait,
    session: SessionId,
    reference: &str,
) -> Result<Option<Model>, DbErr> {
    let find = Entity::find().filter(Column::SessionId.eq(session));
    match reference.parse::<MessageRowId>() {
        Ok(id) => find.filter(Column::Id.eq(id)).one(db).await,
        Err(_) => find.filter(Column::MessageId.eq(reference)).one(db).await,
    }
}
