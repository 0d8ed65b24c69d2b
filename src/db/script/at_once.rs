//! A transaction of SQLite as one text, which its thread works off without being asked in between.
//!
//! sqlx knows nothing of a transaction that is begun in a text, so this sees to its end whatever happens.

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, Values,
    sqlx::{self, AssertSqlSafe, Executor as _, Sqlite, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;

use super::Committed;
use crate::db::transaction::turn;

/// Ends the text unless the statement before it has changed one row: an error is the only way to end it from within.
pub(super) const GUARD: &str = "SELECT CASE changes() WHEN 1 THEN 1 ELSE json('{') END;";

/// What SQLite says then.
const REFUSED: &str = "malformed JSON";

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

/// Runs `sql`, from its BEGIN to its COMMIT.
pub(super) async fn run(
    db: &DatabaseConnection,
    sql: String,
    values: Values,
) -> Result<Committed, DbErr> {
    // Taken before the connection, and so given back after it.
    let _turn = turn(db).await?;
    let connection = db.get_sqlite_connection_pool().acquire().await;
    let mut busy = Busy {
        connection: connection.map_err(|error| DbErr::Conn(failed(error)))?,
        ended: false,
    };
    let text = sqlx::query_with(AssertSqlSafe(sql), SqlxValues(values));
    let done = text.execute(&mut *busy.connection).await;
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
