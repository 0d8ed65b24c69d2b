//! Which faults say that the database cannot be used right now, as opposed to: with this statement.
//!
//! A deadlock, and a lock that was waited for in vain, are such faults: the same request is right when it comes again.

use std::{error::Error as StdError, sync::Arc};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, mysql::MySqlDatabaseError, sqlite::SqliteError},
};

/// SQLite's words for busy, locked, read-only, a disk that fails, a full disk, and a file that cannot be opened.
const SQLITE: &[u32] = &[5, 6, 8, 10, 13, 14];
/// The classes of SQLSTATE for a lost connection, a transaction rolled back, lacking resources, a lock not got, and an
/// operator's intervention.
const SQLSTATE: &[&str] = &["08", "40", "53", "55P03", "57P"];
/// MariaDB's numbers for what it gives no class: a full disk, a full table, a lock waited for in vain, and read-only.
const MARIADB: &[u16] = &[1021, 1114, 1205, 1290, 1836];

/// Whether `error`, or what caused it, is that the database is away, locked, or out of space.
pub fn is_away(error: &(dyn StdError + 'static)) -> bool {
    let mut layer = Some(error);
    while let Some(error) = layer {
        let shared = error.downcast_ref::<Arc<DbErr>>().map(AsRef::as_ref);
        if let Some(error) = error.downcast_ref::<DbErr>().or(shared) {
            return match error {
                DbErr::ConnectionAcquire(_) => true,
                DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => {
                    matches!(cause, RuntimeErr::SqlxError(cause) if says_so(cause))
                }
                _ => false,
            };
        }
        layer = error.source();
    }
    false
}

fn says_so(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<SqliteError>().is_some() {
                // The lowest byte is the word, the others refine it.
                return code
                    .parse::<u32>()
                    .is_ok_and(|code| SQLITE.contains(&(code & 0xff)));
            }
            if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>()
                && MARIADB.contains(&error.number())
            {
                return true;
            }
            SQLSTATE.iter().any(|class| code.starts_with(class))
        }
        _ => false,
    }
}
