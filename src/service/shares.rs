//! Whose request goes on when a node is busy: each tenant's in turn, by its weight.
//!
//! Owns the places for requests that are worked on. While there are some, a request takes one; when there are none, requests wait,
//! those of one tenant behind each other, and a place that is given back goes to the tenant that has had the least for its weight
//! (start-time fair queueing). One tenant never has them all. Must never hold a place for a request that only waits for WhatsApp:
//! see [`Turn::step_aside`]. Called by whoever lets callers in.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entity::ids::UserId;
use tokio::sync::oneshot;

/// Requests of one tenant that may wait.
const WAITING_MAX: usize = 1_024;

/// What a request of a tenant of weight 1 costs.
const COST: u64 = 1 << 20;

/// How many requests are worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places(pub usize);

impl Default for Places {
    fn default() -> Self {
        Self(64)
    }
}

/// Too many requests of the tenant wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// The places. Clones are the same.
#[derive(Debug, Clone)]
pub struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: usize,
    /// Of one tenant.
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Up to where everybody has been served.
    served: u64,
    /// Those that have or want a place.
    tenants: HashMap<UserId, Tenant>,
}

#[derive(Debug, Default)]
struct Tenant {
    taken: usize,
    /// When its last request is due.
    last: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    due: u64,
    tell: oneshot::Sender<Place>,
}

/// A place; it is given back when it is dropped.
#[derive(Debug)]
struct Place {
    inner: Arc<Inner>,
    tenant: UserId,
}

/// A request's turn. Clones are the same turn, which ends with the last of them, or before; the default is none.
#[derive(Debug, Clone, Default)]
pub struct Turn(Option<Arc<Mutex<Option<Place>>>>);

impl Turn {
    /// Gives the place back: from now on the request only waits.
    pub fn step_aside(&self) {
        if let Some(place) = &self.0 {
            let place = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(place);
        }
    }
}

impl Shares {
    /// So many places, of which one tenant has three in four at most.
    pub fn new(Places(places): Places) -> Self {
        let places = places.max(1);
        Self(Arc::new(Inner {
            places,
            most: (places * 3 / 4).max(1),
            state: Mutex::default(),
        }))
    }

    /// Waits for a place.
    pub async fn enter(&self, tenant: UserId, weight: u32) -> Result<Turn, Busy> {
        let waiting = {
            let mut state = self.0.state();
            let State {
                taken,
                served,
                tenants,
            } = &mut *state;
            let own = tenants.entry(tenant).or_default();
            own.last = own.last.max(*served) + COST / u64::from(weight.max(1));
            if *taken < self.0.places && own.taken < self.0.most {
                *taken += 1;
                own.taken += 1;
                None
            } else if own.waiting.len() >= WAITING_MAX {
                return Err(Busy);
            } else {
                let (tell, told) = oneshot::channel();
                let due = own.last;
                own.waiting.push_back(Waiting { due, tell });
                Some(told)
            }
        };
        let place = match waiting {
            None => self.0.place(tenant),
            Some(told) => told.await.map_err(|_| Busy)?,
        };
        Ok(Turn(Some(Arc::new(Mutex::new(Some(place))))))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self: &Arc<Self>, tenant: UserId) -> Place {
        Place {
            inner: Arc::clone(self),
            tenant,
        }
    }
}

