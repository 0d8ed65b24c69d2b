//! Who has changed what, from where.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, opt_uuid, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000008_create_audit_log"
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
        let status = ColumnDef::new(Alias::new("status"))
            .small_integer()
            .not_null()
            .take();
        let log = table(db, "audit_log")
            .col(uuid("id"))
            .col(uuid("actor_id"))
            .col(word("credential", 16))
            .col(opt_uuid("credential_id"))
            .col(word("address", 64))
            .col(word("action", 160))
            .col(word("target", 512))
            .col(status)
            .col(word("request_id", 160))
            .col(big("at"))
            .primary_key(&mut key(&["id"]))
            .take();
        manager.create_table(log).await?;
        let columns = ["actor_id", "id"];
        manager
            .create_index(index("ix_audit_log_actor", "audit_log", &columns))
            .await?;
        manager
            .create_index(index("ix_audit_log_at", "audit_log", &["at"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new("audit_log")).take())
            .await
    }
}
