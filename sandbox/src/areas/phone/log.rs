//! What a person has sent and received, as the phone itself decrypted it.

use std::collections::HashMap;

use buffa::Message as _;
use serde::{Deserialize, Serialize};
use waproto::whatsapp as wa;

use crate::areas::messages::Chat;
use crate::areas::receipts::Slip;
use crate::jids::{DeviceKey, Pn};
use crate::store::{Blob, Table};
use crate::world::World;

/// The logs of all phones.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) entries: Table<(Pn, u64), Entry>,
    /// Follows from `entries`.
    by_id: HashMap<(Pn, String), u64>,
}

/// One message on the screen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// Who wrote it, and with which device.
    pub(crate) from: DeviceKey,
    /// The receiver's number, or the group's address.
    pub(crate) to: String,
    pub(crate) at_ms: u64,
    /// The encoded `Message`.
    content: Blob,
    pub(crate) receipts: Vec<ReceiptRow>,
}

/// Somebody's device has got, read or played it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptRow {
    pub(crate) device: DeviceKey,
    pub(crate) kind: String,
    pub(crate) at_ms: u64,
}

impl Entry {
    pub(crate) fn new(
        world: &World,
        id: &str,
        from: DeviceKey,
        chat: &Chat,
        message: &wa::Message,
    ) -> Self {
        let to = match chat {
            Chat::Person(pn) => pn.to_string(),
            Chat::Group(group) => group.to_string(),
        };
        Self {
            id: id.to_owned(),
            from,
            to,
            at_ms: world.now_ms,
            content: Blob(message.encode_to_vec()),
            receipts: Vec::new(),
        }
    }

    /// The same, written at another time.
    pub(crate) fn at(self, at_ms: u64) -> Self {
        Self { at_ms, ..self }
    }

    pub(crate) fn message(&self) -> wa::Message {
        wa::Message::decode_from_slice(&self.content.0).unwrap_or_default()
    }
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            entries: Table::new("phone_log"),
            by_id: HashMap::new(),
        }
    }

    /// Called once, after the tables are loaded.
    pub(crate) fn index(&mut self) {
        let ids = self
            .entries
            .iter()
            .map(|((pn, n), entry)| ((*pn, entry.id.clone()), *n));
        self.by_id = ids.collect();
    }

    /// Adds an entry; one with an id that is known already is the same message and is not added.
    pub(crate) fn add(&mut self, pn: Pn, entry: Entry) {
        let id = (pn, entry.id.clone());
        if self.by_id.contains_key(&id) {
            return;
        }
        let last = self.entries.range((pn, 0)..=(pn, u64::MAX)).next_back();
        let number = last.map_or(1, |((_, n), _)| n + 1);
        self.by_id.insert(id, number);
        self.entries.insert((pn, number), entry);
    }

    pub(crate) fn find(&self, pn: Pn, id: &str) -> Option<&Entry> {
        let number = self.by_id.get(&(pn, id.to_owned()))?;
        self.entries.get(&(pn, *number))
    }

    /// Entries after a number, in order.
    pub(crate) fn after(&self, pn: Pn, after: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let range = (pn, after.saturating_add(1))..=(pn, u64::MAX);
        self.entries.range(range).map(|((_, n), entry)| (*n, entry))
    }
}

/// A receipt reaches the phone that sent the message.
pub(crate) fn receipt(world: &mut World, pn: Pn, slip: &Slip) {
    let row = ReceiptRow {
        device: slip.from,
        kind: slip.kind.word().to_owned(),
        at_ms: world.now_ms,
    };
    let log = &mut world.areas.phone.log;
    for id in &slip.ids {
        let Some(number) = log.by_id.get(&(pn, id.clone())) else {
            continue;
        };
        let known = |r: &ReceiptRow| r.device == row.device && r.kind == row.kind;
        let seen = log
            .entries
            .get(&(pn, *number))
            .is_some_and(|e| e.receipts.iter().any(known));
        if !seen && let Some(entry) = log.entries.get_mut(&(pn, *number)) {
            entry.receipts.push(row.clone());
        }
    }
}
