//! The limit on sign-ins that fail; `service::rates` limits requests.
//!
//! Owns counters in memory, each with a bound. A restart forgets them, which costs an attacker more than it gives.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::Error;
use crate::domain::clock::SharedClock;

/// Keys of one map before the idle ones are dropped.
const MAX_KEYS: usize = 10_000;

/// Failures before a wait begins.
const FREE_FAILURES: u32 = 5;

/// After how long without a try a few failures are forgotten.
const FORGET: Duration = Duration::from_mins(1);

/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(15);

/// The longest wait. There is no lock-out.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// The network a client counts as: its address, or its /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Slows down whoever guesses passwords.
#[derive(Debug, Clone)]
pub struct LoginThrottle {
    clock: SharedClock,
    tries: Arc<Mutex<Tries>>,
}

#[derive(Debug, Default)]
struct Tries {
    by_address: HashMap<IpAddr, Failures>,
    by_account: HashMap<String, Failures>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: i64,
    until: i64,
}

impl Failures {
    fn add(&mut self, now: i64) {
        if self.forgotten(now) {
            *self = Self::default();
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
        if let Some(doublings) = self.count.checked_sub(FREE_FAILURES) {
            let wait = FIRST_WAIT
                .saturating_mul(2_u32.saturating_pow(doublings.min(16)))
                .min(LONGEST_WAIT);
            self.until = now + millis(wait);
        }
    }

    /// A wait counts as long again as it lasted, so that the doubling does not start anew at its end.
    fn forgotten(&self, now: i64) -> bool {
        let quiet = millis(FORGET).max(2 * (self.until - self.last));
        now - self.last >= quiet
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl LoginThrottle {
    /// Nobody has failed yet.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            tries: Arc::default(),
        }
    }

    /// Counts a try before it is made, so that many at once gain nothing.
    ///
    /// An address waits for its own failures. It waits for the account's failures only once it has failed itself:
    /// whoever floods an account does not keep its owner out.
    pub fn begin(&self, address: IpAddr, account: &str) -> Result<(), Error> {
        let now = self.clock.now_ms();
        let address = network(address);
        let account = account.to_lowercase();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let Tries {
            by_address,
            by_account,
        } = &mut *tries;
        let own = by_address
            .get(&address)
            .copied()
            .filter(|failures| !failures.forgotten(now));
        let mut until = own.map_or(0, |failures| failures.until);
        if own.is_some()
            && let Some(account) = by_account.get(&account)
        {
            until = until.max(account.until);
        }
        if until > now {
            return Err(Error::RateLimited {
                retry_after: Duration::from_millis(u64::try_from(until - now).unwrap_or_default()),
            });
        }
        make_room(by_address, now);
        by_address.entry(address).or_default().add(now);
        make_room(by_account, now);
        by_account.entry(account).or_default().add(now);
        Ok(())
    }

    /// Forgets the failures of whoever has just proved the password.
    pub fn succeeded(&self, address: IpAddr, account: &str) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.by_address.remove(&network(address));
        tries.by_account.remove(&account.to_lowercase());
    }
}

/// Keeps a map below its bound: what is forgotten goes first, then what has been quiet longest.
fn make_room<K: Clone + Eq + Hash>(map: &mut HashMap<K, Failures>, now: i64) {
    if map.len() < MAX_KEYS {
        return;
    }
    map.retain(|_, failures| !failures.forgotten(now));
    if map.len() < MAX_KEYS {
        return;
    }
    let oldest = map
        .iter()
        .min_by_key(|(_, failures)| failures.last)
        .map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::HandClock;

    fn address(n: u16) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from(0xC633_0000 | u32::from(n)))
    }

    fn wait_of(result: Result<(), Error>) -> Duration {
        match result {
            Err(Error::RateLimited { retry_after }) => retry_after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_sixth_try_of_an_address_waits_and_each_further_one_twice_as_long() {
        let clock = HandClock::shared();
        let throttle = LoginThrottle::new(clock.clone());
        for _ in 0..FREE_FAILURES {
            throttle.begin(address(1), "ann").unwrap();
        }
        let mut expected = FIRST_WAIT;
        for _ in 0..4 {
            let wait = wait_of(throttle.begin(address(1), "ann"));
            assert_eq!(wait, expected);
            clock.advance(wait);
            throttle.begin(address(1), "ann").unwrap();
            expected *= 2;
        }
    }

    #[test]
    fn a_flood_on_an_account_does_not_keep_a_fresh_address_out() {
        let throttle = LoginThrottle::new(HandClock::shared());
        for n in 0..1000 {
            throttle.begin(address(n), "ann").unwrap();
        }
        wait_of(throttle.begin(address(3), "ann"));
        throttle.begin(address(5000), "ann").unwrap();
        throttle.succeeded(address(5000), "ann");
        throttle.begin(address(3), "ann").unwrap();
    }

    #[test]
    fn the_addresses_of_one_v6_network_count_as_one() {
        let throttle = LoginThrottle::new(HandClock::shared());
        for n in 0..FREE_FAILURES {
            let address = format!("2001:db8::{n}").parse().unwrap();
            throttle.begin(address, "ann").unwrap();
        }
        wait_of(throttle.begin("2001:db8::ffff".parse().unwrap(), "bob"));
        throttle
            .begin("2001:db8:0:1::1".parse().unwrap(), "bob")
            .unwrap();
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let throttle = LoginThrottle::new(HandClock::shared());
        for n in 0..u16::try_from(MAX_KEYS + 500).unwrap() {
            throttle.begin(address(n), &n.to_string()).unwrap();
        }
        let tries = throttle.tries.lock().unwrap();
        assert_eq!(tries.by_address.len(), MAX_KEYS);
        assert_eq!(tries.by_account.len(), MAX_KEYS);
    }
}
