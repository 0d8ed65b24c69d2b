//! `link_tokens`: tokens for a browser that may only pair and watch one session.

use sea_orm::entity::prelude::*;

use crate::ids::{SessionId, UserId};

/// A row of `link_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub session_id: SessionId,
    pub owner_id: UserId,
    /// JSON list of origins; none means any.
    pub allowed_origins: Option<String>,
    pub expires_at: i64,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
