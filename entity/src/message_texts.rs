//! `message_texts`: the words of a message, as they are searched for.

use sea_orm::entity::prelude::*;

use crate::ids::{MessageRowId, SessionId};

/// A row of `message_texts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_texts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageRowId,
    /// Its words, each once, as terms; on MariaDB each tells its era, which the others add in the index.
    pub terms: String,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
