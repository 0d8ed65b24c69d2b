//! The proxy of a session, whole and sealed: its settings show it without the password.

use sea_orm_migration::prelude::*;

use crate::columns::opt_bytes;

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000020_seal_proxies"
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
        let sessions = Table::alter()
            .table(Alias::new("sessions"))
            .add_column(opt_bytes(db, "proxy_sealed"))
            .take();
        manager.alter_table(sessions).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::alter()
            .table(Alias::new("sessions"))
            .drop_column(Alias::new("proxy_sealed"))
            .take();
        manager.alter_table(sessions).await
    }
}
