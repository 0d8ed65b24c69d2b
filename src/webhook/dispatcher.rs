//! The dispatcher: leases what is due, posts it, writes how it went.
//!
//! Owns the fair use of a bounded number of requests, the order within a lane, and the ordered stop. Must
//! never hold a transaction over a request, nor trust that a wake-up came: the tick finds every row. `app`
//! runs [`Dispatcher::serve`]; tests step it with [`Dispatcher::deliver_due`].
//!
//! A *lane* is one session's events to one endpoint. A *run* is a few rows of a lane (or one retry) under one
//! lease, posted one after the other by one task in one slot.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use entity::ids::{EndpointId, NodeId, SessionId};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::{
    task::{self, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{outbox::Wake, sender::Sender, target::Vault};
use crate::{domain::clock::SharedClock, events::Bus, lifecycle::Stop};

mod follow;
mod guards;
mod notice;
mod plan;
mod record;
mod run;
mod slots;

use guards::Guards;
use record::Recorder;
use run::Shared;
pub use run::Stats;
pub use slots::Limits;
use slots::{Place, Slots};

/// Spreads the retries: gives a number in `0.0..1.0`.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// What the dispatcher is made of.
pub struct Parts {
    /// The outbox is in here.
    pub db: DatabaseConnection,
    /// Who leases.
    pub node: NodeId,
    /// The time of leases and retries.
    pub clock: SharedClock,
    /// Opens the secrets of endpoints.
    pub vault: Vault,
    /// Posts.
    pub sender: Sender,
    /// Tells that there may be work.
    pub wake: Wake,
    /// Spreads the retries.
    pub jitter: Jitter,
    /// Hears of each endpoint that was disabled.
    pub bus: Bus,
    /// How much at once.
    pub limits: Limits,
    /// How often the outbox is read without a wake-up.
    pub tick: Duration,
    /// How long a row stays with a process that has gone silent.
    pub lease: Duration,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("node", &self.node)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How often the outbox is read without a wake-up, unless told otherwise.
pub const TICK: Duration = Duration::from_secs(1);

/// How long a row stays with a process that has gone silent, unless told otherwise.
pub const LEASE: Duration = Duration::from_mins(1);

/// How soon the outbox is read again at the earliest, while something is being posted.
const PACE: Duration = Duration::from_millis(5);

/// How long the dispatcher rests after the database has failed.
const REST: Duration = Duration::from_secs(1);

/// The dispatcher of a process.
#[derive(Debug)]
pub struct Dispatcher {
    parts: Arc<Parts>,
    /// Writes the results, and the task that does it; none before the first run.
    recorder: Option<Recorder>,
    recording: JoinSet<()>,
    guards: Guards,
    slots: Slots,
    runs: JoinSet<Stats>,
    /// What each run occupies, so that a run that panics gives it back as well.
    places: HashMap<task::Id, Place>,
    /// Falls when a run is to end after the request it is at.
    draining: CancellationToken,
    /// When the outbox was last read.
    round: Instant,
    /// The endpoint that was served first in the last round: the next round starts after it.
    turn: Option<EndpointId>,
    /// The lane that was read last of each endpoint with more lanes than a page.
    lanes: HashMap<EndpointId, SessionId>,
}

impl Dispatcher {
    /// A dispatcher that has not begun.
    pub fn new(parts: Parts) -> Self {
        Self {
            slots: Slots::new(parts.limits),
            parts: Arc::new(parts),
            recorder: None,
            recording: JoinSet::new(),
            guards: Guards::default(),
            runs: JoinSet::new(),
            places: HashMap::new(),
            draining: CancellationToken::new(),
            round: Instant::now(),
            turn: None,
            lanes: HashMap::new(),
        }
    }

    /// Deliver until the soft token falls, then finish what is being posted, within `grace`.
    pub async fn serve(mut self, stop: Stop, grace: Duration) {
        let soft = stop.soft_token();
        loop {
            if let Err(error) = self.start_due().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the outbox cannot be read"
                );
                tokio::select! {
                    () = soft.cancelled() => break,
                    () = tokio::time::sleep(REST) => {}
                }
            }
            tokio::select! {
                biased;
                () = soft.cancelled() => break,
                // Without a run this arm is off, and the others wake the loop.
                Some(done) = self.runs.join_next_with_id() => { self.ended(done); }
                () = self.parts.wake.woken() => {}
                () = tokio::time::sleep(self.parts.tick) => {}
            }
            self.gather().await;
        }
        self.drain(grace).await;
    }

    /// Deliver whatever is due now, and whatever becomes due by that, and wait for all of it.
    pub async fn deliver_due(&mut self) -> Result<Stats, DbErr> {
        let mut stats = Stats::default();
        loop {
            let started = self.start_due().await?;
            if started == 0 && self.runs.is_empty() {
                return Ok(stats);
            }
            if let Some(done) = self.runs.join_next_with_id().await {
                stats.add(self.ended(done));
            }
            stats.add(self.gather().await);
        }
    }

    /// Take what ends until the last round was [`PACE`] ago, so that a round is for many runs.
    async fn gather(&mut self) -> Stats {
        let mut stats = Stats::default();
        let until = self.round + PACE;
        while !self.runs.is_empty() {
            tokio::select! {
                biased;
                Some(done) = self.runs.join_next_with_id() => stats.add(self.ended(done)),
                () = tokio::time::sleep_until(until) => break,
            }
        }
        stats
    }

    /// Lease and start as many runs as there are slots for; gives how many.
    async fn start_due(&mut self) -> Result<usize, DbErr> {
        self.round = Instant::now();
        let runs = self.plan().await?;
        let started = runs.len();
        if started == 0 {
            return Ok(0);
        }
        let shared = Shared {
            parts: Arc::clone(&self.parts),
            recorder: self.recorder(),
            guards: self.guards.clone(),
            draining: self.draining.clone(),
        };
        for run in runs {
            let place = run.place;
            self.slots.take(&place);
            let task = run.carry_out(shared.clone());
            self.places.insert(self.runs.spawn(task).id(), place);
        }
        Ok(started)
    }

    /// The recorder; a new one if there is none, or if it died.
    fn recorder(&mut self) -> Recorder {
        if let Some(recorder) = &self.recorder
            && !recorder.is_gone()
        {
            return recorder.clone();
        }
        let (recorder, task) = Recorder::new(Arc::clone(&self.parts));
        self.recording.spawn(task);
        self.recorder = Some(recorder.clone());
        recorder
    }

    fn ended(&mut self, done: Result<(task::Id, Stats), JoinError>) -> Stats {
        let (id, stats) = match done {
            Ok(done) => done,
            Err(error) => {
                // Its rows come back when their lease ends.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a delivery run died"
                );
                (error.id(), Stats::default())
            }
        };
        if let Some(place) = self.places.remove(&id) {
            self.slots.give_back(&place);
        }
        stats
    }

    async fn drain(&mut self, grace: Duration) {
        self.draining.cancel();
        let finish = async {
            while let Some(done) = self.runs.join_next_with_id().await {
                self.ended(done);
            }
        };
        if tokio::time::timeout(grace, finish).await.is_err() {
            let left = self.runs.len();
            tracing::warn!(
                "{left} deliveries were cut off; they are made again when their lease ends"
            );
            self.runs.shutdown().await;
        }
    }
}

/// Milliseconds, as the database counts.
fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
