//! PostgreSQL: fewer words wait beside the index of words. Each search reads all that wait, and one write in many takes them in.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261130_000003_clear_waiting_words"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // In KiB: the words of some hundred messages, in place of the server's 4 MiB.
        alter(manager, "SET (gin_pending_list_limit = 256)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        alter(manager, "RESET (gin_pending_list_limit)").await
    }
}

async fn alter(manager: &SchemaManager<'_>, change: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let alter = format!("ALTER INDEX ft_message_texts {change}");
    manager.get_connection().execute_unprepared(&alter).await?;
    Ok(())
}
