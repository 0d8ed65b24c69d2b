//! What is known of a webhook endpoint's health, its chat filter, and the heads of each attempt.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::columns::{int, opt_big, opt_text};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000004_care_for_webhooks"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns(manager.get_database_backend()) {
            // One at a time: SQLite takes no more.
            let mut alter = Table::alter();
            alter.table(Alias::new(table)).add_column(column);
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns(manager.get_database_backend()).into_iter().rev() {
            let mut alter = Table::alter();
            let name = Alias::new(column.get_column_name());
            alter.table(Alias::new(table)).drop_column(name);
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

fn columns(db: DbBackend) -> Vec<(&'static str, ColumnDef)> {
    let count = |name| int(name).default(0).take();
    let endpoints = [
        opt_text(db, "chats"),
        count("failed_attempts"),
        count("exhausted_events"),
        count("failures_in_a_row"),
        count("breaker_opens"),
        opt_big("breaker_until"),
        opt_big("warned_at"),
    ];
    let attempts = [
        opt_text(db, "request_head"),
        opt_text(db, "response_head"),
        opt_big("head_ms"),
    ];
    let endpoints = endpoints.map(|column| ("webhook_endpoints", column));
    let attempts = attempts.map(|column| ("webhook_attempts", column));
    endpoints.into_iter().chain(attempts).collect()
}
