//! `chat_labels`: which chats have a label.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `chat_labels`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_labels")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's id of the label.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label: String,
    /// The canonical address of the chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
