//! How an endpoint fares: a breaker for the minutes, a patience for the days.
//!
//! Owns when nothing is posted for a while, when the owner is warned, and when an endpoint is given up. Pure: it takes
//! the time as an argument and is stored in the endpoint's row. The dispatcher feeds it, `service::webhooks` shows it.
//!
//! The breaker: [`OPENS_AFTER`] attempts in a row that bring no answer or a 5xx open it, for 30 s and then twice as
//! long each time, up to 10 min. When that time is over one probe is posted, by whichever process keeps the breaker open for
//! the others meanwhile; its end closes the breaker or opens it again. An answer below 500 is a sign of life and closes it as well, although the delivery has failed.

use std::time::Duration;

use entity::webhook_endpoints::Model;

/// Failures in a row that open the breaker.
pub const OPENS_AFTER: i32 = 5;
/// How long it is open at first.
const OPEN_MIN: Duration = Duration::from_secs(30);
/// How long it is open at most.
const OPEN_MAX: Duration = Duration::from_mins(10);

/// An endpoint that has only failed for that long is disabled …
pub const PATIENCE: Duration = Duration::from_hours(5 * 24);
/// … if this many attempts were made, …
pub const PATIENCE_ATTEMPTS: i32 = 20;
/// … or if this many events went through the whole schedule in vain.
pub const EXHAUSTED_MAX: i32 = 3;

/// Why an endpoint was disabled after days of failures.
pub const FAILING: &str = "failing";
/// Why an endpoint was disabled after events were given up.
pub const EXHAUSTED: &str = "exhausted";

/// What an attempt says about the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered.
    Good,
    /// Refused with a status below 500: alive, but failing.
    Refused,
    /// No answer, or a 5xx.
    Down,
    /// Nothing: the fault is ours.
    NotTheirs,
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// How.
    pub outcome: Outcome,
    /// It was the last one of the schedule.
    pub exhausted: bool,
    /// It was to find out whether the receiver is back.
    pub probe: bool,
}

/// Whether something may be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// All is well.
    Closed,
    /// Nothing until then.
    Open {
        /// In milliseconds since 1970.
        until_ms: i64,
    },
    /// One probe.
    HalfOpen,
}

/// What changed by an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that anybody has to know.
    None,
    /// The breaker opened, or opened again.
    Opened {
        /// For how long, in milliseconds.
        for_ms: i64,
    },
    /// The breaker closed.
    Closed,
    /// Half of the patience is gone.
    Warned,
    /// The patience is gone: disable it for this reason.
    GivenUp(&'static str),
}

/// The health of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Since when it has only failed.
    pub failing_since: Option<i64>,
    /// Attempts that have failed since then.
    pub failed_attempts: i32,
    /// Events that were given up since then.
    pub exhausted_events: i32,
    /// Attempts in a row that brought no answer, or a 5xx.
    pub failures_in_a_row: i32,
    /// How often in a row the breaker has opened.
    pub breaker_opens: i32,
    /// Until when the breaker is open; past, until a probe has gone well.
    pub breaker_until: Option<i64>,
    /// When the owner was warned.
    pub warned_at: Option<i64>,
}

impl From<&Model> for Health {
    fn from(row: &Model) -> Self {
        Self {
            failing_since: row.first_failure_at,
            failed_attempts: row.failed_attempts,
            exhausted_events: row.exhausted_events,
            failures_in_a_row: row.failures_in_a_row,
            breaker_opens: row.breaker_opens,
            breaker_until: row.breaker_until,
            warned_at: row.warned_at,
        }
    }
}

impl Health {
    /// Into the row it was read from.
    pub const fn store(self, row: &mut Model) {
        row.first_failure_at = self.failing_since;
        row.failed_attempts = self.failed_attempts;
        row.exhausted_events = self.exhausted_events;
        row.failures_in_a_row = self.failures_in_a_row;
        row.breaker_opens = self.breaker_opens;
        row.breaker_until = self.breaker_until;
        row.warned_at = self.warned_at;
    }

