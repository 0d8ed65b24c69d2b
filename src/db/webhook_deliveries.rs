//! `webhook_deliveries`: the outbox.

use entity::webhook_deliveries::{ActiveModel, Entity, Model};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

/// Rows per statement: 13 values each, and SQLite takes 32,766 in one.
const ROWS_PER_INSERT: usize = 1_000;

/// Insert `rows`; one statement for up to a thousand.
pub async fn insert(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), DbErr> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(ROWS_PER_INSERT).map(ActiveModel::from);
        Entity::insert_many(chunk)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}
