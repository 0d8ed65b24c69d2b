//! `wa_base_keys`: base keys seen with a retried message, to notice a collision.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_base_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_base_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of address and message id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_tag: Vec<u8>,
    /// Keyed hash of the base key: it is compared, never read.
    pub base_key_tag: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
