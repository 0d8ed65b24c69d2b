//! A person's phone: device 0, which lives in the sandbox.
//!
//! It is a real Signal device: what it receives it decrypts itself, and what it writes is encrypted to every device
//! of the receiver. Its log is what the person would see on the screen.

mod about;
mod content;
mod kinds;
pub(super) mod log;
mod receive;
mod retry;
mod routes;
pub(super) mod send;
pub(super) mod signal;
pub(super) mod view;

use buffa::MessageField;
use waproto::whatsapp as wa;

use crate::areas::messages::Chat;
use crate::jids::{DeviceKey, Pn};
use crate::store::{Blob, Persist, Secret, Table};
use crate::world::World;

pub(super) use receive::receive;
pub(super) use retry::retry_asked;
pub(super) use routes::routes;

/// What phones keep.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Signal sessions: (whose phone, with which device).
    pub(crate) sessions: Table<(Pn, DeviceKey), Blob>,
    /// Private halves of one-time keys that were handed out.
    pub(crate) prekeys: Table<(Pn, u32), Secret>,
    /// Sender keys: (whose phone, group, which device's key).
    pub(crate) sender_keys: Table<(Pn, String, DeviceKey), Blob>,
    /// How often a phone asked for a message again: (whose phone, message, sender).
    pub(crate) retries: Table<(Pn, String, DeviceKey), u32>,
    pub(crate) log: log::Log,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            sessions: Table::new("phone_sessions"),
            prekeys: Table::new("phone_prekeys"),
            sender_keys: Table::new("phone_sender_keys"),
            retries: Table::new("phone_retries"),
            log: log::Log::new(),
        }
    }

    pub(super) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![
            &mut self.sessions,
            &mut self.prekeys,
            &mut self.sender_keys,
            &mut self.retries,
            &mut self.log.entries,
        ]
    }
}

/// The log of `own` says that somebody has written a text long ago. Gives its id.
pub(super) fn wrote_before(
    world: &mut World,
    own: Pn,
    (from, to): (Pn, Pn),
    text: &str,
    at_ms: u64,
) -> String {
    let id = world.new_id();
    let message = content::text_message(text, None);
    let chat = Chat::Person(to);
    let entry = log::Entry::new(world, &id, from.phone(), &chat, &message);
    world.areas.phone.log.add(own, entry.at(at_ms));
    id
}

/// The phone gives a newly linked device the key to the person's app state.
pub(super) fn share_app_state_key(world: &mut World, to: DeviceKey) {
    let Some(account) = world.accounts.get(&to.pn) else {
        return;
    };
    let key = &account.app_state_key;
    let data = wa::message::AppStateSyncKeyData {
        key_data: Some(key.data.0.to_vec()),
        fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
            raw_id: Some(account.adv_raw_id),
            current_index: Some(u32::from(account.last_device)),
            device_indexes: vec![0, u32::from(to.device)],
        }),
        timestamp: i64::try_from(key.created_ms).ok(),
    };
    let share = wa::message::AppStateSyncKeyShare {
        keys: vec![wa::message::AppStateSyncKey {
            key_id: MessageField::some(wa::message::AppStateSyncKeyId {
                key_id: Some(key.id.0.clone()),
            }),
            key_data: MessageField::some(data),
        }],
    };
    let message = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(share),
            ..Default::default()
        }),
        ..Default::default()
    };
    send::to_own_device(world, to, &message);
}
