//! Small numbers for faces that show numbers where the tables have ids.

use sea_orm_migration::prelude::*;

use crate::columns::{big, key, table, unique, uuid, word};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261129_000005_create_public_numbers"
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
                table(db, "public_numbers")
                    .col(word("kind", 16))
                    .col(big("number"))
                    .col(uuid("subject"))
                    .primary_key(&mut key(&["kind", "number"]))
                    .take(),
            )
            .await?;
        let columns = ["kind", "subject"];
        manager
            .create_index(unique(
                "ux_public_numbers_subject",
                "public_numbers",
                &columns,
            ))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new("public_numbers")).take())
            .await
    }
}
