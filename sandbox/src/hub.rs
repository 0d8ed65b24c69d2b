//! The one door to the world: lock, step, journal, release, unlock.
//!
//! Called by sockets (stanzas) and by the control API. Nothing here waits for a socket: stanzas go into the
//! bounded channels of the writer tasks.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};
use wacore_binary::Node;
use wacore_libsignal::protocol::KeyPair;

use crate::areas;
use crate::areas::history::Order;
use crate::areas::media::Shelf;
use crate::clock::Clock;
use crate::dispatch::{Client, HandlerTable};
use crate::keys::ServerKeys;
use crate::noise::Established;
use crate::store::Journal;
use crate::world::World;
use crate::world::live::{ConnId, Out};

/// The sandbox has ended, or its journal could not be written: the world stands still, since nothing it said
/// could be kept.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the sandbox has stopped")]
pub(crate) struct Stopped;

#[derive(Debug, Clone)]
pub(crate) struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    handlers: HandlerTable,
    clock: Clock,
    keys: ServerKeys,
    shelf: Shelf,
}

#[derive(Debug)]
struct State {
    world: World,
    journal: Journal,
    stopped: bool,
}

impl Hub {
    pub(crate) fn new(
        world: World,
        journal: Journal,
        keys: ServerKeys,
        shelf: Shelf,
        clock: Clock,
    ) -> Self {
        let state = Mutex::new(State {
            world,
            journal,
            stopped: false,
        });
        Self(Arc::new(Inner {
            state,
            handlers: areas::handlers(),
            clock,
            keys,
            shelf,
        }))
    }

    pub(crate) fn keys(&self) -> &ServerKeys {
        &self.0.keys
    }

    /// Media: outside of the world, since it is read and written without the lock.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// One step: what `step` changed is on disk before anything it said leaves.
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut World) -> R) -> Result<R, Stopped> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            world,
            journal,
            stopped,
        } = &mut *state;
        if *stopped {
            return Err(Stopped);
        }
        world.now_ms = self.0.clock.now_ms();
        let result = step(world);
        if let Err(error) = journal.commit(world.tables()) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the sandbox stops"
            );
            world.live.abandon();
            *stopped = true;
            return Err(Stopped);
        }
        world.counters.frames += world.live.release();
        Ok(result)
    }

    /// The last step has been taken: the folder may be another's from now on, whoever still knows this hub.
    pub(crate) fn end(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stopped = true;
        state.journal = Journal::in_memory();
    }

    pub(crate) fn ephemeral(&self) -> Result<KeyPair, Stopped> {
        self.with(|world| KeyPair::generate(&mut world.rng))
    }

    /// A handshake is done: a login or the start of a pairing.
    pub(crate) fn open(
        &self,
        tx: mpsc::Sender<Out>,
        more: Arc<Notify>,
        established: &Established,
    ) -> Result<ConnId, Stopped> {
        self.with(|world| areas::login::open(world, tx, more, established))
    }

    /// Gives what is to be told of the past on its account.
    pub(crate) fn stanza(&self, conn: ConnId, node: &Node) -> Result<Vec<Order>, Stopped> {
        self.with(|world| {
            world.counters.frames += 1;
            if !areas::faults::incoming(world, conn, node) {
                return Vec::new();
            }
            match world.live.device_of(conn) {
                Some(device) => {
                    self.0
                        .handlers
                        .dispatch(world, Client { conn, device }, node);
                }
                None => areas::pairing::stanza(world, conn, node),
            }
            areas::history::orders(world)
        })
    }

    pub(crate) fn closed(&self, conn: ConnId) -> Result<(), Stopped> {
        self.with(|world| areas::login::closed(world, conn))
    }
}
