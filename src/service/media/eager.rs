//! Files that are fetched before somebody asks for them, for sessions that want it so.
//!
//! The database is the queue: what a process that died has not fetched, the next one does. Must never hold a message up, nor
//! try a file for ever. `app` runs [`Eager::serve`]; tests step it with [`Eager::fetch_due`].

use std::{collections::HashMap, time::Duration};

use entity::ids::{MediaId, SessionId};
use futures_util::{StreamExt as _, stream};

use super::{Error, Media};
use crate::{db, lifecycle::Stop};

/// How often it looks whether a session awaits files.
const EVERY: Duration = Duration::from_secs(1);

/// What was written longer ago is fetched when it is read.
const SINCE_MS: i64 = 24 * 3_600_000;

/// Files that are fetched at the same time.
const TOGETHER: usize = 4;

/// Files of one session in one round.
const BATCH: u64 = 100;

/// Attempts; then the file waits until somebody reads it.
const ATTEMPTS: u32 = 5;

/// How long a file waits after an attempt, for each attempt that there was.
const PAUSE_MS: i64 = 30_000;

/// Files that failed and are remembered; with more, all of them are tried again.
const REMEMBERED: usize = 1000;

/// Fetches files.
#[derive(Debug)]
pub struct Eager {
    media: Media,
    failed: HashMap<MediaId, Failed>,
}

/// A file that was not to be had.
#[derive(Debug, Clone, Copy)]
struct Failed {
    session: SessionId,
    attempts: u32,
    due_at: i64,
}

impl Eager {
    /// Fetches by the verbs of files.
    pub fn new(media: Media) -> Self {
        Self {
            media,
            failed: HashMap::new(),
        }
    }

    /// Looks each second, until the soft token falls.
    pub async fn serve(mut self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            if let Some(Err(error)) = soft.run_until_cancelled(self.fetch_due()).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "files were not looked for; it is tried again");
            }
        }
    }

    /// Fetches what is due by now; how many files came.
    pub async fn fetch_due(&mut self) -> Result<usize, Error> {
        let parts = &self.media.parts;
        let now = parts.clock.now_ms();
        if self.failed.len() > REMEMBERED {
            self.failed.clear();
        }
        let waiting = self.failed.iter().filter(|(_, failed)| failed.due_at > now);
        let waiting: Vec<MediaId> = waiting.map(|(id, _)| *id).collect();
        let mut due: Vec<(SessionId, MediaId)> = Vec::new();
        for handle in parts.manager.awaiting_files() {
            if handle.client().is_none() {
                continue;
            }
            let session = handle.session;
            // Before the look: what comes meanwhile is seen by this one or by the next.
            handle.habits.look_for_files();
            let since = now - SINCE_MS;
            let found = db::media::awaited(&parts.db, session, since, &waiting, BATCH).await;
            let mut failed = self.failed.values();
            let is_left = failed.any(|one| one.session == session && one.due_at < i64::MAX);
            if is_left || found.as_ref().map_or(true, |found| !found.is_empty()) {
                handle.habits.await_files();
            }
            due.extend(found?.into_iter().map(|id| (session, id)));
        }
        let media = &self.media;
        let fetching = stream::iter(due).map(|(session, id)| async move {
            let brought = media.bring(session, id).await;
            ((session, id), brought)
        });
        let fetched: Vec<_> = fetching.buffer_unordered(TOGETHER).collect().await;
        let mut count = 0;
        for ((session, id), brought) in fetched {
            match brought {
                Ok(()) => {
                    self.failed.remove(&id);
                    count += 1;
                }
                Err(error) => self.note((session, id), now, &error),
            }
        }
        Ok(count)
    }

    fn note(&mut self, (session, id): (SessionId, MediaId), now: i64, error: &Error) {
        let failed = self.failed.entry(id).or_insert(Failed {
            session,
            attempts: 0,
            due_at: now,
        });
        failed.attempts += 1;
        failed.due_at = now + PAUSE_MS * i64::from(failed.attempts);
        if failed.attempts >= ATTEMPTS {
            failed.due_at = i64::MAX;
            let error = error as &dyn std::error::Error;
            tracing::warn!(media.id = %id, error, "a file is not fetched before somebody reads it");
        }
    }
}
