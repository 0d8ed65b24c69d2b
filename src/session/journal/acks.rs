//! How far own messages have come, as writes that share a transaction tell it.
//!
//! Pure. [`super::commit`] asks by it which rows may rise, and raises them.

use std::collections::{BTreeMap, HashMap};

use super::{
    Write,
    plan::{Plan, Told},
};
use crate::{
    db::messages::Own,
    domain::{
        event::{AckData, ErrorData, Event},
        message::Ack,
    },
};

/// How far own messages have come, by WhatsApp's id: the lowest first.
#[derive(Debug, Default)]
pub(super) struct Acks<'a>(HashMap<&'a str, BTreeMap<Ack, Option<&'a ErrorData>>>);

impl<'a> Acks<'a> {
    pub(super) fn of_writes(writes: &'a [Write]) -> Self {
        let mut acks = Self::default();
        for write in writes {
            if let Write::Acks { ids, ack, error } = write {
                for id in ids {
                    let of = acks.0.entry(id).or_default();
                    of.insert(*ack, error.as_ref());
                }
            }
        }
        acks
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<&'a str> {
        self.0.keys().copied().collect()
    }

    /// What is below this may have to be raised.
    pub(super) fn highest(&self) -> i16 {
        let all = self.0.values().flat_map(BTreeMap::keys);
        all.map(|ack| ack.number().max(Ack::Server.number()))
            .max()
            .unwrap_or(0)
    }

    /// Each step of one message.
    pub(super) fn of(
        &self,
        message_id: &str,
    ) -> impl Iterator<Item = (Ack, Option<&'a ErrorData>)> {
        let of = self.0.get(message_id).into_iter().flatten();
        of.map(|(ack, error)| (*ack, *error))
    }
}

impl Plan {
    /// Raises own messages as far as `acks` say, and tells each step.
    pub(super) fn raise(&mut self, rows: &[Own], acks: &Acks<'_>) -> Result<(), serde_json::Error> {
        for row in rows {
            let mut reached = row.ack;
            for (ack, error) in acks.of(&row.message_id) {
                let rises = match ack {
                    Ack::Error => reached == Ack::Pending.number(),
                    _ => reached < ack.number(),
                };
                if !rises {
                    continue;
                }
                reached = ack.number();
                self.told.push(Told::of(&Event::MessageAck(AckData {
                    message_id: row.message_id.clone(),
                    chat: row.chat.clone(),
                    ack: ack.number(),
                    ack_name: ack,
                    error: error.cloned(),
                }))?);
            }
            if reached != row.ack {
                self.acks.entry(reached).or_default().push(row.id);
                self.answered.extend(row.outgoing);
            }
        }
        Ok(())
    }
}
