//! Pages of the messages that have words: newest first, however many have them.
//!
//! A word that few messages have is found by the index of words, and what has it is put in order. Of a word that many have, a page of the
//! newest stands among the newest messages: those are looked through, because to put all hits in order would cost as much as to read
//! them. What neither finds is asked of the database as a whole. Must give the same page whichever way it takes.

use std::cmp::Reverse;

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts,
    messages::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Select, Statement, Value,
    sea_query::{Expr, ExprTrait, Query},
};

use super::message_texts::{prefix, term};
use crate::domain::words::Search;

/// Hits that are put in order here.
const FEW: u64 = 200;
/// How many of the newest messages are looked through for each that is wanted.
const LOOKED_AT: u64 = 12;

/// A question as the databases take it.
struct Question {
    session: SessionId,
    /// Each term, and whether what begins with it will do.
    terms: Vec<(String, bool)>,
}

/// An id alone.
#[derive(FromQueryResult)]
struct Hit {
    id: MessageRowId,
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
    let question = Question::of(session, search);
    let rows = match cursor {
        Some(before) => rows.filter(Column::Id.lt(before)),
        None => rows,
    };
    let sorted = |rows: Select<Entity>| rows.order_by_desc(Column::Id).limit(limit);
    // The others read all hits to count some.
    let counts_fast = db.get_database_backend() == DbBackend::Sqlite;
    let is_rare = counts_fast && question.has_few(db).await?;
    if !is_rare {
        let newest = question.among_newest(db, cursor, limit).await?;
        if newest.len() as u64 >= limit {
            let found = sorted(rows.clone().filter(Column::Id.is_in(newest)));
            let found = found.all(db).await?;
            if found.len() as u64 == limit {
                return Ok(found);
            }
        }
    }
    if is_rare || !counts_fast {
        let mut hits = question.some(db).await?;
        if hits.len() as u64 <= FEW {
            hits.retain(|id| cursor.is_none_or(|before| *id < before));
            hits.sort_unstable_by_key(|id| Reverse(*id));
            let first = hits.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
            let of = |hits: &[MessageRowId]| {
                sorted(rows.clone().filter(Column::Id.is_in(hits.iter().copied())))
            };
            // Whatever else is asked for may leave some of them out; mostly nothing is.
            let found = of(&hits[..first]).all(db).await?;
            return if found.len() == first {
                Ok(found)
            } else {
                of(&hits).all(db).await
            };
        }
    }
    sorted(rows.filter(question.is_hit(db.get_database_backend())))
        .all(db)
        .await
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

    /// The ids of the hits, as SQL with two values: the session and the text.
    fn hits(backend: DbBackend) -> &'static str {
        match backend {
            // CROSS: SQLite takes its guess of how many rows a session has for less than what has the words, and then
            // asks the index once for each row.
            DbBackend::Sqlite => {
                "SELECT t.id FROM message_words CROSS JOIN message_texts t \
                 ON t.n = message_words.rowid WHERE t.session_id = ? AND message_words MATCH ?"
            }
            DbBackend::Postgres => {
                "SELECT t.id FROM message_texts t WHERE t.session_id = $1 \
                 AND to_tsvector('simple'::regconfig, t.terms) @@ to_tsquery('simple'::regconfig, $2)"
            }
            _ => {
                "SELECT t.id FROM message_texts t WHERE t.session_id = ? \
                 AND MATCH (t.terms) AGAINST (? IN BOOLEAN MODE)"
            }
        }
    }

    fn values(&self, backend: DbBackend) -> [Value; 2] {
        [self.session.uuid().into(), self.text(backend).into()]
    }

    /// Whether a row of `messages` is a hit.
    fn is_hit(&self, backend: DbBackend) -> Expr {
        let hits = format!("messages.id IN ({})", Self::hits(backend));
        Expr::cust_with_values(hits, self.values(backend))
    }

    /// SQLite: whether so few have the words that they can be put in order. Of other sessions with the same beginning as well.
    async fn has_few(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let backend = db.get_database_backend();
        let beyond =
            format!("SELECT 1 FROM message_words WHERE message_words MATCH ? LIMIT 1 OFFSET {FEW}");
        let text = self.text(backend).into();
        let beyond = Statement::from_sql_and_values(backend, beyond, [text]);
        Ok(db.query_one_raw(beyond).await?.is_none())
    }

    /// Some hits, one more than are few.
    async fn some(&self, db: &impl ConnectionTrait) -> Result<Vec<MessageRowId>, DbErr> {
        let backend = db.get_database_backend();
        let some = format!("{} LIMIT {}", Self::hits(backend), FEW + 1);
        let some = Statement::from_sql_and_values(backend, some, self.values(backend));
        let rows = db.query_all_raw(some).await?;
        let hits = rows.iter().map(|row| Hit::from_query_result(row, ""));
        hits.map(|hit| hit.map(|hit| hit.id)).collect()
    }

    /// Those of the newest messages with words, before `cursor`, that have these: `limit` of them, if there are as many.
    async fn among_newest(
        &self,
        db: &impl ConnectionTrait,
        cursor: Option<MessageRowId>,
        limit: u64,
    ) -> Result<Vec<MessageRowId>, DbErr> {
        use message_texts::{Column, Entity};
        let backend = db.get_database_backend();
        let mut last = Query::select();
        last.column(Column::Id)
            .from(Entity)
            .and_where(Expr::col(Column::SessionId).eq(self.session))
            .order_by(Column::Id, sea_orm::Order::Desc)
            .offset(limit.saturating_mul(LOOKED_AT))
            .limit(1);
        let mut newest = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::SessionId.eq(self.session));
        if let Some(before) = cursor {
            last.and_where(Expr::col(Column::Id).lt(before));
            newest = newest.filter(Column::Id.lt(before));
        }
        // None where there are fewer: then all of them are soon read anyway.
        let last = match backend {
            // MariaDB would look at all of them and then ask.
            DbBackend::MySql => match db.query_one(&last).await? {
                Some(row) => Expr::value(Hit::from_query_result(&row, "")?.id),
                None => return Ok(Vec::new()),
            },
            _ => Expr::SubQuery(None, Box::new(last.into())),
        };
        newest = newest.filter(Expr::col((Entity, Column::Id)).gte(last));
        for (term, is_prefix) in &self.terms {
            let within = match backend {
                DbBackend::Sqlite => "instr(' ' || terms || ' ', ?) > 0",
                DbBackend::Postgres => "strpos(' ' || terms || ' ', $1) > 0",
                _ => "INSTR(CONCAT(' ', terms, ' '), ?) > 0",
            };
            let term = format!(" {term}{}", if *is_prefix { "" } else { " " });
            newest = newest.filter(Expr::cust_with_values(within, [Value::from(term)]));
        }
        newest
            .order_by_desc(Column::Id)
            .limit(limit)
            .into_tuple()
            .all(db)
            .await
    }
}
