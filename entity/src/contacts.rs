//! `contacts`: people whom a session knows by name.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `contacts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contacts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The canonical address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub phone: Option<String>,
    pub lid: Option<String>,
    /// In the account's address book.
    pub name: Option<String>,
    /// What they call themselves.
    pub push_name: Option<String>,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
