//! A transaction of SQLite as one text, which its thread works off without being asked in between.
//!
//! sqlx knows nothing of a transaction that is begun in a text, so this sees to its end whatever happens.

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, Value, Values,
    sqlx::{self, AssertSqlSafe, Executor as _, Sqlite, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;

use super::Committed;

/// Ends the text unless the statement before it has changed one row: an error is the only way to end it from within.
pub(super) const UNLESS_CHANGED: &str = "SELECT CASE changes() WHEN 1 THEN 1 ELSE json('{') END;";

/// Ends the text unless `query` finds a row.
pub(super) fn unless_found(query: &str) -> String {
    format!("SELECT CASE WHEN EXISTS ({query}) THEN 1 ELSE json('{{') END;")
}

/// What SQLite says then.
const REFUSED: &str = "malformed JSON";

/// Statements with a semicolon after each, and their parameters.
#[derive(Debug, Default)]
pub(in crate::db) struct Text {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// A connection in a transaction. One that is given up in the middle is closed, which undoes it.
struct Busy {
    connection: PoolConnection<Sqlite>,
    ended: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

impl Text {
    /// All of `texts`, each of which can still be run alone.
    pub(in crate::db) fn together<'a>(texts: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for text in texts {
            all.sql.push_str(&text.sql);
            all.values.extend_from_slice(&text.values);
        }
        all
    }
}

/// Runs `text` as one transaction on the writer's connection, whose turn the caller holds; `again` tells that it may come
/// again as it is.
pub(in crate::db) async fn run(
    writer: &DatabaseConnection,
    text: Text,
    again: bool,
) -> Result<Committed, DbErr> {
    let sql = format!("BEGIN IMMEDIATE;{}COMMIT", text.sql);
    let connection = writer.get_sqlite_connection_pool().acquire().await;
    let mut busy = Busy {
        connection: connection.map_err(|error| DbErr::Conn(failed(error)))?,
        ended: false,
    };
    let values = SqlxValues(Values(text.values));
    let whole = sqlx::query_with(AssertSqlSafe(sql), values).persistent(again);
    let done = whole.execute(&mut *busy.connection).await;
    if done.is_err() {
        // SQLite has undone it itself where it says that there is none; what else may be wrong, closing mends.
        busy.ended = busy.connection.execute("ROLLBACK").await.is_ok();
    } else {
        busy.ended = true;
    }
    match done {
        Ok(_) => Ok(Committed::Yes),
        Err(sqlx::Error::Database(error)) if error.message() == REFUSED => Ok(Committed::Refused),
        Err(error) => Err(DbErr::Exec(failed(error))),
    }
}

fn failed(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}
