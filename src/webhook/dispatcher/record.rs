//! How attempts went, written: what has ended by now shares one short transaction.
//!
//! One task writes for all runs of the process. While it commits, the next results gather, so that the number of
//! transactions follows the speed of the database and not the number of deliveries.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use entity::{
    enums::{DeliveryState, EndpointState},
    ids::{DeliveryId, EndpointId, UserId},
    webhook_attempts,
    webhook_deliveries::Model,
};
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};

use super::{
    Parts,
    follow::{attempt, next},
    notice::Disabled,
};
use crate::{
    db::{
        self, Committed, Script,
        webhook_deliveries::dispatch::{self, Finish, Lease},
    },
    webhook::{
        health::{Attempted, Change, Health, Outcome},
        sender::{Sent, Verdict},
    },
};

/// The most results of one transaction.
const BATCH: usize = 256;

/// Results that may wait; a run that has one more waits with it.
const WAITING: usize = 2 * BATCH;

/// The database did not take a result, or another process holds the row by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotWritten;

/// An attempt that has ended, or an event that is gone.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) row: Model,
    pub(super) lease: Lease,
    /// None when the event is no longer in the log.
    attempt: Option<webhook_attempts::Model>,
    /// Why the receiver gets nothing more, if it has asked for that.
    pub(super) disable: Option<&'static str>,
    /// What follows.
    pub(super) finish: Finish,
    /// What it says about the endpoint.
    pub(super) attempted: Option<Attempted>,
    /// The endpoint was not well when its row was read.
    pub(super) unwell: bool,
    /// When it ended.
    pub(super) at: i64,
}

impl Ended {
    /// What follows from `sent`, which was a `probe` or not, at the time of the clock.
    pub(super) fn new(
        parts: &Parts,
        row: &Model,
        (lease, probe): (Lease, bool),
        sent: Option<Sent>,
    ) -> Self {
        let at = parts.clock.now_ms();
        let finish = next(row, sent.as_ref(), at, (parts.jitter)());
        let attempted = sent.as_ref().map(|sent| Attempted {
            outcome: sent.outcome,
            // A receiver that wants nothing more is not one that was tried in vain.
            exhausted: finish.state == DeliveryState::Dead && sent.verdict != Verdict::Gone,
            probe,
        });
        Self {
            row: row.clone(),
            lease,
            disable: sent.as_ref().and_then(|sent| sent.disable),
            attempt: sent.map(|sent| attempt(parts, row, sent)),
            finish,
            attempted,
            unwell: false,
            at,
        }
    }

    /// Whether its endpoint has to be looked at.
    fn concerns_endpoint(&self, unwell: &HashSet<EndpointId>) -> bool {
        let Some(attempted) = self.attempted else {
            return false;
        };
        let good = attempted.outcome == Outcome::Good && self.disable.is_none();
        !good || self.unwell || unwell.contains(&self.row.endpoint_id)
    }
}

type Waiting = (Ended, oneshot::Sender<Result<(), NotWritten>>);

/// Where results go. Clones share the task behind it.
#[derive(Debug, Clone)]
pub(super) struct Recorder(mpsc::Sender<Waiting>);

impl Recorder {
    /// The recorder, and the task that has to be run for it.
    pub(super) fn new(parts: Arc<Parts>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (results, waiting) = mpsc::channel(WAITING);
        (Self(results), write_all(parts, waiting))
    }

    /// Hands a result over; the answer comes when it is committed, or will not be.
    pub(super) async fn hand_over(
        &self,
        ended: Ended,
    ) -> oneshot::Receiver<Result<(), NotWritten>> {
        let (told, answer) = oneshot::channel();
        // When nobody writes any more, the answer is that its sender is gone.
        drop(self.0.send((ended, told)).await);
        answer
    }

    /// Whether the task has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

async fn write_all(parts: Arc<Parts>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut unwell = HashSet::new();
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (ended, told): (Vec<Ended>, Vec<_>) = batch.drain(..).unzip();
        let mut written = write(&parts, &ended, &mut unwell).await;
        if let Err(error) = &written {
            // Two transactions can meet crosswise; the second time they do not.
            tracing::debug!(
                error = error as &dyn std::error::Error,
                "results are written again"
            );
            written = write(&parts, &ended, &mut unwell).await;
        }
        let held = written.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "how {} deliveries went cannot be written; they will be made again",
                ended.len()
            );
            HashSet::new()
        });
        for (ended, told) in ended.iter().zip(told) {
            let answer = if held.contains(&ended.row.id) {
                Ok(())
            } else {
                Err(NotWritten)
            };
            // A run that was cut off does not wait for it.
            told.send(answer).ok();
        }
    }
}

