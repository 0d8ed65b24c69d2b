//! Pages of the messages that have words: newest first, at the same cost however many have them.
//!
//! To put all hits in order costs as much as to read them. So hits are asked for in one stretch of time after the other, the newest
//! first, each as long as a page will probably take: the newest messages tell how many come in which time, and what was found so far how
//! many of them have the words. Guesses decide what it costs, never what is found. [`super::messages::page`] calls it.

mod question;

use entity::{
    ids::{MessageRowId, SessionId},
    messages::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use self::question::{Question, Stretch};
use super::eras::Eras;
use crate::domain::words::Search;

/// As many of the newest messages are looked at as are wanted, and so many times as many where beginnings of words are asked for:
/// many messages have those, and the index gathers all of them.
const MORE_FOR_PREFIX: u64 = 12;
/// The next stretch reaches at most so many times as far back as the ones before, and at least twice as far; the one after it four
/// times, then eight: guesses that fall short end soon.
const FARTHER: i64 = 100;

/// Messages of a session that are looked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub session: SessionId,
    /// What else they have to be.
    pub rows: Select<Entity>,
    /// Whether that leaves out messages with words. None that has words is about another, so lists leave none out.
    pub is_narrow: bool,
    pub search: &'a Search,
    pub before: Option<MessageRowId>,
    /// None was written before, in milliseconds since 1970.
    pub from: Option<i64>,
    pub limit: u64,
}

/// What is known of the newest messages with words, of which some were looked at.
#[derive(Debug, FromQueryResult)]
struct Newest {
    first: Option<MessageRowId>,
    last: Option<MessageRowId>,
    count: i64,
    /// How many of them have the words.
    hits: i64,
    /// The oldest of all that the session has.
    oldest: Option<MessageRowId>,
}

/// A page of them, newest first. The index has to be up to date (see [`super::message_texts::settle`]).
pub(super) async fn page(
    db: &impl ConnectionTrait,
    wanted: Wanted<'_>,
) -> Result<Vec<Model>, DbErr> {
    let question = Question::of(db.get_database_backend(), wanted.session, wanted.search);
    let Wanted { before, limit, .. } = wanted;
    let rows = wanted.rows.order_by_desc(Column::Id);
    let looked_at = if question.has_prefix() {
        limit.saturating_mul(MORE_FOR_PREFIX)
    } else {
        limit
    };
    let newest = db.query_one(&question.newest(before, looked_at)).await?;
    let newest = newest.map(|row| Newest::from_query_result(&row, ""));
    let Some(newest) = newest.transpose()? else {
        return Ok(Vec::new());
    };
    let (Some(first), Some(last), Some(oldest)) = (newest.first, newest.last, newest.oldest) else {
        return Ok(Vec::new());
    };
    let hits = newest.hits.unsigned_abs();
    let is_all = newest.count.unsigned_abs() < looked_at;
    if is_all || hits >= limit {
        let among = question.among_newest(before, looked_at);
        let rows = rows.clone().filter(Column::Id.in_subquery(among));
        let found = rows.limit(limit).all(db).await?;
        if is_all || found.len() as u64 == limit {
            return Ok(found);
        }
    }
    let way = Way {
        newest: first.at_ms(),
        oldest: oldest.at_ms().max(wanted.from.unwrap_or(0)),
        reached: last.at_ms(),
        until: first.at_ms(),
        // Each question gathers all beginnings anew: two are enough.
        steps: if question.has_prefix() { 6 } else { 0 },
        hits,
    };
    along(db, way, &question, &Wanted { rows, ..wanted }).await
}

/// The page, stretch by stretch on the `way` back.
async fn along(
    db: &impl ConnectionTrait,
    mut way: Way,
    question: &Question,
    wanted: &Wanted<'_>,
) -> Result<Vec<Model>, DbErr> {
    let limit = wanted.limit;
    let newest = || MessageRowId::first_at(way.until + 1);
    let mut before = wanted.before.unwrap_or_else(newest);
    let mut found = Vec::new();
    loop {
        let missing = limit - found.len() as u64;
        let from = way.next_from(limit);
        let eras = Some(from..=way.until).filter(|_| question.knows_eras());
        let eras = eras.map(Eras::holding);
        let begin = eras.as_ref().map(Eras::begin);
        let stretch = Stretch {
            eras,
            before,
            most: if wanted.is_narrow { u64::MAX } else { missing },
        };
        let hits = question.hits(wanted.rows.clone(), &stretch);
        found.extend(hits.limit(missing).all(db).await?);
        let is_full = found.len() as u64 >= limit;
        match begin {
            Some(begin) if !is_full && begin > way.oldest => {
                way.take(begin, found.len() as u64);
                before = MessageRowId::first_at(begin);
            }
            _ => return Ok(found),
        }
    }
}

/// How far back hits were looked for; times in milliseconds since 1970.
#[derive(Debug)]
struct Way {
    /// When the newest and the oldest message that may be a hit were written.
    newest: i64,
    oldest: i64,
    /// It is known how many hits were written since.
    reached: i64,
    hits: u64,
    /// Hits that were written after it are found.
    until: i64,
    /// In so many steps.
    steps: u32,
}

impl Way {
    /// How far back a page of `limit` will probably reach.
    fn next_from(&self, limit: u64) -> i64 {
        let back = (self.newest - self.reached).max(1);
        // A quarter more than so many hits take at this rate.
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let at_rate = back
            .saturating_mul(count(limit))
            .saturating_mul(5)
            .checked_div(count(self.hits).saturating_mul(4));
        let farthest = back.saturating_mul(FARTHER);
        let nearest = back.saturating_mul(2_i64.saturating_pow(self.steps + 1));
        let back = at_rate.map_or(farthest, |back| back.min(farthest).max(nearest));
        let from = self.newest.saturating_sub(back).min(self.until);
        // What is left after it would not be worth a question of its own.
        let rest = from.saturating_sub(self.oldest);
        if rest <= (self.until - from) / 8 {
            self.oldest
        } else {
            from
        }
    }

    /// All hits that were written since `begin` are found, which are `hits`.
    const fn take(&mut self, begin: i64, hits: u64) {
        self.reached = begin;
        self.until = begin - 1;
        self.hits = hits;
        self.steps += 1;
    }
}
