//! `tenant_sent`: how many messages a tenant with a quota has sent in the period that is running.

use sea_orm::entity::prelude::*;

use crate::{enums::Period, ids::UserId};

/// A row of `tenant_sent`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_sent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: Period,
    /// When the counted period began.
    pub began_at: i64,
    pub messages: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
