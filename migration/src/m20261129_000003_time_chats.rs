//! After how long the messages of a chat disappear.

use sea_orm_migration::prelude::*;

use crate::columns::opt_int;

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000003_time_chats"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let chats = Table::alter()
            .table(Alias::new("chats"))
            .add_column(opt_int("ephemeral_s"))
            .take();
        manager.alter_table(chats).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let chats = Table::alter()
            .table(Alias::new("chats"))
            .drop_column(Alias::new("ephemeral_s"))
            .take();
        manager.alter_table(chats).await
    }
}
