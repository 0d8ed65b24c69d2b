//! What is written in a group: one ciphertext under the sender's key, and that key for each device that lacks it.

use buffa::MessageField;
use std::collections::HashMap;
use wacore::send::{media_type_from_message, should_hide_decrypt_fail, stanza_type_from_message};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

use super::change::FORBIDDEN;
use super::query::find;
use crate::areas::messages::{Chat, Letter, hand_over};
use crate::areas::phone::log::Entry;
use crate::areas::phone::send::{self, Outgoing};
use crate::areas::phone::signal::{self, SignalFault};
use crate::areas::reuse;
use crate::dispatch::Client;
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, ack, attr, child, children, jid};
use crate::world::World;

/// `<message>` from a linked device to a group.
pub(crate) fn message(
    world: &mut World,
    client: Client,
    node: &Node,
    to: &Jid,
) -> Result<(), Refusal> {
    let id = to.user.to_string();
    let (group, writer) = (find(world, &id)?, client.device.pn);
    let deletes_for_others = attr(node, "edit").is_some_and(|edit| edit == "8");
    if !group.may_write(writer) || (deletes_for_others && !group.is_admin(writer)) {
        return Err(FORBIDDEN);
    }
    let envelope = Letter::envelope(node, client.device, Chat::Group(to.clone()), true)
        .ok_or(Refusal::BAD_REQUEST)?;
    let mut keys = keys_by_device(world, node)?;
    let shared: Vec<Node> = node.get_children_by_tag("enc").cloned().collect();
    // A message sent again to one device is for that device alone.
    let only = jid(node, "participant").and_then(|address| world.resolve(&address));
    let taken = ack(node, world.now_s(), None);
    world.send(client.conn, &taken);

    for enc in &shared {
        note(world, client.device, to, enc);
    }
    for device in devices(world, &id) {
        let pairwise = keys.remove(&device).unwrap_or_default();
        if device == client.device || only.is_some_and(|only| only != device) {
            continue;
        }
        for enc in &pairwise {
            note(world, client.device, to, enc);
        }
        let encs = pairwise.into_iter().chain(shared.iter().cloned()).collect();
        let letter = Letter {
            encs,
            ..envelope.clone()
        };
        hand_over(world, &letter, device);
    }
    Ok(())
}

/// Counts what a device has encrypted.
pub(crate) fn note(world: &mut World, from: DeviceKey, group: &Jid, enc: &Node) {
    let shared = attr(enc, "type").is_some_and(|kind| kind == "skmsg");
    let scope = if shared {
        group.to_string()
    } else {
        String::new()
    };
    reuse::note(world, from, &scope, enc);
}

/// What is for single devices, by device; a person may be named without.
pub(crate) fn keys_by_device(
    world: &mut World,
    node: &Node,
) -> Result<HashMap<DeviceKey, Vec<Node>>, Refusal> {
    let mut keys = HashMap::new();
    for participant in child(node, "participants")
        .map(children)
        .unwrap_or_default()
    {
        let device = jid(participant, "jid").and_then(|address| world.resolve(&address));
        let device = device.ok_or(Refusal::BAD_REQUEST)?;
        let encs: Vec<Node> = participant.get_children_by_tag("enc").cloned().collect();
        keys.insert(device, encs);
    }
    Ok(keys)
}

/// Every device of every member.
fn devices(world: &World, id: &str) -> Vec<DeviceKey> {
    let people: Vec<Pn> = find(world, id)
        .map(|g| g.members.keys().copied().collect())
        .unwrap_or_default();
    people
        .into_iter()
        .flat_map(|pn| world.devices_of(pn))
        .collect()
}

