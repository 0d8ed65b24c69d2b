//! `messages`: messages of both directions; (session, chat, sender, message id) is unique.

use sea_orm::entity::prelude::*;

use crate::ids::{MessageRowId, SessionId};

/// A row of `messages`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageRowId,
    pub chat: String,
    pub sender: String,
    /// WhatsApp's id of the message.
    pub message_id: String,
    pub from_me: bool,
    /// `text`, `image`, …
    pub kind: String,
    /// The `data` of the message event, as JSON.
    pub body: String,
    /// -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played.
    pub ack: i16,
    /// When it was written, by WhatsApp's clock.
    pub sent_at: i64,
    pub created_at: i64,
    /// A phone's history has brought it, and no event has told it: it may still come itself.
    pub untold: bool,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
