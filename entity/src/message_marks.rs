//! `message_marks`: what became of a message, by who did it: the last reaction, edit, vote, … of each person.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `message_marks`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_marks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's id of the message that it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub target: String,
    /// The canonical id of the chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// `reaction`, `edit`, …
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// The canonical id of who did it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// The `data` of the event that told it, as JSON.
    pub body: String,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
