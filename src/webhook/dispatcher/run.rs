//! One run: a few leased rows of one lane, or one retry, posted one after the other.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use entity::{
    enums::DeliveryState,
    events,
    ids::{EventId, SessionId},
    sessions,
    webhook_deliveries::Model,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    Parts,
    guards::Guards,
    record::{self, Ended, Recorder},
    slots::Place,
};
use crate::{
    db::{
        self,
        webhook_deliveries::dispatch::{self, Lease},
    },
    webhook::{
        render::{NATIVE, Told, Who},
        sender::Sent,
        target::Target,
    },
};

/// What is kept of a lease for writing the result.
const MARGIN: Duration = Duration::from_secs(5);

/// How many deliveries ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Answered with a 2xx.
    pub delivered: usize,
    /// To be tried again.
    pub failed: usize,
    /// Given up.
    pub dead: usize,
}

impl Stats {
    pub(super) const fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.dead += other.dead;
    }

    /// Count what is written by now; false if something was not.
    fn settle_written(&mut self, pending: &mut Pending) -> bool {
        while let Some((state, answer)) = pending.front_mut() {
            let answer = match answer.try_recv() {
                Ok(answer) => answer,
                Err(oneshot::error::TryRecvError::Empty) => return true,
                Err(oneshot::error::TryRecvError::Closed) => Err(record::NotWritten),
            };
            self.settle(*state, answer);
            pending.pop_front();
            if answer.is_err() {
                return false;
            }
        }
        true
    }

    fn settle(&mut self, state: DeliveryState, answer: Result<(), record::NotWritten>) {
        if answer.is_err() {
            return;
        }
        self.count(state);
        let result = match state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
            DeliveryState::Pending | DeliveryState::Inflight | DeliveryState::Cancelled => "failed",
        };
        metrics::counter!("wharf_deliveries_total", "result" => result).increment(1);
    }

    const fn count(&mut self, state: DeliveryState) {
        match state {
            DeliveryState::Delivered => self.delivered += 1,
            DeliveryState::Dead => self.dead += 1,
            DeliveryState::Pending | DeliveryState::Inflight | DeliveryState::Cancelled => {
                self.failed += 1;
            }
        }
    }
}

/// A session that a shape may tell of.
struct Known {
    session: sessions::Model,
    number: Option<i64>,
}

/// Leased rows and where they go.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: Arc<Target>,
    pub(super) place: Place,
    /// Nothing may overtake a row that failed.
    pub(super) strict: bool,
    /// It is there to find out whether the endpoint is back.
    pub(super) probe: bool,
    /// In the order of `seq`.
    pub(super) rows: Vec<Model>,
    pub(super) lease: Lease,
}

/// What a run shares with the dispatcher.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) parts: Arc<Parts>,
    pub(super) recorder: Recorder,
    pub(super) guards: Guards,
    /// Falls when a run is to end after the request it is at.
    pub(super) draining: CancellationToken,
}

/// Results on their way to the database, in the order of their rows.
type Pending = VecDeque<(
    DeliveryState,
    oneshot::Receiver<Result<(), record::NotWritten>>,
)>;

