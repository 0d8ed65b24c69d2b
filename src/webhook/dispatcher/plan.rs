//! What to post next: fair over endpoints, in order within a lane, retries in their share.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{
    enums::DeliveryOrdering,
    ids::{DeliveryId, EndpointId, SessionId},
    webhook_deliveries::Model,
    webhook_endpoints,
};
use sea_orm::DbErr;

use super::{
    Dispatcher, ms,
    notice::{Disabled, UNREADABLE},
    run::Run,
    slots::Place,
};
use crate::{
    db::{
        self,
        webhook_deliveries::dispatch::{self, Lease},
        webhook_endpoints as endpoints,
    },
    webhook::{health::Gate, target::Target},
};

mod lanes;

use lanes::Lanes;

/// Rows of one run: enough to spare a query per row, few enough to be posted within a lease.
const RUN_ROWS: usize = 64;

/// Rows read at once in search of lanes.
const PAGE_ROWS: usize = 2 * RUN_ROWS;

/// Pages read for one endpoint in one round; the next round goes on from there.
const PAGES: usize = 2;

/// How the rows of an endpoint are posted.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// Nothing overtakes a row that failed.
    strict: bool,
    /// One, to find out whether it is back.
    probe: bool,
}

/// Rows that one slot is to post.
struct Wanted {
    place: Place,
    rows: Vec<Model>,
}

impl Dispatcher {
    /// Lease as much as there are free slots for.
    pub(super) async fn plan(&mut self) -> Result<Vec<Run>, DbErr> {
        let now = self.parts.clock.now_ms();
        let (mut free, mut for_retries) = (self.slots.free(), self.slots.free_for_retries());
        if free == 0 {
            return Ok(Vec::new());
        }
        let rows = endpoints::with_work(&self.parts.db, now).await?;
        self.forget(&rows);
        let mut rows = self.let_through(rows, now);
        // The turn goes round: whoever was first in the last round is last in this one.
        let first = rows.partition_point(|(row, _)| self.turn.is_some_and(|turn| row.id <= turn));
        rows.rotate_left(first);
        self.turn = rows.first().map(|(row, _)| row.id);
        // When slots are few, everybody gets one before anybody gets two.
        let share = (free / rows.len().max(1)).max(1);

        let until = now + ms(self.parts.lease);
        let mut all = Vec::new();
        for (row, probe) in rows {
            let (room, retry_room) = self.slots.free_of(row.id);
            let room = room.min(share).min(free).min(if probe { 1 } else { room });
            if room == 0 {
                continue;
            }
            let mut wanted = self
                .wanted(&row, now, room, retry_room.min(for_retries).min(room))
                .await?;
            let next = wanted.first().and_then(|one| one.rows.first());
            let Some(next) = next.map(|row| row.session_id) else {
                continue;
            };
            if probe {
                for one in &mut wanted {
                    one.rows.truncate(1);
                }
            }
            let Some(target) = self.open(&row, next, now).await? else {
                continue;
            };
            if probe && !endpoints::claim_probe(&self.parts.db, &row, until).await? {
                continue;
            }
            free -= wanted.len();
            for_retries -= wanted.iter().filter(|wanted| wanted.place.retry).count();
            let strict = row.ordering == DeliveryOrdering::Strict;
            all.extend(
                wanted
                    .into_iter()
                    .map(|one| (Arc::clone(&target), Manner { strict, probe }, one)),
            );
            if free == 0 {
                break;
            }
        }
        self.lease(all, now).await
    }

    /// What `row` could be sent in `room` slots, of which retries may take `retry_room`.
    async fn wanted(
        &mut self,
        row: &webhook_endpoints::Model,
        now: i64,
        room: usize,
        retry_room: usize,
    ) -> Result<Vec<Wanted>, DbErr> {
        let strict = row.ordering == DeliveryOrdering::Strict;
        let waits_for: HashMap<SessionId, i64> = if strict {
            dispatch::lanes_with_retry(&self.parts.db, row.id)
                .await?
                .into_iter()
                .collect()
        } else {
            HashMap::new()
        };
        let mut retries = self.retries(row, &waits_for, now, retry_room).await?;
        let mut wanted = self.first_attempts(row, &waits_for, now, room).await?;
        // Up to half of the room is the retries' for certain, so that a backlog does not starve them.
        wanted.truncate(room - retries.len().min(room / 2));
        retries.truncate(room - wanted.len());
        wanted.extend(retries);
        Ok(wanted)
    }

