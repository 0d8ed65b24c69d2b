//! `wa_sync_keys`: keys of the app state.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_sync_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_sync_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the key's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_tag: Vec<u8>,
    /// Grows with every write, so that the highest is the latest.
    pub position: i64,
    /// A JSON pair: the key's id and the key.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
