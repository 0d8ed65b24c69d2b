//! The verbs of the event log: pages of the past, and a live subscription.

use std::sync::Arc;

use entity::ids::SessionId;
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, sessions::find};
use crate::{
    db,
    domain::principal::Scope,
    events::{Bus, Subscription},
};

pub use crate::events::LogEntry;

/// What a log holds right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first number that can still be read; one more than `last_seq` when nothing can.
    pub first_seq: i64,
    /// The last number given out.
    pub last_seq: i64,
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
    ) -> Result<Vec<Arc<LogEntry>>, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        let rows = db::events::page(&self.db, row.id, after, types, limit).await?;
        Ok(rows.into_iter().map(|row| Arc::new(row.into())).collect())
    }

    /// What the log of a session holds.
    pub async fn bounds(&self, ctx: &Ctx, session: &str) -> Result<Bounds, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        let last_seq = db::leases::find(&self.db, row.id)
            .await?
            .map_or(0, |lease| lease.last_seq);
        let first = db::events::first_seq(&self.db, row.id).await?;
        Ok(Bounds {
            first_seq: first.unwrap_or(last_seq + 1),
            last_seq,
        })
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
