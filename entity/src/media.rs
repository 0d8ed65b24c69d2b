//! `media`: the files of a session. The bytes are in the object store, under the session's and the file's id.

use sea_orm::entity::prelude::*;

use crate::ids::{MediaId, SessionId};

/// A row of `media`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "media")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MediaId,
    pub mimetype: String,
    pub filename: Option<String>,
    /// Bytes.
    pub size: i64,
    /// Of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// Whether the object store has the bytes.
    pub stored: bool,
    /// Where WhatsApp has it and how to open it, sealed.
    pub reference_sealed: Option<Vec<u8>>,
    pub created_at: i64,
    /// When it was last sent or fetched: what is unused is taken from the store.
    pub used_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
