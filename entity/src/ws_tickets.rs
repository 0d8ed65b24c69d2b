//! `ws_tickets`: single-use tickets for a socket, hashed.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `ws_tickets`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ws_tickets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ticket_hash: String,
    pub owner_id: UserId,
    /// What the ticket's bearer may do, as JSON of the principal that asked for it.
    pub principal: String,
    pub expires_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
