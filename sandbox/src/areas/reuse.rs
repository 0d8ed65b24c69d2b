//! The oracle for a promise that only an outsider can check: no (sender key, counter) pair is ever used twice.
//!
//! A message key follows from the sender's ratchet key and a counter. Two different messages under one pair would give
//! both away. Nothing has to be decrypted for this: the header says it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wacore_binary::Node;
use wacore_libsignal::protocol::{PreKeySignalMessage, SenderKeyMessage, SignalMessage};

use crate::jids::DeviceKey;
use crate::stanza::{attr, bytes};
use crate::store::{Secret, Table};
use crate::world::World;

/// Counters seen under one sender key.
pub(super) type SpentCounters = Table<(DeviceKey, Secret), Spent>;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Inclusive ranges, in order: counters mostly come one after the other.
    ranges: Vec<(u32, u32)>,
    last: u32,
    /// Hash of the last ciphertext: the very same bytes sent again are no reuse.
    last_hash: u64,
    /// Uses of a counter that was spent.
    reused: u64,
}

/// All reuses that were ever seen, also before a restart.
pub(crate) fn total(spent: &SpentCounters) -> u64 {
    spent.iter().map(|(_, row)| row.reused).sum()
}

/// Notes the ciphertext of an `<enc>` from a device; `scope` is the group of a sender key.
pub(super) fn note(world: &mut World, from: DeviceKey, scope: &str, enc: &Node) {
    let Some(sealed) = bytes(enc) else { return };
    let Some((key, counter)) = header(attr(enc, "type").as_deref(), scope, &sealed) else {
        return;
    };
    let hash = first_8(&Sha256::digest(&sealed));
    let spent = &mut world.areas.spent_counters;
    if !spent.contains(&(from, key)) {
        spent.insert((from, key), Spent::default());
    }
    let Some(row) = spent.get_mut(&(from, key)) else {
        return;
    };
    if !row.add(counter, hash) {
        row.reused += 1;
        world.counters.counter_reuse += 1;
        tracing::error!(device = ?from, counter, "a Signal counter was used twice");
    }
}

impl Spent {
    /// False when this counter was used before for something else.
    fn add(&mut self, counter: u32, hash: u64) -> bool {
        let at = self.ranges.partition_point(|(_, end)| *end < counter);
        let seen = self
            .ranges
            .get(at)
            .is_some_and(|(start, _)| *start <= counter);
        if seen {
            return self.last == counter && self.last_hash == hash;
        }
        (self.last, self.last_hash) = (counter, hash);
        self.ranges.insert(at, (counter, counter));
        if at + 1 < self.ranges.len() && self.ranges[at + 1].0 == counter + 1 {
            self.ranges[at].1 = self.ranges[at + 1].1;
            self.ranges.remove(at + 1);
        }
        if at > 0 && self.ranges[at - 1].1 + 1 == counter {
            self.ranges[at - 1].1 = self.ranges[at].1;
            self.ranges.remove(at);
        }
        true
    }
}

fn header(kind: Option<&str>, scope: &str, sealed: &[u8]) -> Option<(Secret, u32)> {
    let of = |m: &SignalMessage| {
        let key = Secret::from_slice(m.sender_ratchet_key().public_key_bytes())?;
        Some((key, m.counter()))
    };
    match kind? {
        "msg" => of(&SignalMessage::try_from(sealed).ok()?),
        "pkmsg" => of(PreKeySignalMessage::try_from(sealed).ok()?.message()),
        "skmsg" => {
            let message = SenderKeyMessage::try_from(sealed).ok()?;
            let mut hash = Sha256::new();
            hash.update(scope.as_bytes());
            hash.update(message.chain_id().to_be_bytes());
            Some((Secret(hash.finalize().into()), message.iteration()))
        }
        _ => None,
    }
}

fn first_8(hash: &[u8]) -> u64 {
    hash.iter().take(8).fold(0, |n, b| (n << 8) | u64::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_spent_once_in_any_order() {
        let mut spent = Spent::default();
        for counter in [0, 1, 2, 70, 65, 66, 69, 68, 67, 3] {
            assert!(spent.add(counter, u64::from(counter)), "{counter}");
        }
        assert_eq!(spent.ranges, [(0, 3), (65, 70)]);
        for counter in [0, 2, 65, 70] {
            assert!(!spent.add(counter, 99), "{counter}");
        }
    }

    #[test]
    fn the_very_same_bytes_sent_again_are_no_reuse() {
        let mut spent = Spent::default();
        assert!(spent.add(5, 1));
        assert!(spent.add(5, 1));
        assert!(!spent.add(5, 2));
    }
}
