//! `api_keys`: keys for programs; only the hash is kept.

use sea_orm::entity::prelude::*;

use crate::ids::{ApiKeyId, SessionId, UserId};

/// A row of `api_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    pub owner_id: UserId,
    pub name: String,
    /// The first characters of the key, to recognise it by.
    pub hint: String,
    /// SHA-256 of the key, hexadecimal.
    pub key_hash: String,
    /// Scope words, separated by a space.
    pub scopes: String,
    /// The only session this key may touch.
    pub session_id: Option<SessionId>,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
