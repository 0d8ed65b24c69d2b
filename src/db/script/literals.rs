//! A transaction of MariaDB or MySQL as one text, with every value in it.
//!
//! Their protocol prepares and asks one statement at a time, which makes a way over the wire of each; a text may hold all of
//! them. To MariaDB it is a block, which counts the rows itself, commits, and has one answer: an answer to each statement would
//! wake whoever waits as often. MySQL has no such blocks; what makes it one is a comment to it, and the counts of the rows come
//! back together. Plain text stands in it between quotes, other text and bytes as hexadecimal digits, and all else is a number: nothing
//! in it can be taken for SQL, whatever the server's modes, so there is nothing to escape. Called by [`super::Script`].

use std::fmt::Write as _;

use sea_orm::{Statement, Value, Values};

use super::{Counted, Gate};

/// Bytes of a text: the servers take 16 MiB by default. What is longer goes a statement at a time.
const LONGEST: usize = 8 * 1024 * 1024;

/// The state that a block ends with if a statement has not written as many rows as it has to.
pub(super) const REFUSED: &str = "45000";

/// The transaction; if it is no block, without its commit. None if it is empty or too long, or has a value that cannot stand in a text.
pub(super) fn text(gate: Option<&Gate>, statements: &[Counted]) -> Option<String> {
    // Its one answer would be taken for that of a block.
    if gate.is_none() && statements.is_empty() {
        return None;
    }
    // What a question finds would be an answer from within a block.
    let is_block = !matches!(gate, Some(Gate::Find(_)));
    let gate = gate.map(|(Gate::Change(gate) | Gate::Find(gate))| (gate, Some(1)));
    let statements = statements.iter().map(|one| (&one.statement, one.rows));
    let begin = if is_block {
        "/*M! BEGIN NOT ATOMIC */ START TRANSACTION"
    } else {
        "BEGIN"
    };
    let mut text = begin.to_owned();
    let mut wanted = None;
    for (statement, rows) in gate.into_iter().chain(statements) {
        text.push(';');
        if let Some(rows) = wanted {
            // Writing to a String cannot fail.
            write!(text, "/*M! {}*/ ", unless_written(rows)).ok();
        }
        add(&mut text, statement)?;
        if text.len() > LONGEST {
            return None;
        }
        wanted = rows.filter(|_| is_block);
    }
    if is_block {
        let last = wanted.map(unless_written).unwrap_or_default();
        write!(text, " /*M! ; {last}COMMIT; END */").ok();
    }
    Some(text)
}

/// Ends a block unless the statement before it has written so many rows.
fn unless_written(rows: u64) -> String {
    format!("IF ROW_COUNT() <> {rows} THEN SIGNAL SQLSTATE '{REFUSED}'; END IF; ")
}

/// One statement, in which values take the place of the question marks. None stands elsewhere: every value is a parameter.
fn add(text: &mut String, statement: &Statement) -> Option<()> {
    let none = Values(Vec::new());
    let values = &statement.values.as_ref().unwrap_or(&none).0;
    let mut values = values.iter();
    let mut parts = statement.sql.split('?');
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
        Value::String(Some(value)) if is_plain(value) => {
            text.push('\'');
            text.push_str(value);
            text.push('\'');
        }
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

/// Whether it means the same between quotes in every mode and character set: nothing in it ends or escapes anything. It takes half
/// the bytes of its digits.
fn is_plain(value: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\'' && byte != b'\\';
    value.bytes().all(is_plain)
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
            Value::from(r#"{"a?": "/*M! ; */"}"#),
            Value::from("\\"),
            Value::from("é\n"),
            Value::from(vec![0_u8, 39]),
            Value::from(-5_i64),
            Value::from(true),
            Value::String(None),
        ];
        let insert = statement(
            "INSERT INTO a VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
            None,
        );
        assert_eq!(
            text(None, &[insert]).unwrap(),
            "/*M! BEGIN NOT ATOMIC */ START TRANSACTION;\
             INSERT INTO a VALUES (_utf8mb4 x'273b2044524f50205441424c4520613b202d2d205c', \
             '{\"a?\": \"/*M! ; */\"}', _utf8mb4 x'5c', _utf8mb4 x'c3a90a', x'0027', -5, 1, NULL) \
             /*M! ; COMMIT; END */"
        );
    }

    #[test]
    fn the_gate_comes_first_and_each_count_before_what_follows() {
        let gate = statement("UPDATE l SET n = ?", [Value::from(2)], None).statement;
        let lenient = statement("DELETE FROM b", [], None);
        let delete = statement("DELETE FROM a WHERE b = ?", [Value::from(7)], Some(3));
        let statements = [lenient, delete];
        let block = text(Some(&Gate::Change(gate.clone())), &statements).unwrap();
        assert_eq!(
            block,
            "/*M! BEGIN NOT ATOMIC */ START TRANSACTION;UPDATE l SET n = 2;\
             /*M! IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000'; END IF; */ DELETE FROM b;\
             DELETE FROM a WHERE b = 7 \
             /*M! ; IF ROW_COUNT() <> 3 THEN SIGNAL SQLSTATE '45000'; END IF; COMMIT; END */"
        );
        assert_eq!(
            text(Some(&Gate::Find(gate)), &statements).unwrap(),
            "BEGIN;UPDATE l SET n = 2;DELETE FROM b;DELETE FROM a WHERE b = 7"
        );
    }

    #[test]
    fn to_mysql_a_block_is_one_statement_after_the_other() {
        let gate = statement("UPDATE l SET n = ?", [Value::from(2)], None).statement;
        let delete = statement("DELETE FROM a", [], Some(3));
        let mut rest = text(Some(&Gate::Change(gate)), &[delete]).unwrap();
        while let Some(begin) = rest.find("/*M!") {
            let end = begin + rest[begin..].find("*/").unwrap() + 2;
            rest.replace_range(begin..end, "");
        }
        let seen: Vec<&str> = rest.split(';').map(str::trim).collect();
        let wanted = ["START TRANSACTION", "UPDATE l SET n = 2", "DELETE FROM a"];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn what_is_empty_or_too_long_or_has_too_few_or_too_many_values_goes_another_way() {
        let one = |values: Vec<Value>| {
            text(
                None,
                &[statement("DELETE FROM a WHERE b = ?", values, None)],
            )
        };
        assert!(text(None, &[]).is_none());
        assert!(one(vec![Value::from(1)]).is_some());
        assert!(one(Vec::new()).is_none());
        assert!(one(vec![Value::from(1), Value::from(2)]).is_none());
        assert!(one(vec![Value::from(1.5)]).is_none());
        assert!(one(vec![Value::from(vec![0_u8; LONGEST])]).is_none());
    }
}
