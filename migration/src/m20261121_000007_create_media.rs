//! The files of a session: what they are, whether their bytes are in the store, and where WhatsApp has them.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, index, key, opt_bytes, opt_word, table, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000007_create_media"
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
                table(db, "media")
                    .col(uuid("session_id"))
                    .col(uuid("id"))
                    .col(word("mimetype", 255))
                    .col(opt_word("filename", 255))
                    .col(big("size"))
                    .col(word("sha256", 64))
                    .col(flag("stored"))
                    .col(opt_bytes(db, "reference_sealed"))
                    .col(big("created_at"))
                    .col(big("used_at"))
                    .primary_key(&mut key(&["session_id", "id"]))
                    .take(),
            )
            .await?;
        // Retention looks for what is stored and was not used for a while.
        manager
            .create_index(index("ix_media_stored", "media", &["stored", "used_at"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new("media")).take())
            .await
    }
}
