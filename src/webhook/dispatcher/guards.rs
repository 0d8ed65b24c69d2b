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

/// The guards of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Guards(Arc<Mutex<HashMap<EndpointId, Health>>>);

impl Guards {
    /// The gate of the endpoint in `row`, which was read just now; `busy` tells that runs of it are under way.
    pub(super) fn look(&self, row: &Model, busy: bool, now_ms: i64) -> Gate {
        let mut all = self.lock();
        let known = if busy { all.get(&row.id) } else { None };
        let health = known.copied().unwrap_or_else(|| Health::from(row));
        if health.is_well() {
            all.remove(&row.id);
        } else {
            all.insert(row.id, health);
        }
        health.gate(now_ms)
    }

    /// Whether a run that is under way may go on.
    pub(super) fn gate(&self, endpoint: EndpointId, now_ms: i64) -> Gate {
        let all = self.lock();
        all.get(&endpoint)
            .map_or(Gate::Closed, |health| health.gate(now_ms))
    }

    /// Learn from an attempt.
    pub(super) fn learn(&self, endpoint: EndpointId, attempted: Attempted, now_ms: i64) {
        let mut all = self.lock();
        let mut health = all.get(&endpoint).copied().unwrap_or_default();
        health.learn(attempted, now_ms);
        if health.is_well() {
            all.remove(&endpoint);
        } else {
            all.insert(endpoint, health);
        }
    }

    /// Forget the endpoints that `keep` does not name.
    pub(super) fn retain(&self, keep: impl Fn(EndpointId) -> bool) {
        self.lock().retain(|id, _| keep(*id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Health>> {
        // No panic can come between two changes of one entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
