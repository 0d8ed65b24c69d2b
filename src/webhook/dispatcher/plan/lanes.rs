//! Due rows of one endpoint, gathered into runs. Pure.

use std::collections::HashSet;

use entity::{
    ids::{EndpointId, SessionId},
    webhook_deliveries::Model,
};

use super::{RUN_ROWS, Wanted};
use crate::webhook::dispatcher::slots::Place;

/// Rows of one run without an order: they could be posted side by side, so none waits for many.
const LOOSE_ROWS: usize = 8;

/// Rows, gathered into runs.
pub(super) struct Lanes {
    endpoint: EndpointId,
    ordered: bool,
    room: usize,
    pub(super) wanted: Vec<Wanted>,
    /// The lanes of earlier pages: what comes later in one of them is not its head.
    done: HashSet<SessionId>,
}

impl Lanes {
    pub(super) fn new(endpoint: EndpointId, ordered: bool, room: usize) -> Self {
        Self {
            endpoint,
            ordered,
            room,
            wanted: Vec::new(),
            done: HashSet::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.wanted.len() >= self.room
    }

    /// Rows come lane by lane, each in the order of `seq`.
    pub(super) fn add(&mut self, row: Model) {
        let lane = row.session_id;
        if self.done.contains(&lane) {
            return;
        }
        if self.ordered
            && let Some(run) = self.wanted.last_mut()
            && run.place.lane == Some(lane)
        {
            if run.rows.len() < RUN_ROWS {
                run.rows.push(row);
            }
            return;
        }
        if self.is_full() {
            if !self.ordered
                && let Some(run) = self.wanted.iter_mut().min_by_key(|run| run.rows.len())
                && run.rows.len() < LOOSE_ROWS
            {
                run.rows.push(row);
            }
        } else {
            self.wanted.push(Wanted {
                place: Place {
                    endpoint: self.endpoint,
                    retry: false,
                    lane: self.ordered.then_some(lane),
                },
                rows: vec![row],
            });
        }
    }

    pub(super) fn end_page(&mut self) {
        if self.ordered {
            let lanes = self.wanted.iter().filter_map(|run| run.place.lane);
            self.done.extend(lanes);
        }
    }
}
