//! `nodes`: running processes; a node's lease covers every session it owns.

use sea_orm::entity::prelude::*;

use crate::ids::NodeId;

/// A row of `nodes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nodes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NodeId,
    pub host: String,
    pub addr: String,
    pub version: String,
    pub started_at: i64,
    pub lease_until: i64,
    pub draining: bool,
    pub capacity: i32,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