/// Write what is still ours of `ended`, in one transaction; gives the rows that were.
async fn write(
    parts: &Parts,
    ended: &[Ended],
    unwell: &mut HashSet<EndpointId>,
) -> Result<HashSet<DeliveryId>, DbErr> {
    let now = parts.clock.now_ms();
    let concerned: BTreeSet<EndpointId> = ended
        .iter()
        .filter(|ended| ended.concerns_endpoint(unwell))
        .map(|ended| ended.row.endpoint_id)
        .collect();
    let all: Vec<&Ended> = ended.iter().collect();
    if concerned.is_empty() {
        // Mostly all is well and every row is still ours: the statements see to it that nothing is written if not.
        if results(parts, &all, now).commit(&parts.db).await? == Committed::Yes {
            return Ok(all.into_iter().map(|ended| ended.row.id).collect());
        }
    }
    let tx = db::begin(&parts.db).await?;
    // Endpoints before deliveries, as everybody locks them.
    let mut endpoints = db::webhook_endpoints::lock_each(&tx, concerned.iter().copied()).await?;
    let leases: HashMap<DeliveryId, Option<i64>> =
        dispatch::held(&tx, ended.iter().map(|ended| ended.row.id), parts.node)
            .await?
            .into_iter()
            .collect();
    let ours: Vec<&Ended> = ended
        .iter()
        .filter(|ended| leases.get(&ended.row.id) == Some(&Some(ended.lease.until_ms)))
        .collect();
    let mut script = results(parts, &ours, now);
    let mut disabled = Vec::new();
    for row in &mut endpoints {
        let before = row.clone();
        let id = row.id;
        let of_row = ours.iter().filter(|ended| ended.row.endpoint_id == id);
        disabled.extend(care(row, of_row.copied(), now));
        if *row != before {
            if row.state != before.state {
                row.updated_at = now;
            }
            db::webhook_endpoints::set_health(&mut script, row);
        }
    }
    if !script.run(&tx).await? {
        tx.rollback().await?;
        return Err(DbErr::Custom("a row vanished under its lock".to_owned()));
    }
    let owners: BTreeSet<UserId> = disabled.iter().map(|disabled| disabled.owner).collect();
    for owner in owners {
        db::leases::endpoints_changed(&tx, owner).await?;
    }
    let mut entries = Vec::with_capacity(disabled.len());
    for disabled in &disabled {
        entries.push(disabled.write(&tx).await?);
    }
    tx.commit().await?;

    for row in &endpoints {
        if Health::from(row).is_well() {
            unwell.remove(&row.id);
        } else {
            unwell.insert(row.id);
        }
    }
    for (disabled, entry) in disabled.iter().zip(entries) {
        disabled.announce(entry, parts);
    }
    Ok(ours.into_iter().map(|ended| ended.row.id).collect())
}

/// What is to be written of `ended`.
fn results(parts: &Parts, ended: &[&Ended], now_ms: i64) -> Script {
    let mut script = Script::new(parts.db.get_database_backend());
    let finished = ended
        .iter()
        .map(|ended| (ended.row.id, ended.lease, ended.finish.clone()));
    dispatch::finish(&mut script, finished.collect(), now_ms);
    let attempts = ended.iter().filter_map(|ended| ended.attempt.clone());
    db::webhook_attempts::insert(&mut script, attempts.collect());
    script
}

/// Bring the row of an endpoint up to date with what became of its deliveries; tells if that disabled it.
fn care<'a>(
    row: &mut entity::webhook_endpoints::Model,
    ended: impl Iterator<Item = &'a Ended>,
    now_ms: i64,
) -> Option<Disabled> {
    let mut health = Health::from(&*row);
    let mut cause = None;
    for ended in ended {
        let change = ended
            .attempted
            .map_or(Change::None, |attempted| health.learn(attempted, ended.at));
        tell(row.id, change);
        let given_up = match change {
            Change::GivenUp(why) => Some(why),
            _ => None,
        };
        let why = given_up.or(ended.disable);
        cause = cause.or_else(|| why.map(|why| (why, ended.row.session_id)));
    }
    health.store(row);
    let (reason, session) = cause.filter(|_| row.state != EndpointState::Disabled)?;
    row.state = EndpointState::Disabled;
    row.disabled_reason = Some(reason.to_owned());
    Some(Disabled::new(row, session, reason, now_ms))
}

fn tell(endpoint: EndpointId, change: Change) {
    match change {
        // A disabled endpoint is told after the commit.
        Change::None | Change::GivenUp(_) => {}
        Change::Opened { for_ms } => tracing::warn!(
            endpoint.id = %endpoint,
            duration_ms = for_ms,
            "endpoint {endpoint} does not answer; its deliveries wait"
        ),
        Change::Closed => tracing::info!(
            endpoint.id = %endpoint,
            "endpoint {endpoint} answers again"
        ),
        Change::Warned => tracing::warn!(
            endpoint.id = %endpoint,
            "endpoint {endpoint} has failed for long and will be disabled if it goes on"
        ),
    }
}
