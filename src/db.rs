//! The database: how to connect, how to begin a writing transaction, and one file of functions per table.
//!
//! Owns every statement on the service's tables. Must never hold policy, nor know HTTP or WhatsApp.
//! Called by `service`, `session`, `webhook`, `cluster` and `protocol::store`.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr,
    sqlx::{
        Connection, Executor, SqliteConnection,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

pub mod api_keys;
pub mod audit_log;
mod away;
pub mod chats;
pub mod contacts;
mod eras;
pub mod events;
pub mod fence;
pub mod idempotency;
pub mod labels;
pub mod leases;
pub mod link_tokens;
pub mod media;
pub mod message_marks;
pub mod message_secrets;
pub mod message_texts;
pub mod messages;
pub mod migrate;
pub mod nodes;
mod now;
pub mod outgoing;
pub mod public_numbers;
pub mod refresh_tokens;
mod script;
mod search;
pub mod session_credentials;
pub mod sessions;
pub mod standing;
pub mod tenants;
mod transaction;
mod upsert;
pub mod users;
pub mod webhook_attempts;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
mod writer;
pub mod ws_tickets;

pub use away::is_away;
pub use script::{Committed, Script};
pub use transaction::{Transaction, begin};
pub use upsert::incoming;

/// How long a writer waits for the one write lock of SQLite before it gives up.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that read; one more writes.
const SQLITE_READERS: u32 = 3;

/// Prepared texts that the writer keeps: a busy session's differ by how many rows come together.
const WRITER_STATEMENTS: usize = 128;

/// KiB of pages that a connection to SQLite keeps, negative as SQLite wants them: what a busy session writes again and again, and the
/// upper pages of the indexes that a search goes down for each message. The system's page cache holds the rest once for all.
const SQLITE_CACHE: &str = "-2048";

/// How long a caller waits for a free connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that rested longer than this is tried before it is used again.
const PING_AFTER_IDLE: Duration = Duration::from_secs(30);

/// Prepared statements kept per connection; each costs memory on both ends.
const STATEMENT_CACHE: usize = 64;

/// Connect to `sqlite://`, `postgres://` or `mysql://`; one pool serves the whole process.
///
/// SQLite files are created, run in WAL mode and sync every commit, so that `Ok` outlives a power loss.
pub async fn connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, DbErr> {
    // The library would put the whole URL, password included, into its error.
    let known = ["sqlite:", "postgres:", "postgresql:", "mysql:"];
    if url::Url::parse(url).is_err() || !known.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(DbErr::Custom(
            "the database URL must look like sqlite://…, postgres://… or mysql://…".to_owned(),
        ));
    }
    if !url.starts_with("sqlite:") {
        return Database::connect(options(url, max_connections)).await;
    }
    let db = Database::connect(options(url, max_connections.min(SQLITE_READERS))).await?;
    let mut alone = options(url, 1);
    let committing = script::at_once::Committing::default();
    let heard = committing.clone();
    alone
        .connect_lazy(true)
        .map_sqlx_sqlite_opts(|own| sqlite_options(own).statement_cache_capacity(WRITER_STATEMENTS))
        .map_sqlx_sqlite_pool_opts(move |pool| {
            let heard = heard.clone();
            sqlite_pool(pool)
                .after_connect(move |connection, _| Box::pin(heard.clone().of(connection)))
        });
    let file = db.get_sqlite_connection_pool().connect_options();
    let own = Database::connect(alone).await?;
    writer::Writer::serve(&db, file.get_filename(), (own, committing));
    Ok(db)
}

fn options(url: &str, max_connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(PING_AFTER_IDLE)
        .map_sqlx_sqlite_opts(sqlite_options)
        .map_sqlx_sqlite_pool_opts(sqlite_pool)
        .map_sqlx_postgres_opts(|pg| pg.statement_cache_capacity(STATEMENT_CACHE))
        .map_sqlx_mysql_opts(|my| my.statement_cache_capacity(STATEMENT_CACHE))
        // All questions are short: for one that the server takes for long it would start workers, or a compiler, for milliseconds.
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
                        .await?;
                    Ok(())
                })
            })
        })
        // Set once per connection: asking for it in each transaction would cost a round trip.
        .map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        .await?;
                    Ok(())
                })
            })
        });
    if url.starts_with("sqlite:") {
        // A file does not hang up: there is nothing to renew.
        options.max_lifetime(None).idle_timeout(None);
    }
    options
}

fn sqlite_pool(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.after_release(|connection, _| Box::pin(has_ended_its_transaction(connection)))
}

/// Whether a connection that comes back to the pool may be used again.
///
/// SQLite ends a transaction by itself when the disk is full. sqlx counts it on, and makes savepoints out of the
/// transactions that follow: their rollback would keep the write lock for ever.
async fn has_ended_its_transaction(
    connection: &mut SqliteConnection,
) -> Result<bool, sea_orm::sqlx::Error> {
    if connection.is_in_transaction() {
        // One that was dropped is rolled back by the connection's own thread: a ping comes after that.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn sqlite_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENT_CACHE)
        .pragma("cache_size", SQLITE_CACHE)
        // What a statement may have to undo is kept in memory: a file would be made and removed for it.
        .pragma("temp_store", "MEMORY")
        // 16 MiB: moving the log into the file costs two syncs, and at the default a busy service does it every second.
        .pragma("wal_autocheckpoint", "4096")
}
