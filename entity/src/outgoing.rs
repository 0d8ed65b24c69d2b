//! `outgoing`: own messages that the server does not have yet, as far as we know; a row goes with the answer.

use sea_orm::entity::prelude::*;

use crate::{
    enums::OutgoingState,
    ids::{MessageRowId, SessionId},
};

/// A row of `outgoing`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outgoing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message, in `messages`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageRowId,
    /// The canonical address it goes to.
    pub recipient: String,
    pub state: OutgoingState,
    /// How often it was handed to the server without an answer.
    pub attempts: i32,
    pub created_at: i64,
    /// What is sent, where it cannot be made again from the message; sealed.
    pub payload: Option<Vec<u8>>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
