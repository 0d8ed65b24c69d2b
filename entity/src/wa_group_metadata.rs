//! `wa_group_metadata`: cached group descriptions.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_group_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_group_metadata")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the group's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_tag: Vec<u8>,
    /// Opaque to us.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
