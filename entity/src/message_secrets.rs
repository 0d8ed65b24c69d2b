//! `message_secrets`: what answers to polls and calendar events are encrypted with.

use sea_orm::entity::prelude::*;

use crate::ids::{MessageRowId, SessionId};

/// A row of `message_secrets`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_secrets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message, in `messages`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageRowId,
    /// Sealed.
    pub secret: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
