//! In which shape a webhook is told.

use sea_orm_migration::prelude::*;

use crate::columns::word;

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000006_shape_webhooks"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let endpoints = Table::alter()
            .table(Alias::new("webhook_endpoints"))
            .add_column(word("shape", 16).default("native"))
            .take();
        manager.alter_table(endpoints).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let endpoints = Table::alter()
            .table(Alias::new("webhook_endpoints"))
            .drop_column(Alias::new("shape"))
            .take();
        manager.alter_table(endpoints).await
    }
}