/// The person writes in a group on the phone.
pub(crate) fn write(
    world: &mut World,
    from: Pn,
    group: &Jid,
    outgoing: &Outgoing,
) -> Result<(), Refusal> {
    let id = group.user.to_string();
    if !find(world, &id)?.may_write(from) {
        return Err(FORBIDDEN);
    }
    let to: Vec<DeviceKey> = devices(world, &id)
        .into_iter()
        .filter(|device| *device != from.phone())
        .collect();
    let entry = Entry::new(
        world,
        &outgoing.id,
        from.phone(),
        &Chat::Group(group.clone()),
        &outgoing.message,
    );
    world.areas.phone.log.add(from, entry);
    spread(world, from, group, &to, outgoing).map_err(|fault| {
        tracing::warn!(%fault, "a phone cannot write to a group");
        Refusal::INTERNAL
    })
}

/// A device could not open what this phone wrote: its key again, and the message under it.
pub(crate) fn resend(
    world: &mut World,
    from: Pn,
    group: &Jid,
    to: DeviceKey,
    outgoing: &Outgoing,
) -> Result<(), SignalFault> {
    if !super::is_member(world, group, to.pn) {
        return Ok(());
    }
    forget_key(world, from, group, to);
    spread(world, from, group, &[to], outgoing)
}

/// The device gets the key of this phone with the next message.
pub(crate) fn forget_key(world: &mut World, from: Pn, group: &Jid, device: DeviceKey) {
    let told = &mut world.areas.groups.told;
    if let Some(told) = told.get_mut(&(from, group.user.to_string())) {
        told.retain(|other| *other != device);
    }
}

/// To each device: the key if it lacks it, and the message under it.
pub(crate) fn spread(
    world: &mut World,
    from: Pn,
    group: &Jid,
    to: &[DeviceKey],
    outgoing: &Outgoing,
) -> Result<(), SignalFault> {
    let address = group.to_string();
    let distribution = key_message(&address, signal::own_sender_key(world, from, &address)?);
    let plain = send::pad(world, &outgoing.message);
    let sealed = signal::encrypt_group(world, from, &address, &plain)?;
    let shared = shared_enc(&outgoing.message, sealed);
    let told_key = (from, group.user.to_string());
    for device in to {
        let told = world.areas.groups.told.get(&told_key);
        let knows = told.is_some_and(|told| told.contains(device));
        let mut encs = Vec::new();
        if !knows {
            match send::seal(world, from, *device, &distribution, None) {
                Ok(enc) => encs.push(enc),
                Err(fault) => {
                    tracing::warn!(?device, %fault, "a phone cannot share its group key");
                    continue;
                }
            }
            if !world.areas.groups.told.contains(&told_key) {
                world.areas.groups.told.insert(told_key.clone(), Vec::new());
            }
            if let Some(told) = world.areas.groups.told.get_mut(&told_key) {
                told.push(*device);
            }
        }
        encs.push(shared.clone());
        let mut attrs = vec![(
            "type",
            stanza_type_from_message(&outgoing.message).to_owned(),
        )];
        attrs.extend(outgoing.edit.map(|edit| ("edit", edit.to_owned())));
        let letter = Letter {
            from: from.phone(),
            id: outgoing.id.clone(),
            chat: Chat::Group(group.clone()),
            lid: true,
            attrs,
            encs,
            extras: Vec::new(),
        };
        hand_over(world, &letter, *device);
    }
    Ok(())
}

fn key_message(group: &str, distribution: Vec<u8>) -> wa::Message {
    wa::Message {
        sender_key_distribution_message: MessageField::some(
            wa::message::SenderKeyDistributionMessage {
                group_id: Some(group.to_owned()),
                axolotl_sender_key_distribution_message: Some(distribution),
            },
        ),
        ..Default::default()
    }
}

/// The `<enc>` that all devices share.
fn shared_enc(message: &wa::Message, sealed: Vec<u8>) -> Node {
    let mut enc = NodeBuilder::new("enc").attr("v", "2").attr("type", "skmsg");
    if let Some(media) = media_type_from_message(message) {
        enc = enc.attr("mediatype", media);
    }
    if should_hide_decrypt_fail(message) {
        enc = enc.attr("decrypt-fail", "hide");
    }
    enc.bytes(sealed).build()
}
