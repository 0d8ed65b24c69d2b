//! `wa_tc_tokens`: trusted-contact tokens.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `wa_tc_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wa_tc_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Keyed hash of the contact's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid_tag: Vec<u8>,
    /// False for a row that only remembers when we sent ours.
    pub has_token: bool,
    /// Unix seconds.
    pub token_timestamp: i64,
    /// Unix seconds.
    pub sender_timestamp: Option<i64>,
    /// A JSON pair: the JID and the token.
    pub sealed: Vec<u8>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
