//! `audit_log`: who has changed what, from where.

use sea_orm::entity::prelude::*;

use crate::ids::{AuditId, UserId};

/// A row of `audit_log`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditId,
    /// Who did it.
    pub actor_id: UserId,
    /// With which kind of credential.
    pub credential: String,
    /// Which of them, where it has an id.
    pub credential_id: Option<Uuid>,
    /// The client's address.
    pub address: String,
    /// Method and route, `POST /v1/sessions/{id}/connect`.
    pub action: String,
    /// The path as it was asked for, without its query.
    pub target: String,
    /// The status of the answer.
    pub status: i16,
    pub request_id: String,
    pub at: i64,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
