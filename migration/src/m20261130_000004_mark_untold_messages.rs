//! Which messages a phone's history has brought before they came themselves: those are still to be told.

use sea_orm_migration::prelude::*;

use crate::columns::flag;

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261130_000004_mark_untold_messages"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let messages = Table::alter()
            .table(Alias::new("messages"))
            .add_column(flag("untold").default(false))
            .take();
        manager.alter_table(messages).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let messages = Table::alter()
            .table(Alias::new("messages"))
            .drop_column(Alias::new("untold"))
            .take();
        manager.alter_table(messages).await
    }
}
