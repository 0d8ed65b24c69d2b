//! `webhook_attempts`: every try of a delivery, success included.

use sea_orm::entity::prelude::*;

use crate::{
    enums::AttemptTrigger,
    ids::{AttemptId, DeliveryId, NodeId},
};

/// A row of `webhook_attempts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttemptId,
    pub delivery_id: DeliveryId,
    pub attempt: i32,
    pub node_id: NodeId,
    pub started_at: i64,
    pub duration_ms: i64,
    /// HTTP status, when there was an answer.
    pub status: Option<i32>,
    pub error: Option<String>,
    /// The first 16 KiB of the answer.
    pub response: Option<String>,
    pub triggered_by: AttemptTrigger,
    /// Where to and with which headers, as JSON; what is secret in it is masked.
    pub request_head: Option<String>,
    /// The headers of the answer, as JSON.
    pub response_head: Option<String>,
    /// How long the head of the answer took.
    pub head_ms: Option<i64>,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
