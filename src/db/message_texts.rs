//! `message_texts`: the words of messages, and how each database is asked for them.
//!
//! The three engines part, shorten and leave out words each in its own way, so none of them sees a word: each word is
//! written as a term that they all take as it is. A session's journal alone writes it.

use std::{collections::BTreeSet, fmt::Write as _};

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, QueryFilter, Value,
    sea_query::{Expr, OnConflict},
};

use super::Script;
use crate::domain::words::{Search, words};

/// Characters of a term; the shortest limit is InnoDB's 84.
const LONGEST: usize = 80;
/// Bytes of all terms of a message: PostgreSQL takes a megabyte.
const MOST: usize = 256 * 1024;
/// Base32, which all engines take for letters and digits of one word.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What the terms of a session begin with: an engine finds the hits of one session without those of others, and no term
/// is a stop word or too short. Two sessions may share it; the rows name the session.
fn prefix(session: SessionId) -> String {
    let tail = session.uuid().as_u128();
    let digit = |at: u32| {
        let index = usize::try_from((tail >> (at * 5)) & 31).unwrap_or(0);
        DIGITS.get(index).copied().map_or('a', char::from)
    };
    std::iter::once('w').chain((0..7).map(digit)).collect()
}

/// `word` as a term: what is no small Latin letter and no digit, and `z`, as `z` and its bytes. What begins with a word begins with its term.
fn term(prefix: &str, word: &str) -> String {
    let mut term = prefix.to_owned();
    let mut bytes = [0; 4];
    for letter in word.chars() {
        let mut written = String::new();
        if matches!(letter, 'a'..='y' | '0'..='9') {
            written.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail.
                write!(written, "z{byte:02x}").ok();
            }
        }
        if term.len() + written.len() > LONGEST {
            break;
        }
        term.push_str(&written);
    }
    term
}

/// The row of a message with words.
pub fn row(session: SessionId, id: MessageRowId, text: &str) -> Option<Model> {
    let prefix = prefix(session);
    let all: BTreeSet<String> = words(text).map(|word| term(&prefix, &word)).collect();
    let mut terms = String::new();
    for term in all {
        if terms.len() + term.len() >= MOST {
            break;
        }
        if !terms.is_empty() {
            terms.push(' ');
        }
        terms.push_str(&term);
    }
    (!terms.is_empty()).then_some(Model {
        session_id: session,
        id,
        terms,
    })
}

/// Writes the words of new messages, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// Writes the words of a message over those that it had, as part of `script`.
pub fn put(script: &mut Script, row: Model) {
    let over = OnConflict::columns([Column::SessionId, Column::Id])
        .update_column(Column::Terms)
        .to_owned();
    let insert = Entity::insert(ActiveModel::from(row)).on_conflict(over);
    // MariaDB counts a row that is written over as two.
    script.add_lenient(&insert);
}

/// The messages are found by no word any more, as part of `script`.
pub fn remove(script: &mut Script, session: SessionId, ids: &[MessageRowId]) {
    let delete = Entity::delete_many()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()));
    script.add_lenient(&delete);
}

/// Whether a row of `messages` has the words.
pub fn has(backend: DbBackend, session: SessionId, search: &Search) -> Expr {
    let prefix = prefix(session);
    let terms = search
        .wanted()
        .map(|wanted| (term(&prefix, &wanted.word), wanted.is_prefix));
    let write = |one: fn(String, bool) -> String, between: &str| {
        let terms: Vec<String> = terms
            .map(|(term, is_prefix)| one(term, is_prefix))
            .collect();
        terms.join(between)
    };
    let (hits, question) = match backend {
        DbBackend::Sqlite => (
            // CROSS: SQLite takes its guess of how many rows a session has for less than what has the words, and then
            // asks the index once for each row.
            "messages.id IN (SELECT t.id FROM message_words CROSS JOIN message_texts t \
             ON t.n = message_words.rowid WHERE t.session_id = ? AND message_words MATCH ?)",
            write(|term, all| term + if all { "*" } else { "" }, " "),
        ),
        DbBackend::Postgres => (
            "messages.id IN (SELECT t.id FROM message_texts t WHERE t.session_id = $1 \
             AND to_tsvector('simple'::regconfig, t.terms) @@ to_tsquery('simple'::regconfig, $2))",
            write(|term, all| term + if all { ":*" } else { "" }, " & "),
        ),
        _ => (
            "messages.id IN (SELECT t.id FROM message_texts t WHERE t.session_id = ? \
             AND MATCH (t.terms) AGAINST (? IN BOOLEAN MODE))",
            write(
                |term, all| format!("+{term}") + if all { "*" } else { "" },
                " ",
            ),
        ),
    };
    let values: [Value; 2] = [session.uuid().into(), question.into()];
    Expr::cust_with_values(hits, values)
}
