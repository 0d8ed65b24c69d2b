//! A question for words in the language of each database.
//!
//! Owns what of [`super`] differs between them. It only writes what is asked; it decides nothing.

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts::{Column, Entity},
    messages,
};
use sea_orm::{
    DbBackend, Order, QueryFilter, QuerySelect, Select, Value,
    sea_query::{
        Expr, ExprTrait, Query, SelectStatement,
        extension::mysql::{IndexHintScope, MySqlSelectStatementExt as _},
    },
};

use crate::{
    db::{
        eras::Eras,
        message_texts::{DATED, POSTGRES_WORDS, prefix, term, undated},
    },
    domain::words::Search,
};

/// A question as the databases take it.
#[derive(Debug)]
pub(super) struct Question {
    backend: DbBackend,
    session: SessionId,
    /// Each term, and whether what begins with it will do.
    terms: Vec<(String, bool)>,
}

/// Where hits are asked for.
#[derive(Debug)]
pub(super) struct Stretch {
    /// The eras that they are in; none for all that came before.
    pub eras: Option<Eras>,
    /// They come before it.
    pub before: MessageRowId,
    /// The newest of them, so many.
    pub most: u64,
}

impl Question {
    pub(super) fn of(backend: DbBackend, session: SessionId, search: &Search) -> Self {
        let prefix = prefix(session);
        let terms = search.wanted().map(|wanted| {
            let term = term(&prefix, &wanted.word);
            let term = match backend {
                DbBackend::MySql => undated(&term).to_owned(),
                _ => term,
            };
            (term, wanted.is_prefix)
        });
        Self {
            backend,
            session,
            terms: terms.collect(),
        }
    }

    /// Whether it takes beginnings of words, which the index has to gather before it gives any.
    pub(super) fn has_prefix(&self) -> bool {
        self.terms.iter().any(|(_, is_prefix)| *is_prefix)
    }

    /// Whether less is read where it is asked for within eras: words are found by how they begin, and so are eras behind them.
    pub(super) fn knows_eras(&self) -> bool {
        self.terms.iter().any(|(_, is_prefix)| !is_prefix)
    }

    /// In the language of an index of words.
    fn text(&self, eras: Option<&Eras>) -> String {
        let (has, begins, or, and) = match self.backend {
            DbBackend::Sqlite => ("", "*", " OR ", " AND "),
            DbBackend::Postgres => ("", ":*", " | ", " & "),
            _ => ("+", "*", " ", " "),
        };
        let words = self.terms.iter().map(|(term, is_prefix)| match eras {
            _ if *is_prefix => format!("{has}{term}{begins}"),
            None => format!("{has}{term}{DATED}{begins}"),
            Some(eras) => {
                let dated = eras
                    .names()
                    .map(|name| format!("{term}{DATED}{name}{begins}"));
                format!("{has}({})", dated.collect::<Vec<String>>().join(or))
            }
        });
        words.collect::<Vec<String>>().join(and)
    }

