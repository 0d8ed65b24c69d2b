//! What a message is sent as, what became of it, and the secrets of polls and calendar events.

use sea_orm_migration::prelude::*;

use crate::columns::{big, bytes, key, opt_bytes, small_table, table, text, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000005_deepen_messages"
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
        // None for what can be made again from the message: a plain text.
        manager
            .alter_table(
                Table::alter()
                    .table(Alias::new("outgoing"))
                    .add_column(opt_bytes(db, "payload"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                small_table(db, "message_secrets")
                    .col(uuid("session_id"))
                    .col(uuid("id"))
                    .col(bytes(db, "secret"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                table(db, "message_marks")
                    .col(uuid("session_id"))
                    .col(word("target", 128))
                    .col(word("chat", 96))
                    .col(word("kind", 24))
                    .col(word("sender", 96))
                    .col(text(db, "body"))
                    .col(big("created_at"))
                    .primary_key(&mut key(&[
                        "session_id",
                        "target",
                        "chat",
                        "kind",
                        "sender",
                    ]))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["message_marks", "message_secrets"] {
            manager
                .drop_table(Table::drop().table(Alias::new(name)).take())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table(Alias::new("outgoing"))
                    .drop_column(Alias::new("payload"))
                    .take(),
            )
            .await
    }
}
