//! `session_credentials`: the key and the webhook secret that a session has of its own, for faces that show them again.

use sea_orm::entity::prelude::*;

use crate::ids::{ApiKeyId, SessionId, UserId};

/// A row of `session_credentials`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_credentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    pub owner_id: UserId,
    /// The key in `api_keys`, where its hash is.
    pub key_id: ApiKeyId,
    /// The key and the webhook secret, a JSON object, sealed.
    pub sealed: Vec<u8>,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
