//! Transactions as texts, each of which SQLite's thread, or a MariaDB server, works off without being asked in between.
//!
//! sqlx knows nothing of a transaction that is begun in a text, so this sees to its end whatever happens.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, TryStreamExt as _};
use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, Value, Values,
    sqlx::{
        self, AssertSqlSafe, Database, Either, Executor, MySql, Pool, Sqlite, SqliteConnection,
        pool::PoolConnection,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::{sync::Notify, time::timeout};

use super::{Committed, literals};

/// Ends the text unless the statement before it has changed one row: an error is the only way to end it from within.
pub(super) const UNLESS_CHANGED: &str = "SELECT CASE changes() WHEN 1 THEN 1 ELSE json('{') END;";

/// Ends the text unless `query` finds a row.
pub(super) fn unless_found(query: &str) -> String {
    format!("SELECT CASE WHEN EXISTS ({query}) THEN 1 ELSE json('{{') END;")
}

/// What SQLite says then.
const REFUSED: &str = "malformed JSON";

/// How long a text may take until its statements are listened to all the same.
const LISTENS_AFTER: Duration = Duration::from_millis(1);

/// Statements with a semicolon after each, and their parameters.
#[derive(Debug, Default)]
pub(in crate::db) struct Text {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// A connection in a transaction. One that is given up in the middle is closed, which undoes it.
struct Busy<DB: Database> {
    connection: PoolConnection<DB>,
    ended: bool,
}

impl<DB: Database> Drop for Busy<DB> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

impl Text {
    /// Runs it as a part of the transaction that `busy` is in.
    async fn part(&self, busy: &mut Busy<Sqlite>) -> Result<(), sqlx::Error> {
        let values = SqlxValues(Values(self.values.clone()));
        let part = sqlx::query_with(AssertSqlSafe(self.sql.clone()), values);
        part.execute(&mut *busy.connection).await.map(|_| ())
    }
}

impl<DB: Database> Busy<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn begin(pool: &Pool<DB>) -> Result<Self, DbErr> {
        let connection = pool.acquire().await;
        Ok(Self {
            connection: connection.map_err(|error| DbErr::Conn(failed(error)))?,
            ended: false,
        })
    }

    /// After a commit, or after something failed.
    async fn end(mut self, done: Result<Committed, sqlx::Error>) -> Result<Committed, DbErr> {
        self.ended = match done {
            Ok(Committed::Yes) => true,
            // SQLite has undone it itself where it says that there is none; what else may be wrong, closing mends.
            Ok(Committed::Refused) | Err(_) => self.connection.execute("ROLLBACK").await.is_ok(),
        };
        match done {
            Ok(done) => Ok(done),
            Err(sqlx::Error::Database(error)) if error.message() == REFUSED => {
                Ok(Committed::Refused)
            }
            Err(error) => Err(DbErr::Exec(failed(error))),
        }
    }
}

/// Tells when SQLite, having worked off a text, begins to commit it.
#[derive(Debug, Clone, Default)]
pub(in crate::db) struct Committing(Arc<Notify>);

impl Committing {
    /// Hears of the commits of a connection.
    pub(in crate::db) async fn of(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let mut handle = connection.lock_handle().await?;
        handle.set_commit_hook(move || {
            self.0.notify_one();
            true
        });
        Ok(())
    }

    /// Runs a text whose statements are not listened to. Each has a result, and each result would wake whoever waits: that costs
    /// SQLite's thread as much as the statement. A text that fails never commits, and is heard a little later.
    async fn quietly<T>(&self, text: impl Future<Output = T>) -> T {
        let mut text = pin!(text);
        // What an earlier transaction has left.
        let _left = self.0.notified().now_or_never();
        if let Some(done) = text.as_mut().now_or_never() {
            return done;
        }
        drop(timeout(LISTENS_AFTER, self.0.notified()).await);
        text.await
    }
}

/// Runs `text` as one transaction on the writer's connection, whose turn the caller holds.
pub(in crate::db) async fn run(
    (writer, committing): (&DatabaseConnection, &Committing),
    text: Text,
) -> Result<Committed, DbErr> {
    let sql = format!("BEGIN IMMEDIATE;{}COMMIT", text.sql);
    let values = SqlxValues(Values(text.values));
    let mut busy = Busy::begin(writer.get_sqlite_connection_pool()).await?;
    let whole = sqlx::query_with(AssertSqlSafe(sql), values);
    let whole = whole.execute(&mut *busy.connection);
    let done = committing.quietly(whole).await;
    busy.end(done.map(|_| Committed::Yes)).await
}

/// Runs `texts` as one transaction, as [`run`] does one of them. Each by itself: together they are hardly ever the same text
/// again, and to prepare it would cost more than to ask for each.
pub(in crate::db) async fn run_together<'a>(
    writer: &DatabaseConnection,
    texts: impl Iterator<Item = &'a Text>,
) -> Result<Committed, DbErr> {
    let mut busy = Busy::begin(writer.get_sqlite_connection_pool()).await?;
    let mut done = busy.connection.execute("BEGIN IMMEDIATE").await.map(|_| ());
    for text in texts {
        if done.is_ok() {
            done = text.part(&mut busy).await;
        }
    }
    if done.is_ok() {
        done = busy.connection.execute("COMMIT").await.map(|_| ());
    }
    busy.end(done.map(|()| Committed::Yes)).await
}

/// Runs `text`, which begins a transaction, and commits it if each of its statements has changed or found as many rows as
/// `counts` say. A block sees to that itself.
pub(super) async fn run_literally(
    db: &DatabaseConnection,
    text: String,
    counts: &[Option<u64>],
) -> Result<Committed, DbErr> {
    let mut busy = Busy::<MySql>::begin(db.get_mysql_connection_pool()).await?;
    let done = match answers(&mut busy, text).await {
        Ok(answers) => match answers.split_first() {
            Some((_block, [])) => Ok(Committed::Yes),
            Some((_begin, rows)) if are_as_wanted(rows, counts) => {
                let committed = busy.connection.execute("COMMIT").await;
                committed.map(|_| Committed::Yes)
            }
            _ => Ok(Committed::Refused),
        },
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(literals::REFUSED) => {
            Ok(Committed::Refused)
        }
        Err(error) => Err(error),
    };
    busy.end(done).await
}

fn are_as_wanted(rows: &[u64], counts: &[Option<u64>]) -> bool {
    let mut pairs = rows.iter().zip(counts);
    rows.len() == counts.len()
        && pairs.all(|(rows, count)| count.is_none_or(|count| count == *rows))
}

/// How many rows each answer to `text` has found or changed.
async fn answers(busy: &mut Busy<MySql>, text: String) -> Result<Vec<u64>, sqlx::Error> {
    let mut results = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(&mut *busy.connection);
    let (mut answers, mut found) = (Vec::new(), 0);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Right(_) => found += 1,
            Either::Left(result) => {
                answers.push(result.rows_affected() + std::mem::take(&mut found));
            }
        }
    }
    Ok(answers)
}

fn failed(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}
