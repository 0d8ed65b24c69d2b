//! Everything that exists: people, phones, linked devices, queues, and who is connected right now.
//!
//! A step (one stanza, one control call) gets `&mut World`, changes tables and fills the outbox. It must never
//! block, and it must refuse before it changes anything: what it changed is committed even when it fails.
//! Called by the hub; areas add their own tables as a field with `tables()`.

pub(crate) mod live;
pub(crate) mod people;
pub(crate) mod queue;

use std::collections::HashMap;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wacore_binary::Node;

use crate::areas;
use crate::areas::faults::{self, Fate};
use crate::jids::{DeviceKey, Pn};
use crate::keys::ServerSecrets;
use crate::store::{Blob, Persist, Secret, Table};
use live::{ConnId, Live};
use people::{Account, Device};
use queue::Queued;

/// The row about the world itself.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    secrets: ServerSecrets,
    /// Starts so far. Part of the seed, so that a restart never draws the same numbers again.
    starts: u64,
}

/// Totals since this process started.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Counters {
    /// Frames in and out, after the handshake.
    pub(crate) frames: u64,
    pub(crate) logins: u64,
    /// Logins that pushed an older connection of the same device out.
    pub(crate) replaced: u64,
    /// Signal messages whose (sender key, counter) pair had been used before. Must stay 0, and survives a restart.
    pub(crate) counter_reuse: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    /// The time of this step.
    pub(crate) now_ms: u64,
    /// The only source of randomness in the world.
    pub(crate) rng: StdRng,
    pub(crate) accounts: Table<Pn, Account>,
    pub(crate) devices: Table<DeviceKey, Device>,
    /// One-time pre-keys of linked devices, by id.
    pub(crate) prekeys: Table<(DeviceKey, u32), Secret>,
    /// Stanzas that a linked device has not acknowledged, in order.
    pub(crate) queue: Table<(DeviceKey, u64), Queued>,
    pub(crate) areas: areas::Tables,
    pub(crate) live: Live,
    pub(crate) counters: Counters,
    /// The next free place in each queue. Not kept: a restart goes on after the last row, and a place that was freed
    /// before it can be used again, since no connection of before remembers it.
    queue_ends: HashMap<DeviceKey, u64>,
    /// LID → person; follows from `accounts`.
    lids: HashMap<u64, Pn>,
    meta: Table<u8, Meta>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now_ms: 0,
            rng: StdRng::from_seed([0; 32]),
            accounts: Table::new("accounts"),
            devices: Table::new("devices"),
            prekeys: Table::new("prekeys"),
            queue: Table::new("queue"),
            areas: areas::Tables::new(),
            live: Live::default(),
            counters: Counters::default(),
            queue_ends: HashMap::new(),
            lids: HashMap::new(),
            meta: Table::new("meta"),
        }
    }

    /// Every table, for the journal.
    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        let mut tables: Vec<&mut dyn Persist> = vec![
            &mut self.accounts,
            &mut self.devices,
            &mut self.prekeys,
            &mut self.queue,
            &mut self.meta,
        ];
        tables.extend(self.areas.tables());
        tables
    }

    /// Called once, after the tables are loaded: seeds the generator, makes the server's keys if there are none.
    pub(crate) fn begin(&mut self, seed: [u8; 32]) -> ServerSecrets {
        let starts = self.meta.get(&0).map_or(0, |meta| meta.starts) + 1;
        let mut hash = Sha256::new();
        hash.update(seed);
        hash.update(starts.to_be_bytes());
        self.rng = StdRng::from_seed(hash.finalize().into());
        self.lids = self
            .accounts
            .iter()
            .map(|(pn, account)| (account.lid, *pn))
            .collect();
        self.areas.index();
        self.counters.counter_reuse = areas::reuse::total(&self.areas.spent_counters);
        let secrets = match self.meta.get(&0) {
            Some(meta) => meta.secrets.clone(),
            None => ServerSecrets::generate(&mut self.rng),
        };
        self.meta.insert(
            0,
            Meta {
                secrets: secrets.clone(),
                starts,
            },
        );
        secrets
    }

    /// Seconds, as stanzas count time.
    pub(crate) fn now_s(&self) -> u64 {
        self.now_ms / 1000
    }

    /// Random bytes from the world's generator.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        use rand::Rng as _;
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// An id for a stanza or message that the server or a phone makes.
    pub(crate) fn new_id(&mut self) -> String {
        format!("3A{}", hex::encode_upper(self.random::<9>()))
    }

    /// Puts a stanza into the outbox of one connection.
    pub(crate) fn send(&mut self, conn: ConnId, node: &Node) {
        let Some(Blob(frame)) = Self::encode(node) else {
            return;
        };
        match faults::outgoing(self, conn, node) {
            Fate::Sent => self.live.push(conn, frame),
            Fate::Lost => {}
            Fate::Twice => {
                self.live.push(conn, frame.clone());
                self.live.push(conn, frame);
            }
            Fate::Delayed(by) => self.live.push_late(conn, frame, by),
            Fate::Overtaken => match faults::hold(self, conn, frame) {
                Ok(()) => return,
                Err(frame) => self.live.push(conn, frame),
            },
        }
        if let Some(frame) = faults::overtaken(self, conn) {
            self.live.push(conn, frame);
        }
    }

    /// Encodes a stanza the way the queue keeps it.
    pub(crate) fn encode(node: &Node) -> Option<Blob> {
        match wacore_binary::marshal(node) {
            Ok(frame) => Some(Blob(frame)),
            Err(error) => {
                tracing::error!(tag = %node.tag, %error, "a stanza cannot be encoded");
                None
            }
        }
    }
}
