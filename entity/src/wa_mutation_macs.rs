//! `wa_mutation_macs`: the last MAC of each entry of the app state.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_mutation_macs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_mutation_macs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection: String,
    /// Keyed hash of the index MAC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub index_tag: Vec<u8>,
    /// Not sealed: a MAC that the server has as well tells nothing.
    pub value_mac: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
