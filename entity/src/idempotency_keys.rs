//! `idempotency_keys`: answers kept for 24 hours, so that a repeated request gets the same one.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `idempotency_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idem_key: String,
    /// SHA-256 over method, path and body, hexadecimal.
    pub fingerprint: String,
    /// HTTP status of the kept answer; none while the first request is under way.
    pub status: Option<i32>,
    pub body: Option<String>,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
