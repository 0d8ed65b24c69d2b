//! SQLite: the index of words is brought up to date for many messages at once, not in the transaction of each.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261130_000002_index_words_later"
    }
}

/// The index has the words of the rows up to this one. A row that is not in it yet is neither taken out of it nor changed there. A number
/// is given out again once the last row is gone: then what was indexed ends before it.
const LATER: [&str; 7] = [
    "CREATE TABLE message_words_upto (n INTEGER NOT NULL)",
    "INSERT INTO message_words_upto SELECT COALESCE(MAX(n), 0) FROM message_texts",
    "DROP TRIGGER message_texts_in",
    "DROP TRIGGER message_texts_out",
    "DROP TRIGGER message_texts_anew",
    "CREATE TRIGGER message_texts_out AFTER DELETE ON message_texts \
     WHEN old.n <= (SELECT n FROM message_words_upto) BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); \
     UPDATE message_words_upto SET n = (SELECT COALESCE(MAX(n), 0) FROM message_texts) \
     WHERE n > (SELECT COALESCE(MAX(n), 0) FROM message_texts); END",
    "CREATE TRIGGER message_texts_anew AFTER UPDATE ON message_texts \
     WHEN old.n <= (SELECT n FROM message_words_upto) BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); \
     INSERT INTO message_words(rowid, terms) VALUES (new.n, new.terms); END",
];

const AT_ONCE: [&str; 7] = [
    "INSERT INTO message_words(rowid, terms) SELECT n, terms FROM message_texts \
     WHERE n > (SELECT n FROM message_words_upto)",
    "DROP TRIGGER message_texts_out",
    "DROP TRIGGER message_texts_anew",
    "DROP TABLE message_words_upto",
    "CREATE TRIGGER message_texts_in AFTER INSERT ON message_texts BEGIN \
     INSERT INTO message_words(rowid, terms) VALUES (new.n, new.terms); END",
    "CREATE TRIGGER message_texts_out AFTER DELETE ON message_texts BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); END",
    "CREATE TRIGGER message_texts_anew AFTER UPDATE ON message_texts BEGIN \
     INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, old.terms); \
     INSERT INTO message_words(rowid, terms) VALUES (new.n, new.terms); END",
];

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &LATER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &AT_ONCE).await
    }
}

async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    // On one connection: another may still know the triggers that were dropped.
    let whole = statements.join(";");
    manager.get_connection().execute_unprepared(&whole).await?;
    Ok(())
}