    async fn retries(
        &self,
        row: &webhook_endpoints::Model,
        waits_for: &HashMap<SessionId, i64>,
        now: i64,
        room: usize,
    ) -> Result<Vec<Wanted>, DbErr> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let strict = row.ordering == DeliveryOrdering::Strict;
        let due = dispatch::retries(&self.parts.db, row.id, now, room as u64).await?;
        let mut lanes = HashSet::new();
        let may = |retry: &Model| {
            !strict
                || (waits_for.get(&retry.session_id) == Some(&retry.seq)
                    && !self.slots.is_busy(row.id, retry.session_id)
                    && lanes.insert(retry.session_id))
        };
        let wanted = due.into_iter().filter(may).map(|retry| Wanted {
            place: Place {
                endpoint: row.id,
                retry: true,
                lane: strict.then_some(retry.session_id),
            },
            rows: vec![retry],
        });
        Ok(wanted.take(room).collect())
    }

    /// First attempts, a run per lane; without an order, a run per row.
    async fn first_attempts(
        &mut self,
        row: &webhook_endpoints::Model,
        waits_for: &HashMap<SessionId, i64>,
        now: i64,
        room: usize,
    ) -> Result<Vec<Wanted>, DbErr> {
        let ordered = row.ordering != DeliveryOrdering::None;
        let held = dispatch::first_attempts_held(&self.parts.db, row.id).await?;
        let (left_behind, held): (Vec<_>, Vec<_>) = held
            .into_iter()
            .partition(|row| row.next_at.is_some_and(|until| until <= now));
        // A lane is closed while somebody posts in it, and in strict order while a retry waits in it.
        let mut closed: HashSet<SessionId> = waits_for.keys().copied().collect();
        if ordered {
            closed.extend(held.iter().map(|row| row.session_id));
        }
        let is_open = |lane: SessionId| {
            !ordered || !(closed.contains(&lane) || self.slots.is_busy(row.id, lane))
        };

        let mut lanes = Lanes::new(row.id, ordered, room);
        // What a dead process left behind is the head of its lane.
        for old in left_behind
            .into_iter()
            .filter(|row| is_open(row.session_id))
        {
            lanes.add(old);
        }
        lanes.end_page();
        // From where the last round stopped to the end, then from the beginning to there.
        let start = self.lanes.get(&row.id).copied();
        let (mut after, mut wrapped) = (start, start.is_none());
        for _ in 0..PAGES {
            let mut page =
                dispatch::first_attempts(&self.parts.db, row.id, after, PAGE_ROWS as u64).await?;
            let mut more = page.len() == PAGE_ROWS;
            if wrapped && let Some(start) = start {
                page.retain(|row| row.session_id <= start);
                more &= page.len() == PAGE_ROWS;
            }
            after = page.last().map(|row| row.session_id).filter(|_| more);
            for row in page.into_iter().filter(|row| is_open(row.session_id)) {
                lanes.add(row);
            }
            lanes.end_page();
            if lanes.is_full() || (!more && wrapped) {
                break;
            }
            wrapped |= !more;
        }
        match after {
            Some(lane) => self.lanes.insert(row.id, lane),
            None => self.lanes.remove(&row.id),
        };
        Ok(lanes.wanted)
    }

    /// Opens `row` to post what is next, which is of `session`.
    async fn open(
        &self,
        row: &webhook_endpoints::Model,
        session: SessionId,
        now: i64,
    ) -> Result<Option<Arc<Target>>, DbErr> {
        match Target::open(&self.parts.vault, row, now) {
            Ok(target) => Ok(Some(Arc::new(target))),
            Err(error) => {
                tracing::error!(
                    endpoint.id = %row.id,
                    error = &error as &dyn std::error::Error,
                    "the secrets of endpoint {} cannot be opened",
                    row.id
                );
                let tx = db::begin(&self.parts.db).await?;
                if endpoints::disable(&tx, row.owner_id, row.id, UNREADABLE, now).await? {
                    let disabled = Disabled::new(row, session, UNREADABLE, now);
                    let entry = disabled.write(&tx).await?;
                    tx.commit().await?;
                    disabled.announce(entry, &self.parts);
                } else {
                    tx.rollback().await?;
                }
                Ok(None)
            }
        }
    }

    /// One conditional update for all rows of the round. A run keeps its rows up to the first that was lost.
    async fn lease(
        &self,
        wanted: Vec<(Arc<Target>, Manner, Wanted)>,
        now: i64,
    ) -> Result<Vec<Run>, DbErr> {
        let ids: Vec<DeliveryId> = wanted
            .iter()
            .flat_map(|(_, _, wanted)| wanted.rows.iter().map(|row| row.id))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let lease = Lease {
            node: self.parts.node,
            until_ms: now + ms(self.parts.lease),
        };
        let tx = db::begin(&self.parts.db).await?;
        let leased = dispatch::lease(&tx, &ids, lease, now).await?;
        tx.commit().await?;
        let leased: HashSet<DeliveryId> = leased.into_iter().collect();
        let mut runs = Vec::with_capacity(wanted.len());
        for (target, manner, Wanted { place, mut rows }) in wanted {
            let ours = rows
                .iter()
                .take_while(|row| leased.contains(&row.id))
                .count();
            let behind: Vec<Model> = rows
                .drain(ours..)
                .filter(|row| leased.contains(&row.id))
                .collect();
            if !behind.is_empty() {
                dispatch::release(&self.parts.db, &behind, lease, now).await?;
            }
            if !rows.is_empty() {
                runs.push(Run {
                    target,
                    place,
                    strict: manner.strict,
                    probe: manner.probe,
                    rows,
                    lease,
                });
            }
        }
        Ok(runs)
    }

    /// Those that may be posted to, and whether it is a probe.
    fn let_through(
        &self,
        rows: Vec<webhook_endpoints::Model>,
        now: i64,
    ) -> Vec<(webhook_endpoints::Model, bool)> {
        let mut through = Vec::with_capacity(rows.len());
        let mut open: u32 = 0;
        for row in rows {
            let busy = self.slots.has(row.id);
            match self.guards.look(&row, busy, now) {
                Gate::Closed => through.push((row, false)),
                Gate::Open { .. } => open += 1,
                // One at a time.
                Gate::HalfOpen if busy => {}
                Gate::HalfOpen => through.push((row, true)),
            }
        }
        metrics::gauge!("wharf_breaker_open").set(open);
        through
    }

    /// Forget what was known of endpoints without work.
    fn forget(&mut self, with_work: &[webhook_endpoints::Model]) {
        let ids: HashSet<EndpointId> = with_work.iter().map(|row| row.id).collect();
        self.lanes.retain(|id, _| ids.contains(id));
        let slots = &self.slots;
        self.guards.retain(|id| ids.contains(&id) || slots.has(id));
    }
}
