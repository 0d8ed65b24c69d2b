//! `wa_msg_secrets`: secrets of messages, needed to read votes, reactions and edits.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_msg_secrets`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_msg_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of chat, sender and message id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_tag: Vec<u8>,
    /// Unix seconds; 0 for never.
    pub expires_at: i64,
    /// Unix seconds; 0 when unknown.
    pub message_ts: i64,
    /// The 32 bytes of the secret.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
