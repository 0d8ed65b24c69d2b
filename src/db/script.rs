//! One write: a fence and the rows behind it, committed together or not at all.
//!
//! Each statement costs a change of threads and back on SQLite, and a way over the wire on the others; so they go as
//! few as the database allows. SQLite takes the whole transaction as one, and others with it. PostgreSQL takes all rows as parts of one
//! statement; the fence comes alone before it, because whoever writes behind a lock has to wait for it. MariaDB's
//! protocol prepares one at a time.

use std::fmt::Write as _;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    QueryTrait, Statement, Value, Values,
};

use super::{Transaction, writer::Writer};

pub(super) mod at_once;

pub(super) use at_once::Text;

/// The most parameters of one statement of PostgreSQL.
const PARAMETERS: usize = 65_535;

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
    pub fn fenced(backend: DbBackend, fence: &impl QueryTrait) -> Self {
        Self {
            gate: Some(Gate::Change(fence.build(backend))),
            ..Self::new(backend)
        }
    }

    /// A script that does nothing unless `held` finds a row, which it has to lock where the database locks rows.
    pub fn held(backend: DbBackend, held: &impl QueryTrait) -> Self {
        Self {
            gate: Some(Gate::Find(held.build(backend))),
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
    pub fn insert<A: ActiveModelTrait>(&mut self, rows: impl IntoIterator<Item = A>) {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<A> = rows.by_ref().take(ROWS_PER_INSERT).collect();
            let count = some.len();
            self.add(&<A::Entity as EntityTrait>::insert_many(some), count);
        }
    }

    /// One more statement, whose row may be gone.
    pub fn add_lenient(&mut self, statement: &impl QueryTrait) {
        self.add_built(statement.build(self.backend));
    }

    /// One more statement, whose rows are not counted.
    pub fn add_built(&mut self, statement: Statement) {
        self.statements.push(Counted {
            statement,
            rows: None,
        });
    }

    /// Runs it in a transaction of its own.
    pub async fn commit(self, db: &DatabaseConnection) -> Result<Committed, DbErr> {
        if self.backend == DbBackend::Sqlite {
            return Writer::of(db)?.commit(self.text()).await;
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
                DbBackend::Postgres => self.statements = in_groups(self.statements),
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

/// PostgreSQL: as few statements as its parameters allow.
fn in_groups(statements: Vec<Counted>) -> Vec<Counted> {
    let (mut groups, mut group, mut taken) = (Vec::new(), Vec::new(), 0);
    for one in statements {
        let parameters = one.statement.values.iter().map(|values| values.0.len());
        let parameters: usize = parameters.sum();
        if taken + parameters > PARAMETERS && !group.is_empty() {
            groups.push(as_one(std::mem::take(&mut group)));
            taken = 0;
        }
        taken += parameters;
        group.push(one);
    }
    groups.push(as_one(group));
    groups
}

/// PostgreSQL: common table expressions, of which the last statement counts the rows.
///
/// It counts as many rows as it returns, so the statement selects one row for each that was written.
fn as_one(statements: Vec<Counted>) -> Counted {
    let (mut parts, mut count) = (String::from("WITH "), String::new());
    let (mut values, mut rows) = (Vec::new(), 0);
    for (
        index,
        Counted {
            statement,
            rows: wanted,
        },
    ) in statements.into_iter().enumerate()
    {
        if index > 0 {
            parts.push_str(", ");
            count.push_str(" UNION ALL ");
        }
        let sql = renumbered(&statement.sql, values.len());
        // Writing to a String cannot fail.
        write!(parts, "s{index} AS ({sql} RETURNING 1)").ok();
        write!(count, "SELECT 1 FROM s{index}").ok();
        values.extend(values_of(statement.values));
        rows += wanted.unwrap_or(0);
    }
    let sql = format!("{parts} {count}");
    Counted {
        statement: Statement::from_sql_and_values(DbBackend::Postgres, sql, values),
        rows: Some(rows),
    }
}

fn values_of(values: Option<Values>) -> Vec<Value> {
    values.unwrap_or(Values(Vec::new())).0
}

/// `$1` becomes `$<1 + by>`, and so on. A `$` stands nowhere else: every value is a parameter.
fn renumbered(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut renumbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        let number: usize = part[..end].parse().unwrap_or(0);
        write!(renumbered, "${}{}", number + by, &part[end..]).ok();
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_later_statement_follow_those_of_an_earlier() {
        assert_eq!(
            renumbered("UPDATE a SET b = $1 WHERE c IN ($2, $10)", 3),
            "UPDATE a SET b = $4 WHERE c IN ($5, $13)"
        );
        assert_eq!(renumbered("DELETE FROM a", 3), "DELETE FROM a");
    }
}
