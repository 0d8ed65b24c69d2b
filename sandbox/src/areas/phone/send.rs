//! The phone writes: one plaintext, one ciphertext for each device.

use buffa::{Message as _, MessageField};
use rand::RngExt as _;
use wacore::send::{media_type_from_message, should_hide_decrypt_fail, stanza_type_from_message};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp as wa;

use super::log::Entry;
use super::signal::{self, SignalFault};
use crate::areas::messages::{Chat, Letter, hand_over};
use crate::areas::trust;
use crate::jids::{DeviceKey, Pn};
use crate::world::World;

/// What the person sends.
pub(crate) struct Outgoing {
    pub(crate) id: String,
    pub(crate) message: wa::Message,
    /// `edit` of the stanza: `1` an edit, `7` a revoke, `8` one by an admin.
    pub(crate) edit: Option<&'static str>,
}

/// Writes to a person: to all their devices and to the writer's own linked devices.
pub(crate) fn to_person(world: &mut World, from: Pn, to: Pn, outgoing: &Outgoing) {
    let chat = Chat::Person(to);
    let entry = Entry::new(world, &outgoing.id, from.phone(), &chat, &outgoing.message);
    world.areas.phone.log.add(from, entry);
    let mut devices = world.devices_of(to);
    if to != from {
        devices.extend(world.devices_of(from));
    }
    for device in devices.into_iter().filter(|device| *device != from.phone()) {
        if let Err(fault) = to_device(world, from, device, to, outgoing, None) {
            tracing::warn!(?device, %fault, "a phone cannot write to a device");
        }
    }
    trust::wrote(world, from, to);
}

/// The same message for one device; `retry` counts how often it asked again.
pub(super) fn to_device(
    world: &mut World,
    from: Pn,
    device: DeviceKey,
    to: Pn,
    outgoing: &Outgoing,
    retry: Option<u32>,
) -> Result<(), SignalFault> {
    let enc = if device.pn == from {
        let copy = sent_copy(world, to, &outgoing.message);
        seal(world, from, device, &copy, retry)?
    } else {
        seal(world, from, device, &outgoing.message, retry)?
    };
    let kind = stanza_type_from_message(&outgoing.message);
    let mut attrs = vec![("type", kind.to_owned())];
    attrs.extend(outgoing.edit.map(|edit| ("edit", edit.to_owned())));
    let letter = Letter {
        from: from.phone(),
        id: outgoing.id.clone(),
        chat: Chat::Person(to),
        lid: true,
        attrs,
        encs: vec![enc],
        extras: Vec::new(),
    };
    hand_over(world, &letter, device);
    Ok(())
}

/// A message between the person's own devices, which is no chat message.
pub(crate) fn to_own_device(world: &mut World, to: DeviceKey, message: &wa::Message) {
    let sealed = seal(world, to.pn, to, message, None);
    let enc = match sealed {
        Ok(enc) => enc,
        Err(fault) => {
            tracing::warn!(device = ?to, %fault, "a phone cannot write to its own device");
            return;
        }
    };
    let letter = Letter {
        from: to.pn.phone(),
        id: world.new_id(),
        chat: Chat::Person(to.pn),
        lid: false,
        attrs: vec![("type", "text".to_owned()), ("category", "peer".to_owned())],
        encs: vec![enc],
        extras: Vec::new(),
    };
    hand_over(world, &letter, to);
}

/// The stanza's `edit` for a message that edits or revokes another.
pub(crate) fn edit_of(message: &wa::Message) -> Option<&'static str> {
    use wa::message::protocol_message::Type;
    match message.protocol_message.as_option()?.r#type? {
        Type::MESSAGE_EDIT => Some("1"),
        Type::REVOKE => {
            let key = message.protocol_message.as_option()?.key.as_option()?;
            Some(if key.from_me == Some(true) { "7" } else { "8" })
        }
        _ => None,
    }
}

/// What the writer's own linked devices get: the message and where it went.
fn sent_copy(world: &World, to: Pn, message: &wa::Message) -> wa::Message {
    wa::Message {
        device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
            destination_jid: Some(world.lid_jid(to.phone()).to_string()),
            message: MessageField::some(message.clone()),
            ..Default::default()
        }),
        message_context_info: message.message_context_info.clone(),
        ..Default::default()
    }
}

/// `<enc>` for one device.
pub(crate) fn seal(
    world: &mut World,
    from: Pn,
    device: DeviceKey,
    message: &wa::Message,
    retry: Option<u32>,
) -> Result<Node, SignalFault> {
    let plain = pad(world, message);
    let sealed = signal::encrypt(world, from, device, &plain)?;
    let mut enc = NodeBuilder::new("enc")
        .attr("v", "2")
        .attr("type", sealed.kind);
    let content = message
        .device_sent_message
        .as_option()
        .and_then(|s| s.message.as_option());
    let content = content.unwrap_or(message);
    if let Some(media) = media_type_from_message(content) {
        enc = enc.attr("mediatype", media);
    }
    if should_hide_decrypt_fail(content) {
        enc = enc.attr("decrypt-fail", "hide");
    }
    if let Some(count) = retry {
        enc = enc.attr("count", count.to_string());
    }
    Ok(enc.bytes(sealed.bytes).build())
}

/// 1 to 16 bytes, each of which says how many there are.
pub(crate) fn pad(world: &mut World, message: &wa::Message) -> Vec<u8> {
    let mut plain = message.encode_to_vec();
    let length: u8 = world.rng.random_range(1..=16);
    plain.extend(std::iter::repeat_n(length, usize::from(length)));
    plain
}
