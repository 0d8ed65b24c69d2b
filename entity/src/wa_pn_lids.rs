//! `wa_pn_lids`: the LID that was last seen for a phone number; valid while the mapping still names that number.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_pn_lids`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_pn_lids")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the phone number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub pn_tag: Vec<u8>,
    /// Keyed hash of the LID.
    pub lid_tag: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
