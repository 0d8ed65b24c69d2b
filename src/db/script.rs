//! Writes that go to the database together.
//!
//! On SQLite each statement is two changes of threads, which cost more than the statement; so they go as one. The
//! protocols of PostgreSQL and MariaDB prepare one statement at a time, and get them one after the other.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryTrait, Statement, Values};

use super::Transaction;

/// Statements, each of which writes a known number of rows.
#[derive(Debug)]
pub struct Script {
    backend: DbBackend,
    statements: Vec<(Statement, u64)>,
}

impl Script {
    /// Nothing yet.
    pub const fn new(backend: DbBackend) -> Self {
        Self {
            backend,
            statements: Vec::new(),
        }
    }

    /// One more statement, which writes `rows` rows if all is well.
    pub fn add(&mut self, statement: &impl QueryTrait, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.statements.push((statement.build(self.backend), rows));
    }

    /// Runs them in their order; tells whether each row was written. If not, the caller has to roll back.
    pub async fn run(self, tx: &Transaction) -> Result<bool, DbErr> {
        if self.backend != DbBackend::Sqlite {
            for (statement, rows) in self.statements {
                if tx.execute_raw(statement).await?.rows_affected() != rows {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let (mut sql, mut values, mut expected) = (String::new(), Vec::new(), 0);
        for (statement, rows) in self.statements {
            sql.push_str(&statement.sql);
            sql.push(';');
            values.extend(statement.values.unwrap_or(Values(Vec::new())).0);
            expected += rows;
        }
        if sql.is_empty() {
            return Ok(true);
        }
        let together = Statement::from_sql_and_values(self.backend, sql, values);
        Ok(tx.execute_raw(together).await?.rows_affected() == expected)
    }
}
