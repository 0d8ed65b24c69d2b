//! `users`: people who sign in. Times are milliseconds since 1970, here and in every table.

use sea_orm::entity::prelude::*;

use crate::{enums::Role, ids::UserId};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub username: String,
    /// argon2id, in the PHC form.
    pub password_hash: String,
    pub role: Role,
    /// How many sessions this user may have; none means no limit.
    pub session_limit: Option<i32>,
    pub is_active: bool,
    /// Raised to make every token of this user worthless at once.
    pub token_version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
