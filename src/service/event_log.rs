//! The verbs of the event log: pages of the past, and a live subscription.

use std::{collections::HashMap, sync::Arc};

use entity::ids::SessionId;
use sea_orm::DatabaseConnection;

use super::{
    Ctx, Error,
    sessions::{SessionView, find},
};
use crate::{
    db,
    domain::principal::Scope,
    events::{Bus, Subscription},
};

pub use crate::events::LogEntry;

/// Logs whose first entry is looked up in one statement.
const LOGS: usize = 200;

/// What a log holds right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first number that can still be read; one more than `last_seq` when nothing can.
    pub first_seq: i64,
    /// The last number given out.
    pub last_seq: i64,
}

/// What a log no longer holds of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Whose log.
    pub session: SessionId,
    /// The first number that is missing.
    pub from: i64,
    /// The last one.
    pub to: i64,
}

impl Gap {
    /// What is missing after `after` in a log that goes on with `next`, if anything is.
    fn between(session: SessionId, after: i64, next: i64) -> Option<Self> {
        let gap = Self {
            session,
            from: after + 1,
            to: next - 1,
        };
        (gap.from <= gap.to).then_some(gap)
    }
}

/// A page of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// What is missing before the first entry.
    pub gap: Option<Gap>,
    /// The entries, in order.
    pub entries: Vec<Arc<LogEntry>>,
    /// After which number the next page starts, if this one is full.
    pub next_after: Option<i64>,
    /// What the log held when it was read.
    pub bounds: Bounds,
}

/// What a reader that falls behind reads next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    /// What is missing before the first entry.
    pub(super) gap: Option<Gap>,
    /// The entries, in order.
    pub(super) entries: Vec<Arc<LogEntry>>,
    /// Whether there was nothing behind them.
    pub(super) ends: bool,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct EventLog {
    db: DatabaseConnection,
    bus: Bus,
}

impl EventLog {
    /// Verbs over the log in `db` and the live `bus`.
    pub const fn new(db: DatabaseConnection, bus: Bus) -> Self {
        Self { db, bus }
    }

    /// Events of a session after `after`, in order, of `types` only when some are given.
    pub async fn page(
        &self,
        ctx: &Ctx,
        session: &str,
        after: i64,
        types: &[String],
        limit: u64,
    ) -> Result<EventPage, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        let after = after.max(0);
        let mut rows = db::events::page(&self.db, row.id, after, types, limit).await?;
        // Looked at last: what retention has taken meanwhile is missing, although some of it may have been read.
        let bounds = self.bounds_of(row.id).await?;
        let last = rows.last().filter(|_| rows.len() as u64 == limit);
        let next_after = last.map(|last| last.seq.max(bounds.first_seq - 1));
        rows.retain(|row| row.seq >= bounds.first_seq);
        Ok(EventPage {
            gap: Gap::between(row.id, after, bounds.first_seq),
            entries: entries(rows),
            next_after,
            bounds,
        })
    }

    /// A page of the events of `types`, newest first after `skip` of them, and how many there are.
    pub async fn newest(
        &self,
        ctx: &Ctx,
        session: &str,
        types: &[&str],
        (skip, limit): (u64, u64),
    ) -> Result<(Vec<Arc<LogEntry>>, u64), Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        let total = db::events::count(&self.db, row.id, types).await?;
        let rows = db::events::newest(&self.db, row.id, types, (skip, limit)).await?;
        Ok((entries(rows), total))
    }

    /// The next entries after `after`, of all types, and what is missing before them.
    pub(super) async fn past(
        &self,
        ctx: &Ctx,
        session: SessionId,
        after: i64,
        limit: u64,
    ) -> Result<Past, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, &session.to_string()).await?;
        let mut rows = db::events::page(&self.db, row.id, after, &[], limit).await?;
        let mut next = rows.first().map(|first| first.seq);
        if next.is_none() {
            // Either nothing has come, or all of it went. What came before this look is in the second page.
            let last_seq = self.last_seq(row.id).await?;
            if last_seq > after {
                rows = db::events::page(&self.db, row.id, after, &[], limit).await?;
                next = rows.first().map(|first| first.seq).or(Some(last_seq + 1));
            }
        }
        Ok(Past {
            gap: next.and_then(|next| Gap::between(row.id, after, next)),
            ends: (rows.len() as u64) < limit,
            entries: entries(rows),
        })
    }

    /// What the log of a session holds.
    pub async fn bounds(&self, ctx: &Ctx, session: &str) -> Result<Bounds, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        self.bounds_of(row.id).await
    }

    /// What the logs of `sessions` hold, which the caller was shown; in their order.
    pub async fn bounds_of_each(&self, sessions: &[SessionView]) -> Result<Vec<Bounds>, Error> {
        let mut first = HashMap::with_capacity(sessions.len());
        for page in sessions.chunks(LOGS) {
            let ids: Vec<SessionId> = page.iter().map(|session| session.id).collect();
            first.extend(db::events::ends::first_seqs(&self.db, &ids).await?);
        }
        let bounds = sessions.iter().map(|session| Bounds {
            first_seq: (first.get(&session.id).copied()).unwrap_or(session.last_event_seq + 1),
            last_seq: session.last_event_seq,
        });
        Ok(bounds.collect())
    }

    async fn bounds_of(&self, session: SessionId) -> Result<Bounds, Error> {
        let last_seq = self.last_seq(session).await?;
        let first = db::events::first_seq(&self.db, session).await?;
        Ok(Bounds {
            first_seq: first.unwrap_or(last_seq + 1),
            last_seq,
        })
    }

    async fn last_seq(&self, session: SessionId) -> Result<i64, Error> {
        let lease = db::leases::find(&self.db, session).await?;
        Ok(lease.map_or(0, |lease| lease.last_seq))
    }

    /// Hears one session live. Subscribe first, then read [`EventLog::bounds`] and the log: nothing is missed.
    pub async fn subscribe(
        &self,
        ctx: &Ctx,
        session: &str,
    ) -> Result<(SessionId, Subscription), Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        Ok((row.id, self.bus.session(row.id)))
    }

    /// Hears all sessions of the caller live. A credential that is bound to a session hears only that one.
    pub fn subscribe_all(&self, ctx: &Ctx) -> Result<Subscription, Error> {
        ctx.require(Scope::SessionsRead)?;
        Ok(match ctx.principal.session {
            Some(only) => self.bus.session(only),
            None => self.bus.owner(ctx.owner()),
        })
    }
}

fn entries(rows: Vec<entity::events::Model>) -> Vec<Arc<LogEntry>> {
    rows.into_iter().map(|row| Arc::new(row.into())).collect()
}
