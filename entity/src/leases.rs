//! `leases`: who may write for a session, an endpoint or a job: the fence of every write.

use sea_orm::entity::prelude::*;

use crate::{enums::LeaseKind, ids::NodeId};

/// A row of `leases`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: LeaseKind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub lease_key: Uuid,
    /// Whether somebody wants this to run.
    pub desired: bool,
    pub owner_node: Option<NodeId>,
    /// Raised at every claim; a writer with an older one is refused.
    pub epoch: i64,
    /// The last event number given out.
    pub last_seq: i64,
    pub claimed_at: Option<i64>,
    pub not_before: i64,
    pub fail_count: i32,
    /// Raised when what the owner's webhook endpoints want changes.
    pub endpoints_version: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
