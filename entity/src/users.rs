//! `users`: people who sign in. Times are milliseconds since 1970, here and in every table.

use sea_orm::entity::prelude::*;

use crate::{
    enums::{Role, TenantRole},
    ids::UserId,
};

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
    /// The owner of the tenant that this user is a member of; none, if it is their own. A tenant is known by its owner's id, which
    /// stands in `owner_id` wherever something belongs to it.
    pub tenant_id: Option<UserId>,
    /// What a member may do there; none for the owner.
    pub tenant_role: Option<TenantRole>,
}

impl Model {
    /// The tenant whose rows this user sees.
    pub fn tenant(&self) -> UserId {
        self.tenant_id.unwrap_or(self.id)
    }

    /// What the user may do there.
    pub fn role_in_tenant(&self) -> TenantRole {
        match self.tenant_id {
            None => TenantRole::Owner,
            // A member of whom nothing is said may do the least.
            Some(_) => self.tenant_role.unwrap_or(TenantRole::Viewer),
        }
    }
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
