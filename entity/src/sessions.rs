//! `sessions`: WhatsApp sessions as their owners see them.

use sea_orm::entity::prelude::*;

use crate::{
    enums::SessionState,
    ids::{SessionId, UserId},
};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub owner_id: UserId,
    /// A name of the owner's choice, unique among the owner's sessions.
    pub handle: String,
    pub name: Option<String>,
    /// Digits, once paired.
    pub phone: Option<String>,
    /// The account's LID, `…@lid`, once paired.
    pub lid: Option<String>,
    pub push_name: Option<String>,
    pub state: SessionState,
    /// A stable word when the state is not where the user wants it.
    pub reason: Option<String>,
    /// A JSON object of the user's.
    pub metadata: String,
    /// A JSON object: `domain::session::Settings`.
    pub settings: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub connected_at: Option<i64>,
    /// The proxy of the settings, whole: a URL, sealed.
    pub proxy_sealed: Option<Vec<u8>>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
