//! `wa_signal_sessions`: Signal sessions (ratchets) with remote devices.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_signal_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_signal_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the Signal address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: Vec<u8>,
    /// Keyed hash of the user part of the address.
    pub user_tag: Vec<u8>,
    /// The serialized session.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
