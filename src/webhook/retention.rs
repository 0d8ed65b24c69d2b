//! What is over is forgotten after a while: deliveries that have ended, and attempts.
//!
//! Owns the bounded removal. Must never touch a delivery that is still due, nor hold the database for longer than a
//! batch takes. `app` runs [`Retention::serve`]; tests step it with [`Retention::sweep`].
//!
//! Ids sort by the time they were made, so that the old rows are one end of the primary key and no other index is
//! needed.

use std::time::Duration;

use entity::ids::{AttemptId, DeliveryId};
use sea_orm::{DatabaseConnection, DbErr};
use uuid::Builder;

use crate::{
    db::{self, webhook_deliveries::ended},
    domain::clock::SharedClock,
    lifecycle::Stop,
};

/// How often it looks.
const EVERY: Duration = Duration::from_hours(1);

/// Rows of one transaction.
const BATCH: u64 = 500;

const DAY_MS: i64 = 24 * 3_600_000;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Deliveries.
    pub deliveries: u64,
    /// Attempts that outlived neither their own time nor their delivery's.
    pub attempts: u64,
}

/// Removes what is old.
#[derive(Debug)]
pub struct Retention {
    db: DatabaseConnection,
    clock: SharedClock,
    keep_ms: i64,
}

impl Retention {
    /// Keeps what is younger than `days`.
    pub fn new(db: DatabaseConnection, clock: SharedClock, days: u32) -> Self {
        Self {
            db,
            clock,
            keep_ms: i64::from(days) * DAY_MS,
        }
    }

    /// Sweep now and every hour, until the soft token falls.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            match soft.run_until_cancelled(self.sweep()).await {
                Some(Ok(swept)) if swept != Swept::default() => tracing::info!(
                    "{} old deliveries and {} old attempts were removed",
                    swept.deliveries,
                    swept.attempts
                ),
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old deliveries could not be removed; it is tried again in an hour"
                ),
                Some(Ok(_)) | None => {}
            }
        }
    }

    /// Remove everything that is old by now, in batches; others write between them.
    pub async fn sweep(&self) -> Result<Swept, DbErr> {
        let before_ms = self.clock.now_ms() - self.keep_ms;
        let mut swept = Swept::default();
        let Ok(before) = u64::try_from(before_ms) else {
            return Ok(swept);
        };
        // The first id of that millisecond.
        let end = Builder::from_unix_timestamp_millis(before, &[0; 10]).into_uuid();
        loop {
            let tx = db::begin(&self.db).await?;
            let removed = ended::remove_attempts(&tx, AttemptId(end), BATCH).await?;
            tx.commit().await?;
            swept.attempts += removed;
            if removed < BATCH {
                break;
            }
        }
        let mut after = None;
        loop {
            let page = ended::page(&self.db, after, DeliveryId(end), BATCH).await?;
            let Some(last) = page.last() else {
                return Ok(swept);
            };
            after = Some(*last);
            let tx = db::begin(&self.db).await?;
            swept.deliveries += ended::remove(&tx, &page, before_ms).await?;
            tx.commit().await?;
        }
    }
}
