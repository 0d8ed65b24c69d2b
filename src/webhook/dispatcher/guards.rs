//! The health of the endpoints that are being posted to, as of this very moment.
//!
//! The row of an endpoint is what counts; it is written in batches, a moment after an attempt has ended. What is posted
//! in that moment asks here. An entry lives as long as a run of its endpoint does: afterwards the row says it all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entity::{ids::EndpointId, webhook_endpoints::Model};

use crate::webhook::health::{Attempted, Gate, Health};

/// What is known of an endpoint that is being posted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    health: Health,
    /// It has asked for nothing more.
    ended: bool,
}

/// The guards of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Guards(Arc<Mutex<HashMap<EndpointId, Known>>>);

impl Guards {
    /// The gate of the endpoint in `row`, which was read just now; `busy` tells that runs of it are under way.
    pub(super) fn look(&self, row: &Model, busy: bool, now_ms: i64) -> Gate {
        let mut all = self.lock();
        let known = if busy { all.get(&row.id) } else { None };
        let known = known.copied().unwrap_or_else(|| Known {
            health: Health::from(row),
            ended: false,
        });
        put(&mut all, row.id, known);
        known.health.gate(now_ms)
    }

    /// Whether a run that is under way may go on.
    pub(super) fn lets_on(&self, endpoint: EndpointId, now_ms: i64) -> bool {
        self.lock()
            .get(&endpoint)
            .is_none_or(|known| !known.ended && known.health.gate(now_ms) == Gate::Closed)
    }

    /// Learn from an attempt; `ends` tells that the receiver wants nothing more.
    pub(super) fn learn(
        &self,
        endpoint: EndpointId,
        attempted: Attempted,
        ends: bool,
        now_ms: i64,
    ) {
        let mut all = self.lock();
        let mut known = all.get(&endpoint).copied().unwrap_or_default();
        known.health.learn(attempted, now_ms);
        known.ended |= ends;
        put(&mut all, endpoint, known);
    }

    /// Forget the endpoints that `keep` does not name.
    pub(super) fn retain(&self, keep: impl Fn(EndpointId) -> bool) {
        self.lock().retain(|id, _| keep(*id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Known>> {
        // No panic can come between two changes of one entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing is kept of an endpoint that is well: those are many.
fn put(all: &mut HashMap<EndpointId, Known>, endpoint: EndpointId, known: Known) {
    if known == Known::default() {
        all.remove(&endpoint);
    } else {
        all.insert(endpoint, known);
    }
}
