//! Statements of PostgreSQL as parts of one: common table expressions, each of which writes and is counted.
//!
//! Called by [`super::Script`]. All parts see the database as it was when the whole began, so no row may be written by two
//! of them.

use std::fmt::Write as _;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement, Value, sqlx,
};

use super::{Committed, Counted, Gate, values_of};

/// The most parameters of one statement of PostgreSQL.
const PARAMETERS: usize = 65_535;

/// SQLSTATE of a division by zero: how [`whole`] undoes itself.
const REFUSED: &str = "22012";

/// Gate and rows as one statement, which is a transaction by itself; none if they are too many for it.
///
/// The gate is counted first, and waits there for whoever holds its row. What somebody else has written meanwhile is
/// not seen behind it, so a row that is to be changed may be missed: the count tells, and nothing is written.
pub(super) fn whole(gate: Option<&Gate>, statements: &[Counted]) -> Option<Statement> {
    let mut parts = Parts::default();
    let mut counts = Vec::new();
    if let Some(gate) = gate {
        let (Gate::Change(fence) | Gate::Find(fence)) = gate;
        let returning = matches!(gate, Gate::Change(_));
        counts.push((parts.add(fence, returning), 1));
    }
    for one in statements {
        counts.push((parts.add(&one.statement, true), one.rows?));
    }
    if counts.is_empty() || parts.values.len() > PARAMETERS {
        return None;
    }
    let counted = counts
        .iter()
        .map(|(part, rows)| format!("(SELECT count(*) FROM s{part}) = {rows}"));
    let all: Vec<String> = counted.collect();
    let end = format!(
        "SELECT 1 / (CASE WHEN {} THEN 1 ELSE 0 END)",
        all.join(" AND ")
    );
    Some(parts.into_statement(&end))
}

/// Runs what [`whole`] gave.
pub(super) async fn commit(db: &DatabaseConnection, whole: Statement) -> Result<Committed, DbErr> {
    match db.execute_raw(whole).await {
        Ok(_) => Ok(Committed::Yes),
        Err(DbErr::Exec(RuntimeErr::SqlxError(error))) if is_refusal(&error) => {
            Ok(Committed::Refused)
        }
        Err(error) => Err(error),
    }
}

fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(REFUSED)
}

/// Counted statements in as few as the parameters allow.
pub(super) fn in_groups(statements: Vec<Counted>) -> Vec<Counted> {
    let (mut groups, mut group, mut taken) = (Vec::new(), Vec::new(), 0);
    for one in statements {
        let parameters = one.statement.values.iter().map(|values| values.0.len());
        let parameters: usize = parameters.sum();
        if taken + parameters > PARAMETERS && !group.is_empty() {
            groups.push(as_one(&std::mem::take(&mut group)));
            taken = 0;
        }
        taken += parameters;
        group.push(one);
    }
    groups.push(as_one(&group));
    groups
}

/// It counts as many rows as it returns, so it selects one row for each that was written.
fn as_one(statements: &[Counted]) -> Counted {
    let mut parts = Parts::default();
    let (mut rows, mut selects) = (0, Vec::new());
    for one in statements {
        let part = parts.add(&one.statement, true);
        selects.push(format!("SELECT 1 FROM s{part}"));
        rows += one.rows.unwrap_or(0);
    }
    Counted {
        statement: parts.into_statement(&selects.join(" UNION ALL ")),
        rows: Some(rows),
    }
}

/// Parts of a statement, and their parameters.
#[derive(Debug, Default)]
struct Parts {
    sql: String,
    values: Vec<Value>,
    count: usize,
}

impl Parts {
    /// One more, which has to return its rows or be a question; gives its number.
    fn add(&mut self, statement: &Statement, returning: bool) -> usize {
        let part = self.count;
        self.count += 1;
        let (before, after) = (
            if part == 0 { "WITH" } else { "," },
            if returning { " RETURNING 1" } else { "" },
        );
        let sql = renumbered(&statement.sql, self.values.len());
        // Writing to a String cannot fail.
        write!(self.sql, "{before} s{part} AS ({sql}{after}) ").ok();
        self.values.extend(values_of(statement.values.clone()));
        part
    }

    fn into_statement(self, end: &str) -> Statement {
        let sql = self.sql + end;
        Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values)
    }
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

    #[test]
    fn what_is_not_counted_is_no_part_of_a_whole() {
        let statement = |rows| Counted {
            statement: Statement::from_sql_and_values(
                DbBackend::Postgres,
                "DELETE FROM a WHERE b = $1",
                [Value::from(1)],
            ),
            rows,
        };
        assert!(whole(None, &[statement(Some(1)), statement(None)]).is_none());
        let whole = whole(None, &[statement(Some(1)), statement(Some(2))]).unwrap();
        assert_eq!(
            whole.sql,
            "WITH s0 AS (DELETE FROM a WHERE b = $1 RETURNING 1) , \
             s1 AS (DELETE FROM a WHERE b = $2 RETURNING 1) \
             SELECT 1 / (CASE WHEN (SELECT count(*) FROM s0) = 1 AND (SELECT count(*) FROM s1) = 2 THEN 1 ELSE 0 END)"
        );
    }
}
