//! `refresh_tokens`: opaque refresh tokens, hashed; a family is one sign-in with its rotations.

use sea_orm::entity::prelude::*;

use crate::ids::{RefreshTokenId, UserId};

/// A row of `refresh_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefreshTokenId,
    pub family_id: RefreshTokenId,
    pub user_id: UserId,
    /// SHA-256 of the token, hexadecimal.
    pub token_hash: String,
    pub expires_at: i64,
    pub created_at: i64,
    /// When it was exchanged; a second exchange revokes the family.
    pub used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
