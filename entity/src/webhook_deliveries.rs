//! `webhook_deliveries`: the outbox: one row per event and endpoint.

use sea_orm::entity::prelude::*;

use crate::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{DeliveryId, EndpointId, EventId, NodeId, SessionId, UserId},
};

/// A row of `webhook_deliveries`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    pub owner_id: UserId,
    pub endpoint_id: EndpointId,
    pub session_id: SessionId,
    pub event_id: EventId,
    pub seq: i64,
    pub state: DeliveryState,
    /// How many attempts were made since it was queued, or queued again.
    pub attempt: i32,
    /// Who asked for the next attempt.
    pub triggered_by: AttemptTrigger,
    /// When the row may be taken: a retry when it is due, one in flight when its lease has ended.
    /// None before the first attempt, which is due at once, and after the last.
    pub next_at: Option<i64>,
    /// The node that posts it right now.
    pub lease_node: Option<NodeId>,
    pub last_error: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
