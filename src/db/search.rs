//! Pages of the messages that have words: newest first, however many have them.
//!
//! A word that few messages have is found by the index of words, and what has it is put in order. Of a word that many have, a page of the
//! newest stands among the newest messages: those are looked through, because to put all hits in order would cost as much as to read
//! them. What neither finds is asked of the database as a whole. Must give the same page whichever way it takes.

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts,
    messages::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, Order, QueryFilter, QueryOrder, QuerySelect,
    Select, Statement, Value,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::message_texts::{prefix, term};
use crate::domain::words::Search;

/// Hits that are few, where they can be counted.
const FEW: u64 = 200;
/// How many of the newest messages tell, elsewhere, whether many have a word.
const PROBED: u64 = 50;
/// How many of the newest messages are looked through for each that is wanted.
const LOOKED_AT: u64 = 12;

/// A question as the databases take it.
struct Question {
    session: SessionId,
    /// Each term, and whether what begins with it will do.
    terms: Vec<(String, bool)>,
}

/// Of `rows`, which are messages of `session`, a page of those with the words, newest first, before `cursor`. The index has to be up to
/// date (see [`super::message_texts::settle`]).
pub(super) async fn page(
    db: &impl ConnectionTrait,
    rows: Select<Entity>,
    (session, search): (SessionId, &Search),
    cursor: Option<MessageRowId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let backend = db.get_database_backend();
    let question = Question::of(session, search);
    let rows = match cursor {
        Some(before) => rows.filter(Column::Id.lt(before)),
        None => rows,
    };
    let rows = rows.order_by_desc(Column::Id).limit(limit);
    let many_have_it = if backend == DbBackend::Sqlite {
        question.has_many(db).await?
    } else {
        // The others read all hits to count some.
        let newest = question.among_newest(backend, cursor, PROBED);
        db.query_one(&newest).await?.is_some()
    };
    if many_have_it {
        let newest = question.among_newest(backend, cursor, limit.saturating_mul(LOOKED_AT));
        let newest = rows.clone().filter(Column::Id.in_subquery(newest));
        let found = newest.all(db).await?;
        if found.len() as u64 == limit {
            return Ok(found);
        }
    }
    rows.filter(question.is_hit(backend)).all(db).await
}

impl Question {
    fn of(session: SessionId, search: &Search) -> Self {
        let prefix = prefix(session);
        let terms = search
            .wanted()
            .map(|wanted| (term(&prefix, &wanted.word), wanted.is_prefix));
        Self {
            session,
            terms: terms.collect(),
        }
    }

    /// In the language of an index of words.
    fn text(&self, backend: DbBackend) -> String {
        let (one, between): (fn(&str, bool) -> String, _) = match backend {
            DbBackend::Sqlite => (
                |term, all| format!("{term}{}", if all { "*" } else { "" }),
                " ",
            ),
            DbBackend::Postgres => (
                |term, all| format!("{term}{}", if all { ":*" } else { "" }),
                " & ",
            ),
            _ => (
                |term, all| format!("+{term}{}", if all { "*" } else { "" }),
                " ",
            ),
        };
        let terms = self
            .terms
            .iter()
            .map(|(term, is_prefix)| one(term, *is_prefix));
        terms.collect::<Vec<String>>().join(between)
    }

    /// Whether a row of `messages` is a hit. The hits come first whatever the database guesses of their number.
    fn is_hit(&self, backend: DbBackend) -> Expr {
        let is_hit = match backend {
            // CROSS: SQLite takes its guess of how many rows a session has for less than what has the words, and then
            // asks the index once for each row.
            DbBackend::Sqlite => {
                "messages.id IN (SELECT t.id FROM message_words CROSS JOIN message_texts t \
                 ON t.n = message_words.rowid WHERE t.session_id = ? AND message_words MATCH ?)"
            }
            // Not `=`, and not IN: before PostgreSQL has counted, it reads all that a session has instead.
            DbBackend::Postgres => {
                "messages.id = ANY (ARRAY (SELECT t.id FROM message_texts t \
                 WHERE t.session_id IS NOT DISTINCT FROM $1 AND \
                 to_tsvector('simple'::regconfig, t.terms) @@ to_tsquery('simple'::regconfig, $2)))"
            }
            // DISTINCT: else MariaDB reads the messages of all hits before it puts them in order.
            _ => {
                "messages.id IN (SELECT hits.id FROM (SELECT DISTINCT t.id FROM message_texts t \
                 WHERE t.session_id = ? AND MATCH (t.terms) AGAINST (? IN BOOLEAN MODE)) hits)"
            }
        };
        let values: [Value; 2] = [self.session.uuid().into(), self.text(backend).into()];
        Expr::cust_with_values(is_hit, values)
    }

    /// SQLite: whether so many have the words that to put them in order costs more than to look through the newest. Of other
    /// sessions with the same beginning as well.
    async fn has_many(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let backend = db.get_database_backend();
        let beyond =
            format!("SELECT 1 FROM message_words WHERE message_words MATCH ? LIMIT 1 OFFSET {FEW}");
        let text = self.text(backend).into();
        let beyond = Statement::from_sql_and_values(backend, beyond, [text]);
        Ok(db.query_one_raw(beyond).await?.is_some())
    }

    /// The ids of those that have the words among `looked_at` messages: the newest with any words before `cursor`.
    fn among_newest(
        &self,
        backend: DbBackend,
        cursor: Option<MessageRowId>,
        looked_at: u64,
    ) -> SelectStatement {
        use message_texts::{Column, Entity};
        let within = match backend {
            DbBackend::Sqlite => "instr(' ' || terms || ' ', ?) > 0",
            DbBackend::Postgres => "strpos(' ' || terms || ' ', $1) > 0",
            // Terms are ASCII; letter by letter it takes twice as long.
            _ => "INSTR(CONCAT(' ', CAST(terms AS BINARY), ' '), ?) > 0",
        };
        let words = self.terms.iter().map(|(term, is_prefix)| {
            let term = format!(" {term}{}", if *is_prefix { "" } else { " " });
            Expr::cust_with_values(within, [Value::from(term)])
        });
        let mut newest = Query::select();
        newest
            .column(Column::Id)
            .expr_as(words.fold(Expr::val(true), Expr::and), "is_hit")
            .from(Entity)
            .and_where(Expr::col(Column::SessionId).eq(self.session))
            .and_where_option(cursor.map(|before| Expr::col(Column::Id).lt(before)))
            .order_by(Column::Id, Order::Desc)
            .limit(looked_at);
        let mut hits = Query::select();
        hits.column(("newest", Column::Id))
            .from_subquery(newest, "newest")
            .and_where(Expr::col(("newest", "is_hit")));
        hits
    }
}