    /// Whether there is nothing to remember.
    pub fn is_well(&self) -> bool {
        *self == Self::default()
    }

    /// Whether something may be posted at `now_ms`.
    pub const fn gate(&self, now_ms: i64) -> Gate {
        match self.breaker_until {
            None => Gate::Closed,
            Some(until_ms) if now_ms < until_ms => Gate::Open { until_ms },
            Some(_) => Gate::HalfOpen,
        }
    }

    /// When it is disabled if it goes on failing; only told once the owner was warned.
    pub fn given_up_at(&self) -> Option<i64> {
        self.warned_at?;
        Some(self.failing_since?.saturating_add(ms(PATIENCE)))
    }

    /// Learn from an attempt that ended at `now_ms`.
    pub fn learn(&mut self, attempted: Attempted, now_ms: i64) -> Change {
        let was_open = self.breaker_until.is_some();
        match attempted.outcome {
            Outcome::NotTheirs => {
                if attempted.probe {
                    // Nothing was found out: the next one may be posted at once.
                    self.breaker_until = Some(now_ms);
                }
                return Change::None;
            }
            Outcome::Good => {
                *self = Self::default();
                return if was_open {
                    Change::Closed
                } else {
                    Change::None
                };
            }
            Outcome::Refused | Outcome::Down => {}
        }
        self.failing_since.get_or_insert(now_ms);
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        self.exhausted_events += i32::from(attempted.exhausted);
        let breaker = if attempted.outcome == Outcome::Down {
            self.down(now_ms, attempted.probe)
        } else {
            self.failures_in_a_row = 0;
            self.breaker_opens = 0;
            self.breaker_until = None;
            if was_open {
                Change::Closed
            } else {
                Change::None
            }
        };
        self.patience(now_ms).unwrap_or(breaker)
    }

    fn down(&mut self, now_ms: i64, probe: bool) -> Change {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        match self.gate(now_ms) {
            // It was on its way when the breaker opened.
            Gate::Open { .. } if !probe => return Change::None,
            Gate::Closed if self.failures_in_a_row < OPENS_AFTER => return Change::None,
            Gate::Open { .. } | Gate::Closed | Gate::HalfOpen => {}
        }
        let doublings = u32::try_from(self.breaker_opens).unwrap_or(0).min(16);
        let for_ms = ms(OPEN_MIN.saturating_mul(1 << doublings).min(OPEN_MAX));
        self.breaker_opens = self.breaker_opens.saturating_add(1);
        self.breaker_until = Some(now_ms.saturating_add(for_ms));
        Change::Opened { for_ms }
    }

