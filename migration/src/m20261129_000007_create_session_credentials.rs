//! What a session has of its own in faces that show it again, and webhooks that tell one thing of what their shape can tell.

use sea_orm_migration::prelude::*;

use crate::columns::{big, bytes, key, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000007_create_session_credentials"
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
        let credentials = table(db, "session_credentials")
            .col(uuid("session_id"))
            .col(uuid("owner_id"))
            .col(uuid("key_id"))
            .col(bytes(db, "sealed"))
            .col(big("created_at"))
            .primary_key(&mut key(&["session_id"]))
            .take();
        manager.create_table(credentials).await?;
        let endpoints = Table::alter()
            .table(Alias::new("webhook_endpoints"))
            .add_column(word("variant", 64).default(""))
            .take();
        manager.alter_table(endpoints).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let endpoints = Table::alter()
            .table(Alias::new("webhook_endpoints"))
            .drop_column(Alias::new("variant"))
            .take();
        manager.alter_table(endpoints).await?;
        let credentials = Table::drop()
            .table(Alias::new("session_credentials"))
            .take();
        manager.drop_table(credentials).await
    }
}
