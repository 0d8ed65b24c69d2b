//! `wa_sender_keys`: sender keys of groups.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_sender_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_sender_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of group and sender.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: Vec<u8>,
    /// The serialized record.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
