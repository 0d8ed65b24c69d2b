//! `chats`: the conversations of a session, how each stands, and what was said last.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `chats`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The canonical address, which tells what kind of chat it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub phone: Option<String>,
    pub lid: Option<String>,
    /// What the chat itself is called; a person goes by the names of `contacts`.
    pub name: Option<String>,
    /// Messages that were not read yet.
    pub unread: i32,
    /// Somebody has marked it as unread, whatever was read.
    pub marked_unread: Option<bool>,
    pub archived: Option<bool>,
    pub pinned: Option<bool>,
    /// Milliseconds since 1970; 0 is not silent, -1 silent without an end.
    pub muted_until: Option<i64>,
    /// After how many seconds its messages disappear; 0 is never.
    pub ephemeral_s: Option<i32>,
    /// The place in the list: when the last message came, by its row's id; 0 when there was none.
    pub last_at: i64,
    /// WhatsApp's id of the last message.
    pub last_message_id: Option<String>,
    /// When it was written, by WhatsApp's clock.
    pub last_sent_at: Option<i64>,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
