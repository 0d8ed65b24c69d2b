//! Status posts: what a person shows to people of their choice, under a key like a group's.
//!
//! There is no list of who sees a status: each post names its people, and reaches nobody else. What others say to one
//! goes to whoever posted it alone.

use std::collections::BTreeSet;

use wacore_binary::{Jid, Node};

use super::groups::{keys_by_device, note, spread};
use super::messages::{Chat, Letter, hand_over};
use super::phone::log::Entry;
use super::phone::send::{self, Outgoing};
use super::phone::signal::SignalFault;
use crate::dispatch::Client;
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, ack, jid};
use crate::world::World;

/// The chat of all status posts.
pub(crate) fn chat() -> Jid {
    Jid::status_broadcast()
}

/// Whether messages there name their writer beside the chat, as in a group.
pub(crate) fn is_shared(chat: &Jid) -> bool {
    use wacore_binary::JidExt as _;
    chat.is_group() || chat.is_status_broadcast()
}

/// `<message>` from a linked device to `status@broadcast`.
pub(crate) fn message(
    world: &mut World,
    client: Client,
    node: &Node,
    to: &Jid,
) -> Result<(), Refusal> {
    if *to != chat() {
        return Err(Refusal::NOT_FOUND);
    }
    let envelope = Letter::envelope(node, client.device, Chat::Group(to.clone()), true)
        .ok_or(Refusal::BAD_REQUEST)?;
    let mut keys = keys_by_device(world, node)?;
    let shared: Vec<Node> = node.get_children_by_tag("enc").cloned().collect();
    let only = jid(node, "participant").and_then(|address| world.resolve(&address));
    let devices: Vec<DeviceKey> = match only {
        // A message sent again to one device is for that device alone.
        Some(device) => vec![device],
        // What is said to a post is encrypted for the devices of its writer.
        None if shared.is_empty() => {
            let named: BTreeSet<DeviceKey> = keys.keys().copied().collect();
            named.into_iter().collect()
        }
        None => {
            let people: BTreeSet<Pn> = keys.keys().map(|device| device.pn).collect();
            let devices = people.into_iter().flat_map(|pn| world.devices_of(pn));
            devices.collect()
        }
    };
    let taken = ack(node, world.now_s(), None);
    world.send(client.conn, &taken);

    for enc in &shared {
        note(world, client.device, to, enc);
    }
    for device in devices {
        let pairwise = keys.remove(&device).unwrap_or_default();
        if device == client.device {
            continue;
        }
        for enc in &pairwise {
            note(world, client.device, to, enc);
        }
        let letter = Letter {
            encs: pairwise.into_iter().chain(shared.iter().cloned()).collect(),
            ..envelope.clone()
        };
        hand_over(world, &letter, device);
    }
    Ok(())
}

/// The person posts on the phone, or takes a post back, for `people`.
pub(crate) fn write(world: &mut World, from: Pn, people: &[Pn], outgoing: &Outgoing) {
    let everybody: BTreeSet<Pn> = people.iter().copied().chain([from]).collect();
    let devices = everybody.into_iter().flat_map(|pn| world.devices_of(pn));
    let devices: Vec<DeviceKey> = devices.filter(|device| *device != from.phone()).collect();
    remember(world, from, outgoing);
    if let Err(fault) = spread(world, from, &chat(), &devices, outgoing) {
        tracing::warn!(%fault, "a phone cannot post a status");
    }
}

/// The person reacts on the phone to a post of `author`.
pub(crate) fn react(world: &mut World, from: Pn, author: Pn, outgoing: &Outgoing) {
    remember(world, from, outgoing);
    for device in world.devices_of(author) {
        let enc = match send::seal(world, from, device, &outgoing.message, None) {
            Ok(enc) => enc,
            Err(fault) => {
                tracing::warn!(?device, %fault, "a phone cannot react to a status");
                continue;
            }
        };
        let letter = Letter {
            from: from.phone(),
            id: outgoing.id.clone(),
            chat: Chat::Group(chat()),
            lid: true,
            attrs: vec![("type", "reaction".to_owned())],
            encs: vec![enc],
            extras: Vec::new(),
        };
        hand_over(world, &letter, device);
    }
}

/// A device could not open what this phone posted: the key again, and the post under it.
pub(crate) fn resend(
    world: &mut World,
    from: Pn,
    to: DeviceKey,
    outgoing: &Outgoing,
) -> Result<(), SignalFault> {
    super::groups::forget_key(world, from, &chat(), to);
    spread(world, from, &chat(), &[to], outgoing)
}

fn remember(world: &mut World, from: Pn, outgoing: &Outgoing) {
    let place = Chat::Group(chat());
    let entry = Entry::new(world, &outgoing.id, from.phone(), &place, &outgoing.message);
    world.areas.phone.log.add(from, entry);
}
