//! `session_keys`: the key that seals one session's rows, wrapped by the master key.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `session_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Raised when the key is replaced.
    pub key_version: i32,
    /// Sealed with the master key.
    pub wrapped: Vec<u8>,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
