//! Transactions of SQLite as texts, each of which its thread works off without being asked in between.
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
    /// Runs it as a part of the transaction that `busy` is in.
    async fn part(&self, busy: &mut Busy) -> Result<(), sqlx::Error> {
        let values = SqlxValues(Values(self.values.clone()));
        let part = sqlx::query_with(AssertSqlSafe(self.sql.clone()), values);
        part.execute(&mut *busy.connection).await.map(|_| ())
    }
}

impl Busy {
    async fn begin(writer: &DatabaseConnection) -> Result<Self, DbErr> {
        let connection = writer.get_sqlite_connection_pool().acquire().await;
        Ok(Self {
            connection: connection.map_err(|error| DbErr::Conn(failed(error)))?,
            ended: false,
        })
    }

    /// After a commit, or after something failed.
    async fn end(mut self, done: Result<(), sqlx::Error>) -> Result<Committed, DbErr> {
        self.ended = match done {
            Ok(()) => true,
            // SQLite has undone it itself where it says that there is none; what else may be wrong, closing mends.
            Err(_) => self.connection.execute("ROLLBACK").await.is_ok(),
        };
        match done {
            Ok(()) => Ok(Committed::Yes),
            Err(sqlx::Error::Database(error)) if error.message() == REFUSED => {
                Ok(Committed::Refused)
            }
            Err(error) => Err(DbErr::Exec(failed(error))),
        }
    }
}

/// Runs `text` as one transaction on the writer's connection, whose turn the caller holds.
pub(in crate::db) async fn run(
    writer: &DatabaseConnection,
    text: Text,
) -> Result<Committed, DbErr> {
    let sql = format!("BEGIN IMMEDIATE;{}COMMIT", text.sql);
    let values = SqlxValues(Values(text.values));
    let mut busy = Busy::begin(writer).await?;
    let whole = sqlx::query_with(AssertSqlSafe(sql), values);
    let done = whole.execute(&mut *busy.connection).await;
    busy.end(done.map(|_| ())).await
}

/// Runs `texts` as one transaction, as [`run`] does one of them. Each by itself: together they are hardly ever the same text
/// again, and to prepare it would cost more than to ask for each.
pub(in crate::db) async fn run_together<'a>(
    writer: &DatabaseConnection,
    texts: impl Iterator<Item = &'a Text>,
) -> Result<Committed, DbErr> {
    let mut busy = Busy::begin(writer).await?;
    let mut done = busy.connection.execute("BEGIN IMMEDIATE").await.map(|_| ());
    for text in texts {
        if done.is_ok() {
            done = text.part(&mut busy).await;
        }
    }
    if done.is_ok() {
        done = busy.connection.execute("COMMIT").await.map(|_| ());
    }
    busy.end(done).await
}

fn failed(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}
