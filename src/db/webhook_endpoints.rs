//! `webhook_endpoints`.

use entity::{
    enums::EndpointState,
    ids::{EndpointId, UserId},
    webhook_endpoints::{Column, Entity},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
};

/// What decides whether an endpoint gets an event.
#[derive(Debug, FromQueryResult)]
pub struct Subscription {
    /// The endpoint.
    pub id: EndpointId,
    /// Stored list of event names.
    pub types: String,
    /// Stored list of sessions.
    pub sessions: String,
}

/// The subscriptions of `owner`; a disabled endpoint has none.
pub async fn subscriptions(
    db: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<Subscription>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Types, Column::Sessions])
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::State.ne(EndpointState::Disabled))
        .order_by_asc(Column::Id)
        .into_model::<Subscription>()
        .all(db)
        .await
}
