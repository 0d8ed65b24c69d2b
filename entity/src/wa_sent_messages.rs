//! `wa_sent_messages`: sent messages, kept for a retry receipt.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_sent_messages`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_sent_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of chat and message id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_tag: Vec<u8>,
    /// Unix seconds.
    pub stored_at: i64,
    /// The serialized message.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