    fn patience(&mut self, now_ms: i64) -> Option<Change> {
        let failing_for = now_ms.saturating_sub(self.failing_since?);
        if self.exhausted_events >= EXHAUSTED_MAX {
            return Some(Change::GivenUp(EXHAUSTED));
        }
        if failing_for >= ms(PATIENCE) && self.failed_attempts >= PATIENCE_ATTEMPTS {
            return Some(Change::GivenUp(FAILING));
        }
        let half = failing_for >= ms(PATIENCE) / 2 && self.failed_attempts >= PATIENCE_ATTEMPTS / 2;
        let half = half || self.exhausted_events > EXHAUSTED_MAX / 2;
        if half && self.warned_at.is_none() {
            self.warned_at = Some(now_ms);
            return Some(Change::Warned);
        }
        None
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn attempted(outcome: Outcome) -> Attempted {
        Attempted {
            outcome,
            exhausted: false,
            probe: false,
        }
    }

    fn down(health: &mut Health, now_ms: i64) -> Change {
        health.learn(attempted(Outcome::Down), now_ms)
    }

    /// Four failures at 0, and the fifth, which opens it.
    fn opened() -> Health {
        let mut health = Health::default();
        for _ in 0..4 {
            assert_eq!(down(&mut health, 0), Change::None);
            assert_eq!(health.gate(0), Gate::Closed);
        }
        let for_ms = 30 * SECOND;
        assert_eq!(down(&mut health, 0), Change::Opened { for_ms });
        health
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_the_breaker_for_half_a_minute() {
        let health = opened();
        let until_ms = 30 * SECOND;
        assert_eq!(health.gate(until_ms - 1), Gate::Open { until_ms });
        assert_eq!(health.gate(until_ms), Gate::HalfOpen);
    }

    #[test]
    fn a_failed_probe_doubles_the_time_up_to_ten_minutes() {
        let mut health = opened();
        let mut waits = Vec::new();
        for _ in 0..7 {
            let now = health.breaker_until.unwrap();
            down(&mut health, now);
            waits.push((health.breaker_until.unwrap() - now) / SECOND);
        }
        assert_eq!(waits, [60, 120, 240, 480, 600, 600, 600]);
    }

    #[test]
    fn what_was_on_its_way_when_it_opened_does_not_prolong_it() {
        let mut health = opened();
        assert_eq!(down(&mut health, SECOND), Change::None);
        assert_eq!(health.breaker_until, Some(30 * SECOND));
        assert_eq!(health.failures_in_a_row, 6);
    }

    #[test]
    fn a_success_closes_the_breaker_and_forgets_everything() {
        let mut health = opened();
        let good = health.learn(attempted(Outcome::Good), 30 * SECOND);
        assert_eq!(good, Change::Closed);
        assert!(health.is_well());
    }

    #[test]
    fn an_answer_below_500_closes_the_breaker_but_is_still_a_failure() {
        let mut health = opened();
        let refused = health.learn(attempted(Outcome::Refused), 30 * SECOND);
        assert_eq!(refused, Change::Closed);
        assert_eq!(health.gate(30 * SECOND), Gate::Closed);
        assert_eq!((health.failed_attempts, health.failing_since), (6, Some(0)));
        for _ in 0..20 {
            health.learn(attempted(Outcome::Refused), 30 * SECOND);
        }
        assert_eq!(health.gate(30 * SECOND), Gate::Closed, "it never opens it");
    }

    #[test]
    fn a_fault_of_ours_says_nothing_about_the_endpoint() {
        let mut health = Health::default();
        health.learn(attempted(Outcome::NotTheirs), 0);
        assert!(health.is_well());
    }

    #[test]
    fn after_five_days_of_failures_and_twenty_attempts_it_is_given_up_with_a_warning_at_half_time()
    {
        let mut health = Health::default();
        let mut told = Vec::new();
        for hour in 0..=120 {
            let change = health.learn(attempted(Outcome::Refused), hour * HOUR);
            if change != Change::None {
                told.push((hour, change));
            }
        }
        assert_eq!(
            told,
            [(60, Change::Warned), (120, Change::GivenUp(FAILING))]
        );
        assert_eq!(health.given_up_at(), Some(120 * HOUR));
    }

    #[test]
    fn five_days_with_few_attempts_are_no_reason_to_give_up() {
        let mut health = Health::default();
        for day in 0..19 {
            let change = health.learn(attempted(Outcome::Refused), day * 24 * HOUR);
            assert!(!matches!(change, Change::GivenUp(_)), "day {day}");
        }
        let twentieth = health.learn(attempted(Outcome::Refused), 19 * 24 * HOUR);
        assert_eq!(twentieth, Change::GivenUp(FAILING));
    }

    #[test]
    fn the_third_event_that_was_tried_in_vain_is_the_last() {
        let mut health = Health::default();
        let exhausted = Attempted {
            outcome: Outcome::Refused,
            exhausted: true,
            probe: false,
        };
        assert_eq!(health.learn(exhausted, 0), Change::None);
        assert_eq!(health.learn(exhausted, 0), Change::Warned);
        assert_eq!(health.learn(exhausted, 0), Change::GivenUp(EXHAUSTED));

        let mut recovered = Health::default();
        recovered.learn(exhausted, 0);
        recovered.learn(exhausted, 0);
        recovered.learn(attempted(Outcome::Good), 0);
        assert_eq!(
            recovered.learn(exhausted, 0),
            Change::None,
            "it starts anew"
        );
    }
}
