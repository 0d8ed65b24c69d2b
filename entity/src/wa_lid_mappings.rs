//! `wa_lid_mappings`: which phone number belongs to a LID.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_lid_mappings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_lid_mappings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lid_tag: Vec<u8>,
    /// Keyed hash of the phone number.
    pub pn_tag: Vec<u8>,
    /// A JSON object: `LidPnMappingEntry`.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