impl Run {
    /// Post the rows. Whatever is not posted is given back, or comes back when the lease ends.
    ///
    /// The next row is posted while the result of the one before is being written: what a crash loses of that is
    /// posted again, in the same order.
    pub(super) async fn carry_out(self, shared: Shared) -> Stats {
        let mut counts = Stats::default();
        let events = match self.events(&shared.parts).await {
            Ok(events) => events,
            Err(error) => {
                warn(&error, "the events of a delivery cannot be read");
                return counts;
            }
        };
        let sessions = match self.sessions(&shared.parts).await {
            Ok(sessions) => sessions,
            Err(error) => {
                warn(&error, "the session of a delivery cannot be read");
                return counts;
            }
        };
        let mut pending = Pending::new();
        for (index, row) in self.rows.iter().enumerate() {
            if !counts.settle_written(&mut pending) {
                tracing::debug!(delivery.id = %row.id, "delivery {} was taken over", row.id);
                break;
            }
            if !self.may_post(&shared, index) {
                self.give_back(&shared.parts, index).await;
                break;
            }
            let sent = self
                .post(
                    &shared.parts,
                    row,
                    (events.get(&row.event_id), sessions.get(&row.session_id)),
                )
                .await;
            let mut ended = Ended::new(&shared.parts, row, (self.lease, self.probe), sent);
            ended.unwell = self.target.unwell;
            let stops = ended.disable.is_some();
            if let Some(attempted) = ended.attempted {
                let endpoint = self.target.endpoint;
                shared.guards.learn(endpoint, attempted, stops, ended.at);
            }
            let state = ended.finish.state;
            pending.push_back((state, shared.recorder.hand_over(ended).await));
            let failed = state != DeliveryState::Delivered;
            if stops || (failed && self.strict) {
                self.give_back(&shared.parts, index + 1).await;
                break;
            }
        }
        for (state, answer) in pending {
            counts.settle(state, answer.await.unwrap_or(Err(record::NotWritten)));
        }
        counts
    }

    fn may_post(&self, shared: &Shared, index: usize) -> bool {
        if self.probe {
            return true;
        }
        let endpoint = self.target.endpoint;
        let now = shared.parts.clock.now_ms();
        if !shared.guards.lets_on(endpoint, now) {
            return false;
        }
        // The first is posted all the same: the lease was made for it.
        index == 0 || !(shared.draining.is_cancelled() || self.is_short(&shared.parts))
    }

    async fn events(
        &self,
        parts: &Parts,
    ) -> Result<HashMap<EventId, events::Model>, sea_orm::DbErr> {
        let ids = self.rows.iter().map(|row| row.event_id);
        let events = dispatch::told(&parts.db, ids).await?;
        Ok(events.into_iter().map(|event| (event.id, event)).collect())
    }

    /// Who the sessions are; our own shape does not tell it.
    async fn sessions(&self, parts: &Parts) -> Result<HashMap<SessionId, Known>, sea_orm::DbErr> {
        let mut found = HashMap::new();
        if self.target.shape == NATIVE {
            return Ok(found);
        }
        for row in &self.rows {
            if !found.contains_key(&row.session_id)
                && let Some(session) =
                    db::sessions::find(&parts.db, row.owner_id, row.session_id).await?
            {
                let (kind, subject) = (db::public_numbers::SESSION, row.session_id.uuid());
                let number = db::public_numbers::find(&parts.db, kind, subject).await?;
                found.insert(row.session_id, Known { session, number });
            }
        }
        Ok(found)
    }

    async fn post(
        &self,
        parts: &Parts,
        row: &Model,
        (event, who): (Option<&events::Model>, Option<&Known>),
    ) -> Option<Sent> {
        let event = event?;
        let session = row.session_id.to_string();
        let told = Told {
            event_type: &event.event_type,
            session: Some(&session),
            seq: event.seq,
            at_ms: event.created_at,
            payload: &event.payload,
            shape: &self.target.shape,
            variant: &self.target.variant,
            who: who.map(|known| Who {
                handle: &known.session.handle,
                phone: known.session.phone.as_deref(),
                number: known.number,
            }),
        };
        Some(parts.sender.send(&self.target, event.id, &told).await)
    }

    fn is_short(&self, parts: &Parts) -> bool {
        let needed = parts.sender.timeout() + MARGIN;
        parts.clock.now_ms() + super::ms(needed) > self.lease.until_ms
    }

    async fn give_back(&self, parts: &Parts, from: usize) {
        let now = parts.clock.now_ms();
        if let Err(error) = dispatch::release(&parts.db, &self.rows[from..], self.lease, now).await
        {
            warn(
                &error,
                "deliveries could not be given back; they wait for the end of their lease",
            );
        }
    }
}

fn warn(error: &sea_orm::DbErr, message: &'static str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{message}");
}
