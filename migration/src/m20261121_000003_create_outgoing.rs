//! Messages that are on their way out, and which endpoints a session's log knows of.

use sea_orm_migration::prelude::*;

use crate::columns::{big, int, key, small_table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000003_create_outgoing"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_database_backend();
        manager
            .create_table(
                small_table(db, "outgoing")
                    .col(uuid("session_id"))
                    .col(uuid("id"))
                    .col(word("recipient", 96))
                    .col(word("state", 24))
                    .col(int("attempts"))
                    .col(big("created_at"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await?;
        // Raised whenever what the owner's endpoints want changes; the fence of a write proves that it has not.
        let mut version = big("endpoints_version").default(0).take();
        manager
            .alter_table(
                Table::alter()
                    .table(Alias::new("leases"))
                    .add_column(&mut version)
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table(Alias::new("leases"))
                    .drop_column(Alias::new("endpoints_version"))
                    .take(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table(Alias::new("outgoing")).take())
            .await
    }
}
