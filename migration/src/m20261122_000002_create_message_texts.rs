//! The words of messages, and the index by which each database finds them: FTS5, a GIN index, FULLTEXT.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::columns::{key, table, text, unique, uuid};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261122_000002_create_message_texts"
    }
}

/// SQLite's index is a table beside, which follows by triggers.
const FTS5: [&str; 4] = [
    "CREATE VIRTUAL TABLE message_words USING fts5(terms, content='message_texts', \
     content_rowid='n', tokenize='ascii', detail='none', columnsize=0)",
    "CREATE TRIGGER message_texts_in AFTER INSERT ON message_texts BEGIN \
     INSERT INTO message_words(rowid, terms) VALUES (new.n, new.terms); END",
    "CREATE TRIGGER message_texts_out AFTER DELETE ON message_texts BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); END",
    "CREATE TRIGGER message_texts_anew AFTER UPDATE ON message_texts BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); \
     INSERT INTO message_words(rowid, terms) VALUES (new.n, new.terms); END",
];

const GIN: [&str; 1] = ["CREATE INDEX ft_message_texts ON message_texts \
     USING GIN (to_tsvector('simple'::regconfig, terms))"];

const FULLTEXT: [&str; 1] = ["CREATE FULLTEXT INDEX ft_message_texts ON message_texts (terms)"];

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_database_backend();
        let mut texts = table(db, "message_texts");
        if db == DbBackend::Sqlite {
            // What FTS5 goes by must outlive a VACUUM.
            let mut n = ColumnDef::new(Alias::new("n"));
            texts.col(n.integer().not_null().primary_key());
        } else {
            texts.primary_key(&mut key(&["session_id", "id"]));
        }
        texts
            .col(uuid("session_id"))
            .col(uuid("id"))
            .col(text(db, "terms"));
        manager.create_table(texts).await?;
        let index: &[&str] = match db {
            DbBackend::Sqlite => {
                let columns = ["session_id", "id"];
                let unique = unique("uq_message_texts", "message_texts", &columns);
                manager.create_index(unique).await?;
                &FTS5
            }
            DbBackend::Postgres => &GIN,
            _ => &FULLTEXT,
        };
        for statement in index {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            let connection = manager.get_connection();
            connection
                .execute_unprepared("DROP TABLE message_words")
                .await?;
        }
        manager
            .drop_table(Table::drop().table(Alias::new("message_texts")).take())
            .await
    }
}
