//! How files that came and were not fetched yet are asked for.

use sea_orm_migration::prelude::*;

use crate::columns::index;

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000004_fetch_files"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = ["session_id", "stored", "created_at"];
        manager
            .create_index(index("ix_media_awaited", "media", &columns))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut drop = Index::drop();
        drop.name("ix_media_awaited").table(Alias::new("media"));
        manager.drop_index(drop).await
    }
}
