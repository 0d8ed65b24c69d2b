//! Who may post: a bounded number in all and per endpoint, with a share that retries cannot take.

use std::collections::{HashMap, HashSet};

use entity::ids::{EndpointId, SessionId};

/// How many requests at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// To one endpoint.
    pub per_endpoint: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 256,
            per_endpoint: 8,
        }
    }
}

impl Limits {
    /// A quarter is kept for first attempts, unless there is only one.
    const fn for_retries(of: usize) -> usize {
        match of {
            0 | 1 => of,
            _ => of - of.div_ceil(4),
        }
    }
}

/// What a run occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) endpoint: EndpointId,
    pub(super) retry: bool,
    /// The lane, when its order matters.
    pub(super) lane: Option<SessionId>,
}

#[derive(Debug, Default)]
struct Used {
    all: usize,
    retries: usize,
    lanes: HashSet<SessionId>,
}

/// The slots of a process.
#[derive(Debug)]
pub(super) struct Slots {
    limits: Limits,
    all: usize,
    retries: usize,
    endpoints: HashMap<EndpointId, Used>,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: 0,
            retries: 0,
            endpoints: HashMap::new(),
        }
    }

    pub(super) fn take(&mut self, place: &Place) {
        self.all += 1;
        self.retries += usize::from(place.retry);
        let used = self.endpoints.entry(place.endpoint).or_default();
        used.all += 1;
        used.retries += usize::from(place.retry);
        used.lanes.extend(place.lane);
    }

    pub(super) fn give_back(&mut self, place: &Place) {
        self.all = self.all.saturating_sub(1);
        self.retries = self.retries.saturating_sub(usize::from(place.retry));
        let Some(used) = self.endpoints.get_mut(&place.endpoint) else {
            return;
        };
        used.all = used.all.saturating_sub(1);
        used.retries = used.retries.saturating_sub(usize::from(place.retry));
        if let Some(lane) = place.lane {
            used.lanes.remove(&lane);
        }
        if used.all == 0 {
            self.endpoints.remove(&place.endpoint);
        }
    }

    /// Free slots in all.
    pub(super) const fn free(&self) -> usize {
        self.limits.total.saturating_sub(self.all)
    }

    /// Free slots in all that a retry may take.
    pub(super) fn free_for_retries(&self) -> usize {
        Limits::for_retries(self.limits.total)
            .saturating_sub(self.retries)
            .min(self.free())
    }

    /// Free slots of `endpoint`: for first attempts, and how many of them retries may take.
    pub(super) fn free_of(&self, endpoint: EndpointId) -> (usize, usize) {
        let used = self.endpoints.get(&endpoint);
        let (all, retries) = used.map_or((0, 0), |used| (used.all, used.retries));
        let free = self.limits.per_endpoint.saturating_sub(all);
        let for_retries = Limits::for_retries(self.limits.per_endpoint).saturating_sub(retries);
        (free, for_retries.min(free))
    }

    /// Whether a run of `endpoint` is under way.
    pub(super) fn has(&self, endpoint: EndpointId) -> bool {
        self.endpoints.contains_key(&endpoint)
    }

    /// Whether a run is under way in that lane.
    pub(super) fn is_busy(&self, endpoint: EndpointId, lane: SessionId) -> bool {
        self.endpoints
            .get(&endpoint)
            .is_some_and(|used| used.lanes.contains(&lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: EndpointId, retry: bool) -> Place {
        Place {
            endpoint,
            retry,
            lane: None,
        }
    }

    #[test]
    fn retries_cannot_take_the_last_quarter() {
        let mut slots = Slots::new(Limits::default());
        let endpoint = EndpointId::new();
        for _ in 0..6 {
            slots.take(&place(endpoint, true));
        }
        assert_eq!(slots.free_of(endpoint), (2, 0));
        slots.give_back(&place(endpoint, true));
        assert_eq!(slots.free_of(endpoint), (3, 1));
        for _ in 0..187 {
            slots.take(&place(EndpointId::new(), true));
        }
        assert_eq!((slots.free(), slots.free_for_retries()), (64, 0));
    }

    #[test]
    fn a_lane_is_busy_until_its_run_ends() {
        let mut slots = Slots::new(Limits::default());
        let (endpoint, lane) = (EndpointId::new(), SessionId::new());
        let place = Place {
            lane: Some(lane),
            ..place(endpoint, false)
        };
        slots.take(&place);
        assert!(slots.is_busy(endpoint, lane));
        slots.give_back(&place);
        assert!(!slots.is_busy(endpoint, lane));
        assert_eq!(slots.free_of(endpoint), (8, 6));
    }
}
