//! Whose account a user works in, what the operator allows it, and how much of that is used.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, index, int, key, opt_big, opt_int, opt_uuid, opt_word, small_table, table, uuid, word,
};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261130_000001_create_tenants"
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
        // One at a time: SQLite adds no two columns in one statement.
        for column in [opt_uuid("tenant_id"), opt_word("tenant_role", 24)] {
            let users = Table::alter()
                .table(Alias::new("users"))
                .add_column(column)
                .take();
            manager.alter_table(users).await?;
        }
        let columns = ["tenant_id", "id"];
        manager
            .create_index(index("ix_users_tenant", "users", &columns))
            .await?;
        let quotas = table(db, "tenant_quotas")
            .col(uuid("tenant_id"))
            .col(opt_int("messages_per_minute"))
            .col(opt_int("messages_per_day"))
            .col(opt_int("sockets"))
            .col(opt_int("endpoints"))
            .col(opt_big("storage_bytes"))
            .col(int("weight"))
            .col(big("updated_at"))
            .primary_key(&mut key(&["tenant_id"]))
            .take();
        manager.create_table(quotas).await?;
        let sent = small_table(db, "tenant_sent")
            .col(uuid("tenant_id"))
            .col(word("period", 24))
            .col(big("began_at"))
            .col(big("messages"))
            .primary_key(&mut key(&["tenant_id", "period"]))
            .take();
        manager.create_table(sent).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tenant_sent", "tenant_quotas"] {
            manager
                .drop_table(Table::drop().table(Alias::new(table)).take())
                .await?;
        }
        let mut index = Index::drop();
        index.name("ix_users_tenant").table(Alias::new("users"));
        manager.drop_index(index).await?;
        for column in ["tenant_role", "tenant_id"] {
            let users = Table::alter()
                .table(Alias::new("users"))
                .drop_column(Alias::new(column))
                .take();
            manager.alter_table(users).await?;
        }
        Ok(())
    }
}
