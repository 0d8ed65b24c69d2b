//! The index of words knows when a message was written: behind each of its words stand seven digits of its id, which begins with the time.
//! On MariaDB they stand in the row as well, because its index has nothing else.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261130_000005_find_words_by_era"
    }
}

/// What SQLite indexes of a row, whose columns are called so.
macro_rules! words {
    (dated, $id:literal, $terms:literal) => {
        concat!(
            "replace(",
            $terms,
            ", ' ', 'zz' || substr(hex(",
            $id,
            "), 2, 7) || ' ') ",
            "|| 'zz' || substr(hex(",
            $id,
            "), 2, 7)"
        )
    };
    (plain, $id:literal, $terms:literal) => {
        $terms
    };
}

/// Indexes anew all that is there.
macro_rules! sqlite {
    ($words:ident) => {
        [
            "BEGIN",
            "DROP TRIGGER message_texts_out",
            "DROP TRIGGER message_texts_anew",
            "INSERT INTO message_words(message_words) VALUES ('delete-all')",
            concat!(
                "INSERT INTO message_words(rowid, terms) SELECT n, ",
                words!($words, "id", "terms"),
                " FROM message_texts"
            ),
            "UPDATE message_words_upto SET n = (SELECT COALESCE(MAX(n), 0) FROM message_texts)",
            concat!(
                "CREATE TRIGGER message_texts_out AFTER DELETE ON message_texts \
                 WHEN old.n <= (SELECT n FROM message_words_upto) BEGIN \
                 INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, ",
                words!($words, "old.id", "old.terms"),
                "); UPDATE message_words_upto SET n = (SELECT COALESCE(MAX(n), 0) FROM message_texts) \
                 WHERE n > (SELECT COALESCE(MAX(n), 0) FROM message_texts); END"
            ),
            concat!(
                "CREATE TRIGGER message_texts_anew AFTER UPDATE ON message_texts \
                 WHEN old.n <= (SELECT n FROM message_words_upto) BEGIN \
                 INSERT INTO message_words(message_words, rowid, terms) VALUES ('delete', old.n, ",
                words!($words, "old.id", "old.terms"),
                "); INSERT INTO message_words(rowid, terms) VALUES (new.n, ",
                words!($words, "new.id", "new.terms"),
                "); END"
            ),
            "COMMIT",
        ]
    };
}

/// With so much room, in KiB, for words that wait to be taken in: each search reads all of them.
macro_rules! gin {
    ($words:literal, $room:literal) => {
        [
            "DROP INDEX ft_message_texts",
            concat!(
                "CREATE INDEX ft_message_texts ON message_texts USING GIN ",
                "(to_tsvector('simple'::regconfig, ",
                $words,
                ")) WITH (gin_pending_list_limit = ",
                $room,
                ")"
            ),
        ]
    };
}

/// A row that was written before this step was cut short is not written again.
macro_rules! fulltext {
    ($terms:literal, $has:literal) => {
        [
            concat!(
                "UPDATE message_texts SET terms = ",
                $terms,
                " WHERE terms ",
                $has,
                " 'zz[0-9a-f]{7}( |$)'"
            ),
            "CREATE FULLTEXT INDEX ft_message_texts ON message_texts (terms)",
        ]
    };
}

const SQLITE: [&str; 9] = sqlite!(dated);
const POSTGRES: [&str; 2] = gin!(
    "replace(terms, ' ', 'zz' || substr(id::text, 2, 7) || ' ') || 'zz' || substr(id::text, 2, 7)",
    64
);
/// InnoDB leaves out what has more than 84 characters.
const MARIADB: [&str; 2] = fulltext!(
    "REGEXP_REPLACE(terms, '([a-z0-9]{1,75})[a-z0-9]*', \
     CONCAT('\\\\1zz', SUBSTR(LOWER(HEX(id)), 2, 7)))",
    "NOT REGEXP"
);

const SQLITE_BEFORE: [&str; 9] = sqlite!(plain);
const POSTGRES_BEFORE: [&str; 2] = gin!("terms", 256);
const MARIADB_BEFORE: [&str; 2] = fulltext!(
    "REGEXP_REPLACE(terms, 'zz[0-9a-f]{7}( |$)', '\\\\1')",
    "REGEXP"
);

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, [&SQLITE, &POSTGRES, &MARIADB]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, [&SQLITE_BEFORE, &POSTGRES_BEFORE, &MARIADB_BEFORE]).await
    }
}

async fn run(
    manager: &SchemaManager<'_>,
    [sqlite, postgres, mariadb]: [&[&str]; 3],
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    match manager.get_database_backend() {
        // On one connection: another may still know the triggers that were dropped.
        DbBackend::Sqlite => {
            let whole = sqlite.join(";");
            connection.execute_unprepared(&whole).await?;
        }
        DbBackend::Postgres => {
            for statement in postgres {
                connection.execute_unprepared(statement).await?;
            }
        }
        _ => {
            // Without it rows are written faster, and no index is left that knows what they were.
            if manager
                .has_index("message_texts", "ft_message_texts")
                .await?
            {
                let drop = "ALTER TABLE message_texts DROP INDEX ft_message_texts";
                connection.execute_unprepared(drop).await?;
            }
            for statement in mariadb {
                connection.execute_unprepared(statement).await?;
            }
        }
    }
    Ok(())
}