    /// Those of `rows` that are hits there. These come first whatever the database guesses of their number.
    pub(super) fn hits(
        &self,
        rows: Select<messages::Entity>,
        stretch: &Stretch,
    ) -> Select<messages::Entity> {
        let session = Value::from(self.session.uuid());
        let text = Value::from(self.text(stretch.eras.as_ref()));
        let before = Value::from(stretch.before.uuid());
        let most = Value::from(i64::try_from(stretch.most).unwrap_or(i64::MAX));
        let is_hit = match self.backend {
            // CROSS: SQLite takes its guess of how many rows a session has for less than what has the words, and then
            // asks the index once for each row.
            DbBackend::Sqlite => {
                "messages.id IN (SELECT t.id FROM message_words CROSS JOIN message_texts t \
                 ON t.n = message_words.rowid WHERE t.session_id = ? AND message_words MATCH ? \
                 AND t.id < ? ORDER BY t.id DESC LIMIT ?)"
                    .to_owned()
            }
            // Not `=`, and not IN: before PostgreSQL has counted, it reads all that a session has instead.
            DbBackend::Postgres => format!(
                "messages.id = ANY (ARRAY (SELECT t.id FROM message_texts t \
                 WHERE t.session_id IS NOT DISTINCT FROM $1 \
                 AND {POSTGRES_WORDS} @@ to_tsquery('simple'::regconfig, $2) \
                 AND t.id < $3 ORDER BY t.id DESC LIMIT $4))"
            ),
            // Joined, because MariaDB makes a table of an IN, and by these indexes: else it counts in five others first,
            // which takes as long.
            _ => {
                let has_words = "MATCH (message_texts.terms) AGAINST (? IN BOOLEAN MODE)";
                let of_words = |column| Expr::col((Entity, column));
                let mut rows = rows
                    .filter(of_words(Column::SessionId).eq(self.session))
                    .filter(of_words(Column::Id).equals((messages::Entity, messages::Column::Id)))
                    .filter(of_words(Column::Id).lt(stretch.before))
                    .filter(Expr::cust_with_values(has_words, [text]));
                QuerySelect::query(&mut rows)
                    .force_index("PRIMARY", IndexHintScope::All)
                    .from(Entity)
                    .force_index("ft_message_texts", IndexHintScope::All);
                return rows;
            }
        };
        rows.filter(Expr::cust_with_values(
            is_hit,
            [session, text, before, most],
        ))
    }

    /// One row ([`super::Newest`]) about the newest `count` messages with any words before `before`.
    pub(super) fn newest(&self, before: Option<MessageRowId>, count: u64) -> SelectStatement {
        let (first, last) = match self.backend {
            // Version 18 is the first that compares them here.
            DbBackend::Postgres => ("MAX(id::text)::uuid", "MIN(id::text)::uuid"),
            _ => ("MAX(id)", "MIN(id)"),
        };
        let mut oldest = self.ids(None);
        oldest.order_by(Column::Id, Order::Asc).limit(1);
        let mut about = Query::select();
        about
            .expr_as(Expr::cust(first), "first")
            .expr_as(Expr::cust(last), "last")
            .expr_as(Expr::cust("COUNT(*)"), "count")
            .expr_as(Expr::cust("COUNT(CASE WHEN is_hit THEN 1 END)"), "hits")
            .expr_as(Expr::SubQuery(None, Box::new(oldest.into())), "oldest")
            .from_subquery(self.looked_at(before, count), "newest");
        about
    }

    /// The ids of the hits among them.
    pub(super) fn among_newest(&self, before: Option<MessageRowId>, count: u64) -> SelectStatement {
        let mut hits = Query::select();
        hits.column(("newest", Column::Id))
            .from_subquery(self.looked_at(before, count), "newest")
            .and_where(Expr::col(("newest", "is_hit")));
        hits
    }

    /// The id of each of them, and whether it `is_hit`.
    fn looked_at(&self, before: Option<MessageRowId>, count: u64) -> SelectStatement {
        let within = match self.backend {
            DbBackend::Sqlite => "instr(' ' || terms || ' ', ?) > 0",
            DbBackend::Postgres => "strpos(' ' || terms || ' ', $1) > 0",
            // Terms are ASCII; letter by letter it takes twice as long.
            _ => "INSTR(CONCAT(' ', CAST(terms AS BINARY), ' '), ?) > 0",
        };
        let end = match self.backend {
            DbBackend::MySql => DATED,
            _ => " ",
        };
        let words = self.terms.iter().map(|(term, is_prefix)| {
            let term = format!(" {term}{}", if *is_prefix { "" } else { end });
            Expr::cust_with_values(within, [Value::from(term)])
        });
        let mut newest = self.ids(before);
        newest
            .expr_as(words.fold(Expr::val(true), Expr::and), "is_hit")
            .order_by(Column::Id, Order::Desc)
            .limit(count);
        newest
    }

    /// The ids of messages with any words before `before`.
    fn ids(&self, before: Option<MessageRowId>) -> SelectStatement {
        let mut ids = Query::select();
        ids.column(Column::Id)
            .from(Entity)
            .and_where(Expr::col(Column::SessionId).eq(self.session))
            .and_where_option(before.map(|before| Expr::col(Column::Id).lt(before)));
        ids
    }
}
