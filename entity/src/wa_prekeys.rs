//! `wa_prekeys`: one-time pre-keys.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_prekeys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_prekeys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub prekey_id: i64,
    /// Whether the server has the public half.
    pub uploaded: bool,
    /// The serialized record.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
