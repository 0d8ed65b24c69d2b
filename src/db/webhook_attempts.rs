//! `webhook_attempts`: every try of a delivery.

use entity::{
    ids::DeliveryId,
    webhook_attempts::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

/// The most attempts that are shown of one delivery: eight full rounds of the schedule.
const SHOWN: u64 = 104;

/// Insert rows in one statement.
pub async fn insert(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    Entity::insert_many(rows.into_iter().map(IntoActiveModel::into_active_model))
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The last attempts of `delivery`, newest first. The caller has found the delivery by its owner.
pub async fn of(db: &impl ConnectionTrait, delivery: DeliveryId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::DeliveryId.eq(delivery))
        .order_by_desc(Column::Id)
        .limit(SHOWN)
        .all(db)
        .await
}
