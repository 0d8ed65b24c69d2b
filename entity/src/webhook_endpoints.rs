//! `webhook_endpoints`: where events are delivered.

use sea_orm::entity::prelude::*;

use crate::{
    enums::{DeliveryOrdering, EndpointState},
    ids::{EndpointId, UserId},
};

/// A row of `webhook_endpoints`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EndpointId,
    pub owner_id: UserId,
    pub url: String,
    /// The signing secret, sealed.
    pub secret_sealed: Vec<u8>,
    pub prev_secret_sealed: Option<Vec<u8>>,
    /// Until when the previous secret signs as well.
    pub prev_until: Option<i64>,
    /// JSON list of event names; `*` is all.
    pub types: String,
    /// JSON list of session ids; `*` is all.
    pub sessions: String,
    /// Custom headers, a JSON object, sealed.
    pub headers_sealed: Option<Vec<u8>>,
    pub ordering: DeliveryOrdering,
    /// Deliveries a second; none means no limit.
    pub rate_limit: Option<i32>,
    pub state: EndpointState,
    /// Since when it has only failed.
    pub first_failure_at: Option<i64>,
    pub disabled_reason: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    /// JSON list of the canonical ids of chats; none is all.
    pub chats: Option<String>,
    /// Attempts that have failed since `first_failure_at`.
    pub failed_attempts: i32,
    /// Events that were given up since then.
    pub exhausted_events: i32,
    /// Attempts in a row that brought no answer, or a 5xx.
    pub failures_in_a_row: i32,
    /// How often in a row the breaker has opened.
    pub breaker_opens: i32,
    /// Until when the breaker is open; past, until a probe has gone well.
    pub breaker_until: Option<i64>,
    /// When it was said that it will be disabled if this goes on.
    pub warned_at: Option<i64>,
    /// The name of the shape of its bodies.
    pub shape: String,
    /// Which of the things that the shape can tell of an event; empty where there is one.
    pub variant: String,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
