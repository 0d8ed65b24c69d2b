//! `labels`: what an account sorts its chats by.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// A row of `labels`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "labels")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: Option<String>,
    /// The number of a colour.
    pub color: Option<i32>,
    /// It is gone; its id is not given again.
    pub deleted: bool,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
