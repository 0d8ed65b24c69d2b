//! Files that nobody has used for a while leave the store; those of a session that is gone leave altogether.
//!
//! The bytes go before the row says so: what is taken out leaves no file in the store that is in no row. `app` runs
//! [`Retention::serve`]; tests step it with [`Retention::sweep`].

use std::time::Duration;

use entity::media::Model;
use sea_orm::{DatabaseConnection, DbErr};

use super::{Store, StoreError};
use crate::{db, domain::clock::SharedClock, lifecycle::Stop};

/// How often it looks.
const EVERY: Duration = Duration::from_hours(1);

/// Files of one look.
const BATCH: u64 = 200;

const DAY_MS: i64 = 24 * 3_600_000;

/// A sweep came to an early end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes out what is not used.
#[derive(Debug)]
pub struct Retention {
    db: DatabaseConnection,
    clock: SharedClock,
    store: Store,
    days: u32,
}

impl Retention {
    /// Keeps what was used in the last `days`.
    pub const fn new(db: DatabaseConnection, clock: SharedClock, store: Store, days: u32) -> Self {
        Self {
            db,
            clock,
            store,
            days,
        }
    }

    /// Sweep now and every hour, until the soft token falls.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            match soft.run_until_cancelled(self.sweep()).await {
                Some(Ok(0)) | None => {}
                Some(Ok(taken)) => tracing::info!(taken, "unused files left the store"),
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "unused files could not be taken out; it is tried again in an hour"
                ),
            }
        }
    }

    /// Takes out everything that is unused by now; how many files.
    pub async fn sweep(&self) -> Result<u64, SweepError> {
        let before = self.clock.now_ms() - i64::from(self.days) * DAY_MS;
        let mut taken = 0;
        loop {
            let unused = db::media::unused(&self.db, before, BATCH).await?;
            let orphans = db::media::orphans(&self.db, BATCH).await?;
            if unused.is_empty() && orphans.is_empty() {
                return Ok(taken);
            }
            for file in unused {
                self.store.remove(file.session_id, file.id).await?;
                self.let_go(&file).await?;
                taken += 1;
            }
            for file in orphans {
                self.store.remove(file.session_id, file.id).await?;
                db::media::remove(&self.db, (file.session_id, file.id)).await?;
                taken += 1;
            }
        }
    }

    /// A file that WhatsApp has can be fetched again; any other is no more.
    async fn let_go(&self, file: &Model) -> Result<(), DbErr> {
        let key = (file.session_id, file.id);
        if file.reference_sealed.is_some() {
            db::media::unstore(&self.db, key).await
        } else {
            db::media::remove(&self.db, key).await
        }
    }
}
