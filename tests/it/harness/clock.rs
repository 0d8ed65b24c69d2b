//! A clock that is moved by hand, for everything that takes its time as an argument.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use wharf::domain::clock::Clock;

#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

/// The same time in every run.
impl Default for HandClock {
    fn default() -> Self {
        Self::at(1_800_000_000_000)
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
