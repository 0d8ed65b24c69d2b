//! People whom a session knows by name.

use sea_orm_migration::prelude::*;

use crate::columns::{big, key, opt_text, opt_word, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000006_create_contacts"
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
                table(db, "contacts")
                    .col(uuid("session_id"))
                    .col(word("id", 96))
                    .col(opt_word("phone", 32))
                    .col(opt_word("lid", 96))
                    .col(opt_text(db, "name"))
                    .col(opt_text(db, "push_name"))
                    .col(big("updated_at"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new("contacts")).take())
            .await
    }
}
