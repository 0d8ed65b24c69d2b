//! One write: a fence and the rows behind it, committed together or not at all.
//!
//! Each statement costs a change of threads and back on SQLite, and a way over the wire on the others; so the whole goes
//! at once where it can. SQLite takes it as one text, and others with it; PostgreSQL as one statement ([`as_one`]) if
//! each of its parts is counted; MariaDB as one block in which the values stand ([`literals`]). What cannot go so goes a
//! statement at a time.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryTrait, Statement,
    Value, Values,
};

use super::{Transaction, writer::Writer};

mod as_one;
pub(super) mod at_once;
mod literals;
pub(super) mod texts;

pub(super) use at_once::Text;

/// Rows of one statement: a row has up to 14 values, and SQLite takes 32,766 in one.
const ROWS_PER_INSERT: usize = 1_000;

/// Statements, most of which write a known number of rows. No row may be written by two of them.
#[derive(Debug)]
pub struct Script {
    backend: DbBackend,
    gate: Option<Gate>,
    statements: Vec<Counted>,
}

/// What a script begins with.
#[derive(Debug)]
enum Gate {
    /// Has to change one row.
    Change(Statement),
    /// Has to find a row.
    Find(Statement),
}

/// A statement and how many rows it has to write, where that is known.
#[derive(Debug)]
struct Counted {
    statement: Statement,
    rows: Option<u64>,
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Yes,
    /// The fence, or a row that it promises, was not there: nothing was written.
    Refused,
}

impl Script {
    /// Nothing yet.
    pub const fn new(backend: DbBackend) -> Self {
        Self {
            backend,
            gate: None,
            statements: Vec::new(),
        }
    }

    /// A script that does nothing unless `fence` changes exactly one row.
    pub fn fenced(backend: DbBackend, fence: Statement) -> Self {
        Self {
            gate: Some(Gate::Change(fence)),
            ..Self::new(backend)
        }
    }

    /// A script that does nothing unless `held` finds a row, which it has to lock where the database locks rows.
    pub fn held(backend: DbBackend, held: Statement) -> Self {
        Self {
            gate: Some(Gate::Find(held)),
            ..Self::new(backend)
        }
    }

    /// The database that it is for.
    pub const fn backend(&self) -> DbBackend {
        self.backend
    }

    /// One more statement, which writes `rows` rows.
    pub fn add(&mut self, statement: &impl QueryTrait, rows: usize) {
        self.statements.push(Counted {
            statement: statement.build(self.backend),
            rows: u64::try_from(rows).ok(),
        });
    }

    /// New rows, in as many statements as they take.
    pub fn insert<A>(&mut self, rows: impl IntoIterator<Item = A>)
    where
        A: ActiveModelTrait + 'static,
    {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<A> = rows.by_ref().take(ROWS_PER_INSERT).collect();
            let rows = u64::try_from(some.len()).ok();
            let statement = texts::insert(self.backend, some, None);
            self.statements.push(Counted { statement, rows });
        }
    }

    /// One more statement, which writes `rows` rows, some of them over others.
    pub fn upsert(&mut self, statement: Statement, rows: usize) {
        self.statements.push(Counted {
            statement,
            // MariaDB counts a row that is written over as two.
            rows: match self.backend {
                DbBackend::MySql => None,
                _ => u64::try_from(rows).ok(),
            },
        });
    }

    /// One more statement, whose row may be gone.
    pub fn add_lenient(&mut self, statement: &impl QueryTrait) {
        self.statements.push(Counted {
            statement: statement.build(self.backend),
            rows: None,
        });
    }

    /// One more statement, of this database alone, which may write any number of rows.
    pub(super) fn add_text(&mut self, sql: &str) {
        self.statements.push(Counted {
            statement: Statement::from_string(self.backend, sql),
            rows: None,
        });
    }

    /// Runs it in a transaction of its own.
    pub async fn commit(self, db: &DatabaseConnection) -> Result<Committed, DbErr> {
        match self.backend {
            // Behind the gate no row can be missing: there is one writer. Without one, the rows have to be counted.
            DbBackend::Sqlite if self.gate.is_some() => {
                return Writer::of(db)?.commit(self.text()).await;
            }
            DbBackend::Sqlite => {}
            DbBackend::Postgres => {
                if let Some(whole) = as_one::whole(self.gate.as_ref(), &self.statements) {
                    return as_one::commit(db, whole).await;
                }
            }
            _ => {
                if let Some(text) = literals::text(self.gate.as_ref(), &self.statements) {
                    return at_once::run_literally(db, text, &self.counts()).await;
                }
            }
        }
        let tx = super::begin(db).await?;
        let done = self.run(&tx).await;
        match done {
            Ok(true) => tx.commit().await.map(|()| Committed::Yes),
            Ok(false) => tx.rollback().await.map(|()| Committed::Refused),
            Err(error) => {
                // Waited for, so that its locks are gone when the next begins.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }

    /// Runs it as part of `tx`; tells whether each row was written. If not, the caller has to roll back.
    pub async fn run(mut self, tx: &Transaction) -> Result<bool, DbErr> {
        let passes = match self.gate {
            None => true,
            Some(Gate::Change(fence)) => tx.execute_raw(fence).await?.rows_affected() == 1,
            Some(Gate::Find(held)) => tx.query_one_raw(held).await?.is_some(),
        };
        if !passes {
            return Ok(false);
        }
        if self.statements.len() > 1 && self.statements.iter().all(|one| one.rows.is_some()) {
            match self.backend {
                DbBackend::Sqlite => return one_after_the_other(self.statements).run(tx).await,
                DbBackend::Postgres => self.statements = as_one::in_groups(self.statements),
                _ => {}
            }
        }
        for one in self.statements {
            if !one.run(tx).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many rows the gate and each statement have to change or find, where that is known.
    fn counts(&self) -> Vec<Option<u64>> {
        let gate = self.gate.iter().map(|_| Some(1));
        let statements = self.statements.iter().map(|one| one.rows);
        gate.chain(statements).collect()
    }

    /// SQLite: all of it as one text.
    fn text(self) -> Text {
        let mut text = Text::default();
        match self.gate {
            None => {}
            Some(Gate::Change(fence)) => {
                text.add(fence);
                text.sql.push_str(at_once::UNLESS_CHANGED);
            }
            Some(Gate::Find(held)) => {
                text.sql.push_str(&at_once::unless_found(&held.sql));
                text.values.extend(values_of(held.values));
            }
        }
        for Counted { statement, .. } in self.statements {
            text.add(statement);
        }
        text
    }
}

impl Text {
    fn add(&mut self, statement: Statement) {
        self.sql.push_str(&statement.sql);
        self.sql.push(';');
        self.values.extend(values_of(statement.values));
    }
}

impl Counted {
    async fn run(self, tx: &Transaction) -> Result<bool, DbErr> {
        let done = tx.execute_raw(self.statement).await?.rows_affected();
        Ok(self.rows.is_none_or(|rows| done == rows))
    }
}

/// SQLite: with a semicolon between; it counts the rows of all.
fn one_after_the_other(statements: Vec<Counted>) -> Counted {
    let (mut text, mut rows) = (Text::default(), 0);
    for Counted {
        statement,
        rows: wanted,
    } in statements
    {
        text.add(statement);
        rows += wanted.unwrap_or(0);
    }
    Counted {
        statement: Statement::from_sql_and_values(DbBackend::Sqlite, text.sql, text.values),
        rows: Some(rows),
    }
}

fn values_of(values: Option<Values>) -> Vec<Value> {
    values.unwrap_or(Values(Vec::new())).0
}
