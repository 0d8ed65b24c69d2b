//! `message_texts`: the words of messages, and how each database is asked for them.
//!
//! The three engines part, shorten and leave out words each in its own way, so none of them sees a word: each word is
//! written as a term that they all take as it is. A session's journal alone writes it; [`super::search`] asks for it.

use std::{collections::BTreeSet, fmt::Write as _};

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    QueryFilter, Statement, sea_query::OnConflict,
};

use super::{Script, eras};
use crate::domain::words::words;

/// Characters of a term; the shortest limit is InnoDB's 84.
const LONGEST: usize = 80;
/// The same of one that is followed by [`DATED`] and an era.
const LONGEST_DATED: usize = 75;
/// Stands between a term and its era in the index; in no term, where two hexadecimal digits follow a `z`.
pub(super) const DATED: &str = "zz";
/// Bytes of all terms of a message: PostgreSQL takes a megabyte.
const MOST: usize = 256 * 1024;
/// Base32, which all engines take for letters and digits of one word.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What the terms of a session begin with: an engine finds the hits of one session without those of others, and no term
/// is a stop word or too short. Two sessions may share it; the rows name the session.
pub(super) fn prefix(session: SessionId) -> String {
    let tail = session.uuid().as_u128();
    let digit = |at: u32| {
        let index = usize::try_from((tail >> (at * 5)) & 31).unwrap_or(0);
        DIGITS.get(index).copied().map_or('a', char::from)
    };
    std::iter::once('w').chain((0..7).map(digit)).collect()
}

/// `word` as a term: what is no small Latin letter and no digit, and `z`, as `z` and its bytes. What begins with a word begins with its term.
pub(super) fn term(prefix: &str, word: &str) -> String {
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
    let backend = script.backend();
    let rows = rows.into_iter().map(|row| in_eras(backend, row));
    script.insert(rows.map(ActiveModel::from));
}

/// As its database keeps it: MariaDB indexes only what stands there.
fn in_eras(backend: DbBackend, row: Model) -> Model {
    if backend != DbBackend::MySql {
        return row;
    }
    let era = eras::shortest(row.id);
    let terms = row.terms.split(' ');
    let terms = terms.map(|term| format!("{}{DATED}{era}", undated(term)));
    let terms = terms.collect::<Vec<String>>().join(" ");
    Model { terms, ..row }
}

/// Of a term, what has room before its era.
pub(super) fn undated(term: &str) -> &str {
    term.get(..LONGEST_DATED).unwrap_or(term)
}

/// Writes the words of a message over those that it had, as part of `script`.
pub fn put(script: &mut Script, row: Model) {
    let over = OnConflict::columns([Column::SessionId, Column::Id])
        .update_column(Column::Terms)
        .to_owned();
    let row = in_eras(script.backend(), row);
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

/// PostgreSQL: what its index of words has of a row `t`. As the migration says it, or the index is not used.
pub(super) const POSTGRES_WORDS: &str = "to_tsvector('simple'::regconfig, \
     replace(t.terms, ' ', 'zz' || substr(t.id::text, 2, 7) || ' ') \
     || 'zz' || substr(t.id::text, 2, 7))";

/// SQLite: the rows that its index of words does not have yet, in the order in which they came.
const INDEX: [&str; 2] = [
    "INSERT INTO message_words(rowid, terms) SELECT n, \
     replace(terms, ' ', 'zz' || substr(hex(id), 2, 7) || ' ') || 'zz' || substr(hex(id), 2, 7) \
     FROM message_texts \
     WHERE n > (SELECT n FROM message_words_upto)",
    "UPDATE message_words_upto SET n = (SELECT COALESCE(MAX(n), 0) FROM message_texts)",
];

/// Has `script` bring the index of words up to date. On SQLite it costs less for many rows at once than for each of them; the other
/// databases keep theirs themselves.
pub fn index(script: &mut Script) {
    if script.backend() == DbBackend::Sqlite {
        for statement in INDEX {
            script.add_text(statement);
        }
    }
}

/// Brings the index of words up to date, before it is asked.
pub async fn settle(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let late = "SELECT 1 FROM message_texts WHERE n > (SELECT n FROM message_words_upto) LIMIT 1";
    let late = Statement::from_string(DbBackend::Sqlite, late);
    if db.query_one_raw(late).await?.is_none() {
        return Ok(());
    }
    let tx = super::begin(db).await?;
    for statement in INDEX {
        tx.execute_unprepared(statement).await?;
    }
    tx.commit().await
}
