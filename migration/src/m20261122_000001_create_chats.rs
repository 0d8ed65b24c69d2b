//! The chats of a session, and the ways in which its messages are asked for.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, int, key, opt_big, opt_text, opt_word, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000001_create_chats"
    }
}

/// How messages are asked for, beside by their order in the session.
const ASKED_BY: [(&str, &str); 3] = [
    ("ix_messages_chat", "chat"),
    ("ix_messages_sender", "sender"),
    ("ix_messages_kind", "kind"),
];

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_database_backend();
        let flag = |name| ColumnDef::new(Alias::new(name)).boolean().take();
        manager
            .create_table(
                table(db, "chats")
                    .col(uuid("session_id"))
                    .col(word("id", 96))
                    .col(opt_word("phone", 32))
                    .col(opt_word("lid", 96))
                    .col(opt_text(db, "name"))
                    .col(int("unread"))
                    .col(flag("marked_unread"))
                    .col(flag("archived"))
                    .col(flag("pinned"))
                    .col(opt_big("muted_until"))
                    .col(big("last_at"))
                    .col(opt_word("last_message_id", 128))
                    .col(opt_big("last_sent_at"))
                    .col(big("updated_at"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await?;
        let recent = ["session_id", "last_at", "id"];
        manager
            .create_index(index("ix_chats_recent", "chats", &recent))
            .await?;
        for (name, column) in ASKED_BY {
            let columns = ["session_id", column, "id"];
            manager
                .create_index(index(name, "messages", &columns))
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in ASKED_BY {
            let mut drop = Index::drop();
            drop.name(name).table(Alias::new("messages"));
            manager.drop_index(drop).await?;
        }
        manager
            .drop_table(Table::drop().table(Alias::new("chats")).take())
            .await
    }
}
