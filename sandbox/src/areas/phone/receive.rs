//! The phone receives: decrypt, remember, confirm.

use buffa::Message as _;
use wacore::messages::MessageUtils;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use super::log::Entry;
use super::signal::{self, SignalFault};
use super::{retry, share_app_state_key};
use crate::areas::history;
use crate::areas::messages::{Chat, Letter};
use crate::areas::receipts::{self, Kind, Slip};
use crate::jids::Pn;
use crate::stanza::{attr, bytes};
use crate::world::World;

/// A letter arrives at the phone of `pn`.
pub(crate) fn receive(world: &mut World, pn: Pn, letter: &Letter) {
    for enc in &letter.encs {
        let kind = attr(enc, "type").unwrap_or_default();
        let sealed = bytes(enc).unwrap_or_default();
        match open(world, pn, letter, &kind, &sealed) {
            Ok(message) => opened(world, pn, letter, message),
            Err(fault) => {
                tracing::info!(from = ?letter.from, %fault, "a phone cannot decrypt a message");
                retry::ask(world, pn, letter);
                return;
            }
        }
    }
}

fn open(
    world: &mut World,
    pn: Pn,
    letter: &Letter,
    kind: &str,
    sealed: &[u8],
) -> Result<wa::Message, SignalFault> {
    let plain = match (kind, &letter.chat) {
        ("skmsg", Chat::Group(group)) => {
            signal::decrypt_group(world, pn, &group.to_string(), letter.from, sealed)?
        }
        _ => signal::decrypt(world, pn, letter.from, kind, sealed)?,
    };
    let plain = MessageUtils::unpad_message_ref(&plain, 2).map_err(|_| SignalFault::Malformed)?;
    wa::Message::decode_from_slice(plain).map_err(|_| SignalFault::Malformed)
}

fn opened(world: &mut World, pn: Pn, letter: &Letter, mut message: wa::Message) {
    learn_sender_key(world, pn, letter, &message);
    // Only the person's own devices may say that something was sent on their behalf.
    let mut chat = letter.chat.clone();
    if letter.from.pn == pn
        && let Some(sent) = message.device_sent_message.take()
    {
        if let Some(to) = sent.destination_jid.and_then(|jid| jid.parse::<Jid>().ok()) {
            chat = match world.resolve(&to) {
                Some(key) => Chat::Person(key.pn),
                None => Chat::Group(to),
            };
        }
        message = sent.message.into_option().unwrap_or_default();
    }
    if letter.is_peer() {
        peer(world, pn, letter, &message);
        return;
    }
    if !is_content(&message) {
        return;
    }
    let entry = Entry::new(world, &letter.id, letter.from, &chat, &message);
    world.areas.phone.log.add(pn, entry);
    if letter.from.pn != pn {
        let slip = Slip {
            from: pn.phone(),
            chat: letter.chat.clone(),
            ids: vec![letter.id.clone()],
            kind: Kind::Delivered,
            lid: letter.lid,
        };
        receipts::tell(world, &slip, letter.from);
    }
}

fn learn_sender_key(world: &mut World, pn: Pn, letter: &Letter, message: &wa::Message) {
    let Some(distribution) = message.sender_key_distribution_message.as_option() else {
        return;
    };
    let Some(key) = &distribution.axolotl_sender_key_distribution_message else {
        return;
    };
    let group = match (&distribution.group_id, &letter.chat) {
        (Some(group), _) => group.clone(),
        (None, Chat::Group(group)) => group.to_string(),
        (None, Chat::Person(_)) => return,
    };
    if let Err(fault) = signal::learn_sender_key(world, pn, &group, letter.from, key) {
        tracing::warn!(from = ?letter.from, %fault, "a phone cannot learn a sender key");
    }
}

/// A message from one of the person's own devices about the account, not about a chat.
fn peer(world: &mut World, pn: Pn, letter: &Letter, message: &wa::Message) {
    let request = message.protocol_message.as_option();
    let asks_for_key = request.is_some_and(|p| p.app_state_sync_key_request.is_set());
    if letter.from.pn == pn && asks_for_key {
        share_app_state_key(world, letter.from);
    }
    let asked = request.and_then(|p| p.peer_data_operation_request_message.as_option());
    let asked = asked.and_then(|asked| asked.history_sync_on_demand_request.as_option());
    if letter.from.pn == pn
        && let Some(question) = asked
    {
        history::asked(world, (letter.from, &letter.id), question);
    }
}

/// A message that only carries keys is nothing that a person would see.
fn is_content(message: &wa::Message) -> bool {
    let mut rest = message.clone();
    rest.sender_key_distribution_message.take();
    rest.message_context_info.take();
    !rest.encode_to_vec().is_empty()
}
