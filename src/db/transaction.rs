//! A transaction that writes, and its turn: see [`super::writer`] for SQLite's. PostgreSQL and MariaDB have locks of
//! their own that wake who waits.

use std::ops::Deref;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::OwnedSemaphorePermit;

use super::writer::Writer;

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
    if db.get_database_backend() != DbBackend::Sqlite {
        let inner = db.begin().await?;
        return Ok(Transaction { inner, _turn: None });
    }
    let writer = Writer::of(db)?;
    let turn = writer.turn().await?;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let inner = writer.db().begin_with_options(options).await?;
    Ok(Transaction {
        inner,
        _turn: Some(turn),
    })
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
