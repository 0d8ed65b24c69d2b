//! `wa_sender_key_devices`: which devices of a group have our sender key.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_sender_key_devices`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_sender_key_devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the group's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_tag: Vec<u8>,
    /// Keyed hash of the device's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_tag: Vec<u8>,
    pub has_key: bool,
    /// The device's JID.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
