//! How fast may be asked: a bucket for each address, credential and tenant, which empties with every request and fills with time.
//!
//! Owns counters in memory, bounded in number: a full bucket is the same as none. A restart forgets them.

use std::{fmt, hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use entity::ids::{ApiKeyId, UserId};
use governor::{
    Quota, RateLimiter, clock::Clock as _, middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::domain::{
    clock::SharedClock,
    principal::{Credential, Principal},
};

/// Buckets of one kind before the full ones are dropped.
const MAX_KEYS: usize = 10_000;

/// How fast a caller may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests may come at once.
    pub burst: NonZeroU32,
    /// How long it takes until one more may come.
    pub each: Duration,
}

impl Rate {
    /// So many at once, as many given back each minute. None at all counts as one.
    pub fn per_minute(requests: u32) -> Self {
        let burst = at_least_one(requests);
        Self {
            burst,
            each: Duration::from_mins(1) / burst.get(),
        }
    }

    /// `burst` at once, `requests` given back each second. None at all counts as one.
    pub fn per_second(requests: u32, burst: u32) -> Self {
        Self {
            burst: at_least_one(burst),
            each: Duration::from_secs(1) / at_least_one(requests).get(),
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::per_minute(1_200)
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// A credential as its bucket knows it. Nothing here opens anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Spender {
    /// Who has signed in, here or at the outer issuer: tokens come and go, and a new one is no new bucket.
    User(UserId),
    /// A key, of a user or of one session.
    Key(ApiKeyId),
    /// A link token, by its hash.
    Link(String),
    /// The operator's own word.
    Operator,
}

impl Spender {
    /// What stands for the credential of a caller.
    pub fn of(principal: &Principal) -> Self {
        match &principal.credential {
            Credential::AccessToken { .. } | Credential::Outer(_) => Self::User(principal.user),
            Credential::ApiKey(key) => Self::Key(*key),
            Credential::LinkToken(hash) => Self::Link(hash.clone()),
            Credential::Operator => Self::Operator,
        }
    }
}

/// What a caller has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many requests the bucket holds.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// Until the bucket is full again.
    pub reset: Duration,
    /// When to come back, if this request was one too many.
    pub retry_after: Option<Duration>,
}

type Buckets<K> = RateLimiter<K, DashMapStateStore<K>, ServiceTime, StateInformationMiddleware>;

/// One bucket for each key: a tenant, a credential, an address. Clones share the buckets.
#[derive(Clone)]
pub struct RateLimits<K: Hash + Eq + Clone> {
    rate: Rate,
    buckets: Arc<Buckets<K>>,
}

impl<K: Hash + Eq + Clone> fmt::Debug for RateLimits<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone> RateLimits<K> {
    /// Full buckets of this rate.
    pub fn new(rate: Rate, clock: SharedClock) -> Self {
        // A time of nothing would be no limit at all.
        let quota = Quota::with_period(rate.each.max(Duration::from_nanos(1)))
            .unwrap_or_else(|| Quota::per_minute(rate.burst))
            .allow_burst(rate.burst);
        let buckets = RateLimiter::dashmap_with_clock(quota, ServiceTime(clock))
            .with_middleware::<StateInformationMiddleware>();
        Self {
            rate,
            buckets: Arc::new(buckets),
        }
    }

    /// Takes one request out of the bucket of `key`.
    pub fn take(&self, key: &K) -> Allowance {
        if self.buckets.len() > MAX_KEYS {
            // A full bucket is the same as none.
            self.buckets.retain_recent();
        }
        let (limit, each) = (self.rate.burst.get(), self.rate.each);
        match self.buckets.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                Allowance {
                    limit,
                    remaining,
                    reset: each * limit.saturating_sub(remaining),
                    retry_after: None,
                }
            }
            Err(too_early) => Allowance {
                limit,
                remaining: 0,
                reset: each * limit,
                retry_after: Some(too_early.wait_time_from(self.buckets.clock().now())),
            },
        }
    }
}

/// The clock of the service, for the buckets.
#[derive(Debug, Clone)]
struct ServiceTime(SharedClock);

impl governor::clock::Clock for ServiceTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now_ms()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::HandClock;

    #[test]
    fn a_bucket_empties_refuses_and_fills_again() {
        let clock = HandClock::shared();
        let limits = RateLimits::new(Rate::per_minute(3), clock.clone());
        let (ann, bob) = (UserId::new(), UserId::new());
        let left: Vec<u32> = (0..3).map(|_| limits.take(&ann).remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limits.take(&ann).retry_after.unwrap();
        assert!(refused <= Duration::from_secs(20), "{refused:?}");
        assert_eq!(limits.take(&bob).retry_after, None);
        clock.advance(Duration::from_secs(20));
        assert_eq!(limits.take(&ann).retry_after, None);
    }

    #[test]
    fn a_rate_a_second_has_room_for_its_burst_and_then_gives_back_at_its_pace() {
        let clock = HandClock::shared();
        let limits = RateLimits::new(Rate::per_second(2, 4), clock.clone());
        assert!((0..4).all(|_| limits.take(&"door").retry_after.is_none()));
        assert!(limits.take(&"door").retry_after.is_some());
        clock.advance(Duration::from_millis(500));
        assert!(limits.take(&"door").retry_after.is_none());
        assert!(limits.take(&"door").retry_after.is_some());
    }
}
