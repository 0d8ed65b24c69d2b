//! `wa_pending_inbound`: messages that are decrypted but not yet in the event log.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_pending_inbound`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_pending_inbound")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of chat, sender and message id.
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
