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
    pub first_failure_at: Option<i64>,
    pub disabled_reason: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
