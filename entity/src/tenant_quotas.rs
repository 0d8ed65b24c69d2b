//! `tenant_quotas`: what the operator allows a tenant. How many sessions stands with the owner, in `users`.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `tenant_quotas`. None means no limit.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_quotas")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: UserId,
    pub messages_per_minute: Option<i32>,
    pub messages_per_day: Option<i32>,
    /// Live sockets and event streams, on each node.
    pub sockets: Option<i32>,
    /// Webhook endpoints.
    pub endpoints: Option<i32>,
    /// Bytes of files.
    pub storage_bytes: Option<i64>,
    /// The tenant's share of a busy node against that of others.
    pub weight: i32,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
