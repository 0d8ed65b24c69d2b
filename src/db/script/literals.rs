//! A transaction of MariaDB or MySQL as one text, with every value in it.
//!
//! Their protocol prepares and asks one statement at a time, which makes a way over the wire of each; a text may hold all of
//! them, and the counts of their rows come back together. What is text or bytes stands in it as hexadecimal digits, and all else is a number: nothing in it can be taken
//! for SQL, whatever the server's modes, so there is nothing to escape. Called by [`super::Script`].

use std::fmt::Write as _;

use sea_orm::{Statement, Value, Values};

use super::{Counted, Gate};

/// Bytes of a text: the servers take 16 MiB by default. What is longer goes a statement at a time.
const LONGEST: usize = 8 * 1024 * 1024;

/// The transaction, but for its commit. None if it is too long, or has a value that cannot stand in a text.
pub(super) fn text(gate: Option<&Gate>, statements: &[Counted]) -> Option<String> {
    let mut text = String::from("BEGIN");
    if let Some(Gate::Change(gate) | Gate::Find(gate)) = gate {
        add(&mut text, gate)?;
    }
    for one in statements {
        add(&mut text, &one.statement)?;
        if text.len() > LONGEST {
            return None;
        }
    }
    Some(text)
}

/// One statement, in which values take the place of the question marks. None stands elsewhere: every value is a parameter.
fn add(text: &mut String, statement: &Statement) -> Option<()> {
    let none = Values(Vec::new());
    let values = &statement.values.as_ref().unwrap_or(&none).0;
    let mut values = values.iter();
    let mut parts = statement.sql.split('?');
    text.push(';');
    text.push_str(parts.next()?);
    for part in parts {
        literal(text, values.next()?)?;
        text.push_str(part);
    }
    values.next().is_none().then_some(())
}

fn literal(text: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Bool(Some(value)) => number(text, u8::from(*value)),
        Value::TinyInt(Some(value)) => number(text, value),
        Value::SmallInt(Some(value)) => number(text, value),
        Value::Int(Some(value)) => number(text, value),
        Value::BigInt(Some(value)) => number(text, value),
        Value::TinyUnsigned(Some(value)) => number(text, value),
        Value::SmallUnsigned(Some(value)) => number(text, value),
        Value::Unsigned(Some(value)) => number(text, value),
        Value::BigUnsigned(Some(value)) => number(text, value),
        Value::String(Some(value)) => {
            text.push_str("_utf8mb4 ");
            bytes(text, value.as_bytes());
        }
        Value::Bytes(Some(value)) => bytes(text, value),
        Value::Uuid(Some(value)) => bytes(text, value.as_bytes()),
        Value::Bool(None)
        | Value::TinyInt(None)
        | Value::SmallInt(None)
        | Value::Int(None)
        | Value::BigInt(None)
        | Value::TinyUnsigned(None)
        | Value::SmallUnsigned(None)
        | Value::Unsigned(None)
        | Value::BigUnsigned(None)
        | Value::String(None)
        | Value::Bytes(None)
        | Value::Uuid(None) => text.push_str("NULL"),
        _ => return None,
    }
    Some(())
}

fn number(text: &mut String, value: impl std::fmt::Display) {
    write!(text, "{value}").ok();
}

fn bytes(text: &mut String, bytes: &[u8]) {
    text.push_str("x'");
    text.push_str(&hex::encode(bytes));
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    fn statement(sql: &str, values: impl IntoIterator<Item = Value>, rows: Option<u64>) -> Counted {
        Counted {
            statement: Statement::from_sql_and_values(DbBackend::MySql, sql, values),
            rows,
        }
    }

    #[test]
    fn no_value_can_be_taken_for_sql() {
        let values = [
            Value::from("'; DROP TABLE a; -- \\"),
            Value::from(vec![0_u8, 39]),
            Value::from(-5_i64),
            Value::from(true),
            Value::String(None),
        ];
        let insert = statement("INSERT INTO a VALUES (?, ?, ?, ?, ?)", values, None);
        assert_eq!(
            text(None, &[insert]).unwrap(),
            "BEGIN;INSERT INTO a VALUES (_utf8mb4 x'273b2044524f50205441424c4520613b202d2d205c', \
             x'0027', -5, 1, NULL)"
        );
    }

    #[test]
    fn the_gate_comes_first() {
        let gate = Gate::Change(statement("UPDATE l SET n = ?", [Value::from(2)], None).statement);
        let delete = statement("DELETE FROM a WHERE b = ?", [Value::from(7)], Some(3));
        assert_eq!(
            text(Some(&gate), &[delete]).unwrap(),
            "BEGIN;UPDATE l SET n = 2;DELETE FROM a WHERE b = 7"
        );
    }

    #[test]
    fn what_has_too_few_or_too_many_values_or_is_too_long_goes_another_way() {
        let one = |values: Vec<Value>| {
            text(
                None,
                &[statement("DELETE FROM a WHERE b = ?", values, None)],
            )
        };
        assert!(one(vec![Value::from(1)]).is_some());
        assert!(one(Vec::new()).is_none());
        assert!(one(vec![Value::from(1), Value::from(2)]).is_none());
        assert!(one(vec![Value::from(1.5)]).is_none());
        assert!(one(vec![Value::from(vec![0_u8; LONGEST])]).is_none());
    }
}