impl State {
    /// Whoever is due first, of those who may have one more.
    fn next(&mut self, most: usize) -> Option<(UserId, Waiting)> {
        for own in self.tenants.values_mut() {
            // Whoever hung up wants none.
            while own.waiting.front().is_some_and(|one| one.tell.is_closed()) {
                own.waiting.pop_front();
            }
        }
        let able = self.tenants.iter().filter(|(_, own)| own.taken < most);
        let due = able.filter_map(|(id, own)| Some((own.waiting.front()?.due, *id)));
        let (due, id) = due.min()?;
        self.served = self.served.max(due);
        let own = self.tenants.get_mut(&id)?;
        let next = own.waiting.pop_front()?;
        own.taken += 1;
        self.taken += 1;
        Some((id, next))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut state = self.inner.state();
            state.taken -= 1;
            if let Some(own) = state.tenants.get_mut(&self.tenant) {
                own.taken -= 1;
            }
            let next = state.next(self.inner.most);
            // Others have left, too: those of whom all that waited have hung up.
            state
                .tenants
                .retain(|_, own| own.taken > 0 || !own.waiting.is_empty());
            next
        };
        if let Some((tenant, next)) = next {
            // One who has hung up since gives it back by dropping it.
            drop(next.tell.send(self.inner.place(tenant)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::BoxFuture};

    use super::*;

    type Asked = BoxFuture<'static, Result<Turn, Busy>>;

    fn ask(shares: &Shares, tenant: UserId, weight: u32) -> Asked {
        let shares = shares.clone();
        let mut asked = async move { shares.enter(tenant, weight).await }.boxed();
        // Asks in the order of the calls.
        assert!((&mut asked).now_or_never().is_none(), "it had to wait");
        asked
    }

    fn at_once(shares: &Shares, tenant: UserId) -> Turn {
        shares.enter(tenant, 1).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn one_tenant_never_has_all_places_and_a_place_comes_back() {
        let shares = Shares::new(Places(4));
        let (loud, quiet) = (UserId::new(), UserId::new());
        let turns: Vec<Turn> = (0..3).map(|_| at_once(&shares, loud)).collect();
        let waits = ask(&shares, loud, 1);
        drop(at_once(&shares, quiet));
        turns[0].step_aside();
        drop(turns);
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn whoever_came_late_with_little_is_served_before_whoever_waits_with_much() {
        let shares = Shares::new(Places(1));
        let (loud, quiet) = (UserId::new(), UserId::new());
        let first = at_once(&shares, loud);
        let many: Vec<Asked> = (0..10).map(|_| ask(&shares, loud, 1)).collect();
        let mut one = ask(&shares, quiet, 1);
        drop(first);
        let mut served = 0;
        for mut asked in many {
            if let Some(turn) = (&mut one).now_or_never() {
                drop(turn);
                break;
            }
            drop((&mut asked).now_or_never().expect("somebody has the place"));
            served += 1;
        }
        assert!(served <= 1, "{served} of the loud one came before");
    }

    #[test]
    fn twice_the_weight_is_twice_the_share() {
        let shares = Shares::new(Places(1));
        let (heavy, light) = (UserId::new(), UserId::new());
        let first = at_once(&shares, UserId::new());
        let mut waiting: Vec<(bool, Asked)> = Vec::new();
        for _ in 0..12 {
            waiting.push((true, ask(&shares, heavy, 2)));
            waiting.push((false, ask(&shares, light, 1)));
        }
        drop(first);
        let mut order = Vec::new();
        for _ in 0..9 {
            let mut served = None;
            waiting.retain_mut(|(is_heavy, asked)| {
                if served.is_some() {
                    return true;
                }
                served = asked.now_or_never().map(|turn| (*is_heavy, turn));
                served.is_none()
            });
            let (is_heavy, turn) = served.expect("somebody has the place");
            order.push(is_heavy);
            drop(turn);
        }
        let heavy = order.iter().filter(|is_heavy| **is_heavy).count();
        assert_eq!(heavy, 6, "{order:?}");
    }

    #[test]
    fn whoever_hangs_up_holds_nothing_and_too_many_are_refused() {
        let shares = Shares::new(Places(1));
        let tenant = UserId::new();
        let first = at_once(&shares, tenant);
        drop(ask(&shares, tenant, 1));
        drop(ask(&shares, UserId::new(), 1));
        let waits: Vec<Asked> = (1..WAITING_MAX).map(|_| ask(&shares, tenant, 1)).collect();
        assert!(matches!(
            shares.enter(tenant, 1).now_or_never(),
            Some(Err(Busy))
        ));
        drop(waits);
        drop(first);
        drop(at_once(&shares, tenant));
        assert!(shares.0.state().tenants.is_empty());
    }
}
