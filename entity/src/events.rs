//! `events`: the durable log: one dense sequence per session.

use sea_orm::entity::prelude::*;

use crate::ids::{EventId, SessionId, UserId};

/// A row of `events`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub id: EventId,
    pub owner_id: UserId,
    /// The event's name, as in `native.md` §3.
    pub event_type: String,
    /// The `data` of the event, as JSON.
    pub payload: String,
    pub created_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
