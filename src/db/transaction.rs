//! A transaction that writes, and its turn.
//!
//! SQLite has one writer. Who finds the lock taken there sleeps and looks again, for longer each time, whoever came
//! first: two busy writers spend most of their time asleep. So the writers of one file queue up here, in order, and
//! SQLite's own lock is only met by other processes. PostgreSQL and MariaDB have locks of their own that wake who waits.

use std::{
    ops::Deref,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use dashmap::DashMap;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One turn for each file; a process has one file, a test process has some.
static TURNS: LazyLock<DashMap<PathBuf, Arc<Semaphore>>> = LazyLock::new(DashMap::new);

/// A transaction that writes; it is rolled back unless it is committed.
#[derive(Debug)]
pub struct Transaction {
    // Before the turn, so that it is dropped first.
    inner: DatabaseTransaction,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Begin a transaction that writes.
///
/// SQLite takes its write lock here and not at the first write, where a reader that turns writer is refused.
/// PostgreSQL and MariaDB run it at READ COMMITTED (see [`super::connect`]), so that a statement after a lock sees
/// what the former holder of the lock committed.
pub async fn begin(db: &DatabaseConnection) -> Result<Transaction, DbErr> {
    let turn = match db.get_database_backend() {
        DbBackend::Sqlite => Some(turn(db).await?),
        _ => None,
    };
    let inner = db
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    Ok(Transaction { inner, _turn: turn })
}

pub(super) async fn turn(db: &DatabaseConnection) -> Result<OwnedSemaphorePermit, DbErr> {
    let options = db.get_sqlite_connection_pool().connect_options();
    let file = options.get_filename();
    let known = TURNS.get(file).map(|turn| Arc::clone(&turn));
    let turn = known.unwrap_or_else(|| {
        let turn = TURNS.entry(file.to_owned());
        Arc::clone(&turn.or_insert_with(|| Arc::new(Semaphore::new(1))))
    });
    turn.acquire_owned()
        .await
        .map_err(|error| DbErr::Custom(error.to_string()))
}

impl Transaction {
    /// Makes it durable.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }

    /// Undoes it; its locks are gone when this answers.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(stmt).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(stmt).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(stmt).await
    }
}
