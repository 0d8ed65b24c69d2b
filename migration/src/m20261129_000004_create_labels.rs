//! The labels of an account, and the chats that have them.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, index, key, opt_int, opt_text, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000004_create_labels"
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
                table(db, "labels")
                    .col(uuid("session_id"))
                    .col(word("id", 64))
                    .col(opt_text(db, "name"))
                    .col(opt_int("color"))
                    .col(flag("deleted"))
                    .col(big("updated_at"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                table(db, "chat_labels")
                    .col(uuid("session_id"))
                    .col(word("label", 64))
                    .col(word("chat", 96))
                    .col(big("created_at"))
                    .primary_key(&mut key(&["session_id", "label", "chat"]))
                    .take(),
            )
            .await?;
        let columns = ["session_id", "chat"];
        manager
            .create_index(index("ix_chat_labels_chat", "chat_labels", &columns))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["chat_labels", "labels"] {
            manager
                .drop_table(Table::drop().table(Alias::new(name)).take())
                .await?;
        }
        Ok(())
    }
}
