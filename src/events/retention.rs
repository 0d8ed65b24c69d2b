//! The old end of each log is forgotten after a while, or when the log has grown long.
//!
//! Owns the bounded removal. Takes only the first entries of a log, up to the first that has to stay: a log is the dense
//! range from its first number to its last, whenever the process dies. Must never take an event that a delivery still
//! needs, nor hold the database for longer than a batch takes. `app` runs [`Retention::serve`]; tests step it with
//! [`Retention::sweep`].

use std::time::Duration;

use entity::ids::SessionId;
use sea_orm::{DatabaseConnection, DbErr};

use crate::{
    db::{
        self,
        events::ends::{self, Ends, Oldest},
    },
    domain::{clock::SharedClock, session::Settings},
    lifecycle::Stop,
};

/// How often it looks.
const EVERY: Duration = Duration::from_hours(1);

/// Entries of one transaction.
const BATCH: u64 = 500;

/// Logs looked at in one statement.
const LOGS: u64 = 200;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What a log keeps: an entry goes when it is older, or when so many have come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So many days.
    pub days: u32,
    /// So many entries.
    pub count: u32,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Entries.
    pub events: u64,
    /// Logs that keep old entries because deliveries of them still wait.
    pub held: u64,
}

/// Removes what is old.
#[derive(Debug)]
pub struct Retention {
    db: DatabaseConnection,
    clock: SharedClock,
    keep: Keep,
}

/// What became of one log.
#[derive(Debug, Clone, Copy, Default)]
struct Cut {
    events: u64,
    held: bool,
}

impl Retention {
    /// Keeps what `keep` says.
    pub fn new(db: DatabaseConnection, clock: SharedClock, keep: Keep) -> Self {
        Self { db, clock, keep }
    }

    /// Sweep now and every hour, until the soft token falls.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            match soft.run_until_cancelled(self.sweep()).await {
                Some(Ok(swept)) => tell(swept),
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old events could not be removed; it is tried again in an hour"
                ),
                None => {}
            }
        }
    }

    /// Remove everything that is old by now, in batches; others write between them.
    pub async fn sweep(&self) -> Result<Swept, DbErr> {
        let now = self.clock.now_ms();
        let mut swept = Swept::default();
        let mut after: Option<SessionId> = None;
        loop {
            let logs = ends::page(&self.db, after, LOGS).await?;
            let Some(last) = logs.last() else {
                return Ok(swept);
            };
            after = Some(last.session);
            for log in &logs {
                let Some(limit) = self.limit(log, now) else {
                    continue;
                };
                let cut = self.cut(log, limit).await?;
                swept.events += cut.events;
                swept.held += u64::from(cut.held);
            }
        }
    }

    /// What has to go from `log`, if anything has.
    fn limit(&self, log: &Ends, now: i64) -> Option<Limit> {
        let settings: Settings = serde_json::from_str(&log.settings).unwrap_or_default();
        let keep_ms = if settings.log_messages {
            i64::from(self.keep.days) * DAY_MS
        } else {
            // Long enough to read on after a lost connection.
            HOUR_MS
        };
        let limit = Limit {
            before_ms: now - keep_ms,
            last: log.last_seq? - i64::from(self.keep.count),
        };
        limit.takes(log.first_seq?, log.first_at?).then_some(limit)
    }

    async fn cut(&self, log: &Ends, limit: Limit) -> Result<Cut, DbErr> {
        let mut cut = Cut::default();
        loop {
            let tx = db::begin(&self.db).await?;
            let oldest = ends::lock_oldest(&tx, log.session, BATCH)
                .await?
                .into_iter();
            // Up to the first that stays, whatever stands behind it.
            let old = oldest.take_while(|entry| limit.takes(entry.seq, entry.created_at));
            let mut old: Vec<Oldest> = old.collect();
            let full = old.len() as u64 == BATCH;
            if let Some(needed) = first_needed(&tx, log, &old).await? {
                cut.held = true;
                old.retain(|entry| entry.seq < needed);
            }
            let Some(last) = old.last() else {
                return Ok(cut);
            };
            cut.events += ends::remove_until(&tx, log.session, last.seq).await?;
            tx.commit().await?;
            if cut.held || !full {
                return Ok(cut);
            }
        }
    }
}

/// Where a log is cut.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// What was written before goes.
    before_ms: i64,
    /// What has a number up to this goes.
    last: i64,
}

impl Limit {
    fn takes(self, seq: i64, at: i64) -> bool {
        at < self.before_ms || seq <= self.last
    }
}

/// The number of the first of `old` that a delivery is still to tell.
async fn first_needed(
    tx: &db::Transaction,
    log: &Ends,
    old: &[Oldest],
) -> Result<Option<i64>, DbErr> {
    if old.is_empty() {
        return Ok(None);
    }
    let events: Vec<_> = old.iter().map(|entry| entry.id).collect();
    let mut first = None;
    for endpoint in db::webhook_endpoints::ids(tx, log.owner).await? {
        let waiting = db::webhook_deliveries::first_waiting(tx, endpoint, &events).await?;
        first = first.into_iter().chain(waiting).min();
    }
    Ok(first)
}

fn tell(swept: Swept) {
    let Swept { events, held } = swept;
    if events > 0 {
        tracing::info!("{events} old events were removed");
    }
    if held > 0 {
        tracing::warn!(
            "{held} logs keep old events because deliveries of them still wait: see to the webhooks \
             that are disabled or fail"
        );
    }
}
