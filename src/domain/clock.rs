//! Time as an argument. Nothing else in the service reads the wall clock.

use std::{fmt::Debug, sync::Arc};

/// Tells the time; tests bring one that they move by hand.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> i64;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

/// A clock that unit tests move by hand.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct HandClock(std::sync::atomic::AtomicI64);

#[cfg(test)]
impl HandClock {
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self(1_800_000_000_000.into()))
    }

    pub(crate) fn advance(&self, by: std::time::Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// RFC 3339 in UTC with milliseconds, as every time in the API is shown.
pub fn rfc3339(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The milliseconds since 1970 of a time in RFC 3339; none if it is none.
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(1_700_000_000_120), "2023-11-14T22:13:20.120Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            from_rfc3339("2023-11-14T23:13:20.12+01:00"),
            Some(1_700_000_000_120)
        );
        assert_eq!(from_rfc3339("tomorrow"), None);
    }
}
