//! `webhook_attempts`: every try of a delivery.

use entity::{
    ids::DeliveryId,
    webhook_attempts::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::Script;

/// The most attempts that are shown of one delivery: eight full rounds of the schedule.
const SHOWN: u64 = 104;

/// Have `script` insert rows.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
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
