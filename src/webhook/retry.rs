//! When a delivery is tried again.
//!
//! Owns the schedule. Takes the time and the randomness it needs as arguments. Called by the dispatcher.

use std::time::Duration;

/// The wait after attempt 1, 2, …: 13 attempts in about 76 hours.
pub const SCHEDULE: [Duration; 12] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How far a receiver can push a retry back.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(10);

/// The least wait for a receiver that is too busy to answer in time.
const BUSY_MIN: Duration = Duration::from_mins(1);

/// What the failed attempt says about the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// What the receiver asked for, on a 429 or 503.
    pub retry_after: Option<Duration>,
    /// It timed out or answered 429.
    pub busy: bool,
}

/// After which waits a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    waits: &'static [Duration],
    /// They are kept as they are, whatever the receiver says.
    exact: bool,
}

impl Default for Schedule {
    /// Our own, spread, and as a receiver asks.
    fn default() -> Self {
        Self {
            waits: &SCHEDULE,
            exact: false,
        }
    }
}

impl Schedule {
    /// These waits and no others.
    pub const fn exact(waits: &'static [Duration]) -> Self {
        Self { waits, exact: true }
    }
}

/// The wait after attempt number `made` (from 1) has failed; none when it was the last.
///
/// `unit` is a random number in `0.0..1.0` and spreads the wait by ±20 %, so that receivers which failed
/// together are not called together.
pub fn wait(schedule: Schedule, made: i32, hint: Hint, unit: f64) -> Option<Duration> {
    let step = usize::try_from(made.checked_sub(1)?).ok()?;
    let wait = schedule.waits.get(step)?;
    if schedule.exact {
        return Some(*wait);
    }
    let base = wait.mul_f64(0.8 + 0.4 * unit.clamp(0.0, 1.0));
    let base = if hint.busy { base.max(BUSY_MIN) } else { base };
    Some(match hint.retry_after {
        Some(asked) => base.max(asked.min(RETRY_AFTER_MAX)),
        None => base,
    })
}

/// `Retry-After` as seconds or as a date.
pub fn parse_retry_after(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = at.as_millisecond().saturating_sub(now_ms);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: f64 = 0.5;

    fn plain(made: i32) -> Option<Duration> {
        wait(Schedule::default(), made, Hint::default(), MIDDLE)
    }

    #[test]
    fn an_exact_schedule_is_kept_whatever_the_receiver_says() {
        const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
        let schedule = Schedule::exact(&WAITS);
        let busy = Hint {
            retry_after: Some(Duration::from_hours(1)),
            busy: true,
        };
        for unit in [0.0, 1.0] {
            assert_eq!(wait(schedule, 1, busy, unit), Some(WAITS[0]));
            assert_eq!(wait(schedule, 2, busy, unit), Some(WAITS[1]));
            assert_eq!(wait(schedule, 3, busy, unit), None);
        }
    }

    #[test]
    fn thirteen_attempts_are_made_and_the_last_waits_for_nothing() {
        assert_eq!(plain(1), Some(Duration::from_secs(5)));
        assert_eq!(plain(12), Some(Duration::from_hours(24)));
        assert_eq!(plain(13), None);
        let all: Duration = (1..=12).filter_map(plain).sum();
        assert_eq!(all.as_secs(), 75 * 3600 + 52 * 60 + 35);
    }

    #[test]
    fn the_wait_is_spread_by_a_fifth_to_both_sides() {
        let low = wait(Schedule::default(), 2, Hint::default(), 0.0).unwrap();
        let high = wait(Schedule::default(), 2, Hint::default(), 1.0).unwrap();
        assert_eq!(low, Duration::from_secs(24));
        assert_eq!(high, Duration::from_secs(36));
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_but_not_for_less_or_for_ever() {
        let asks = |seconds| Hint {
            retry_after: Some(Duration::from_secs(seconds)),
            busy: false,
        };
        assert_eq!(
            wait(Schedule::default(), 1, asks(120), MIDDLE)
                .unwrap()
                .as_secs(),
            120
        );
        assert_eq!(
            wait(Schedule::default(), 1, asks(0), MIDDLE)
                .unwrap()
                .as_secs(),
            5
        );
        assert_eq!(
            wait(Schedule::default(), 1, asks(1_000_000), MIDDLE).unwrap(),
            RETRY_AFTER_MAX
        );
        assert_eq!(
            wait(Schedule::default(), 12, asks(60), MIDDLE)
                .unwrap()
                .as_secs(),
            24 * 3600
        );
    }

    #[test]
    fn a_busy_receiver_gets_a_minute() {
        let busy = Hint {
            retry_after: None,
            busy: true,
        };
        assert_eq!(wait(Schedule::default(), 1, busy, MIDDLE), Some(BUSY_MIN));
        assert_eq!(
            wait(Schedule::default(), 3, busy, MIDDLE)
                .unwrap()
                .as_secs(),
            120
        );
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(parse_retry_after(" 7 ", 0), Some(Duration::from_secs(7)));
        let date = "Tue, 14 Nov 2023 22:13:30 GMT";
        let now = 1_700_000_000_000;
        assert_eq!(parse_retry_after(date, now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after(date, now + 60_000), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon", 0), None);
        assert_eq!(parse_retry_after("-1", 0), None);
    }
}
