//! `wa_device_lists`: the devices of other users.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_device_lists`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_device_lists")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the user.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_tag: Vec<u8>,
    /// A JSON object: `DeviceListRecord`.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
