//! Presence and chat state: who is online, since when not, and who types. None of it is queued: it is worth nothing
//! later.

mod routes;

use std::collections::{BTreeMap, BTreeSet};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{JidExt as _, Node};

use super::{groups, profile};
use crate::dispatch::{Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, attr, children, jid};
use crate::store::{Persist, Table};
use crate::world::World;
use crate::world::live::ConnId;

pub(crate) use routes::routes;

pub(crate) fn register(table: &mut HandlerTable) {
    table.stanza("presence", presence);
    table.stanza("chatstate", chatstate);
}

/// What is known about people being there.
#[derive(Debug)]
pub(crate) struct Presences {
    /// When somebody was last online (seconds).
    last_seen: Table<Pn, u64>,
    /// Devices whose person says to be there. A restart disconnects everybody.
    online: BTreeSet<DeviceKey>,
    /// The connections that have said or asked anything here.
    conns: BTreeMap<ConnId, DeviceKey>,
    /// Who watches whom, and by which kind of address (true: LID).
    watchers: BTreeMap<(Pn, DeviceKey), bool>,
    /// What a phone shows on top of a chat: (whose phone, chat, who) → what they do.
    typing: BTreeMap<(Pn, String, Pn), String>,
}

impl Presences {
    pub(crate) fn new() -> Self {
        Self {
            last_seen: Table::new("last_seen"),
            online: BTreeSet::new(),
            conns: BTreeMap::new(),
            watchers: BTreeMap::new(),
            typing: BTreeMap::new(),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.last_seen]
    }

    fn is_online(&self, pn: Pn) -> bool {
        self.online
            .range(pn.phone()..=pn.device(u16::MAX))
            .next()
            .is_some()
    }
}

/// `<presence>`: about oneself, or a wish to be told about somebody.
fn presence(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    world
        .areas
        .presence
        .conns
        .insert(client.conn, client.device);
    match attr(node, "type").as_deref() {
        // Only a name: the app state is what says how a person is called.
        None => Ok(()),
        Some("available") => {
            set(world, client.device, true);
            Ok(())
        }
        Some("unavailable") => {
            set(world, client.device, false);
            Ok(())
        }
        Some("subscribe") => subscribe(world, client, node),
        Some("unsubscribe") => {
            if let Some(target) = jid(node, "to").and_then(|to| world.resolve(&to)) {
                world
                    .areas
                    .presence
                    .watchers
                    .remove(&(target.pn, client.device));
            }
            Ok(())
        }
        Some(_) => Err(Refusal::BAD_REQUEST),
    }
}

fn subscribe(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let to = jid(node, "to").ok_or(Refusal::BAD_REQUEST)?;
    let target = world.resolve(&to).ok_or(Refusal::NOT_FOUND)?;
    let by_lid = to.is_lid();
    world
        .areas
        .presence
        .watchers
        .insert((target.pn, client.device), by_lid);
    let now = stanza(world, target.pn, by_lid);
    world.send(client.conn, &now);
    Ok(())
}

/// `<presence from [type="unavailable" last]>`.
fn stanza(world: &World, pn: Pn, by_lid: bool) -> Node {
    let from = if by_lid {
        world.lid_jid(pn.phone())
    } else {
        pn.jid()
    };
    let node = NodeBuilder::new("presence").attr("from", from);
    if world.areas.presence.is_online(pn) && !profile::hides_online(world, pn) {
        return node.build();
    }
    let last = match world.areas.presence.last_seen.get(&pn) {
        Some(at_s) if !profile::hides_last_seen(world, pn) => at_s.to_string(),
        _ => "deny".to_owned(),
    };
    node.attr("type", "unavailable").attr("last", last).build()
}

/// One device of a person comes or goes; watchers hear of it when that changes the person's presence.
fn set(world: &mut World, device: DeviceKey, online: bool) {
    let pn = device.pn;
    let presences = &mut world.areas.presence;
    let before = presences.is_online(pn);
    if online {
        presences.online.insert(device);
    } else {
        presences.online.remove(&device);
    }
    let now = presences.is_online(pn);
    if before == now {
        return;
    }
    if !now {
        let at_s = world.now_s();
        world.areas.presence.last_seen.insert(pn, at_s);
    }
    let watchers = world.areas.presence.watchers.range((pn, Pn(0).phone())..);
    let watchers: Vec<(DeviceKey, bool)> = watchers
        .take_while(|((target, _), _)| *target == pn)
        .map(|((_, watcher), by_lid)| (*watcher, *by_lid))
        .collect();
    for (watcher, by_lid) in watchers {
        let node = stanza(world, pn, by_lid);
        world.send_if_listening(watcher, &node);
    }
}

/// A connection is gone: its device is offline, and has to ask again for what it watched. Unless a newer connection
/// of the same device has taken over.
pub(crate) fn disconnected(world: &mut World, conn: ConnId) {
    let presences = &mut world.areas.presence;
    let Some(device) = presences.conns.remove(&conn) else {
        return;
    };
    if presences.conns.values().any(|other| *other == device) {
        return;
    }
    presences
        .watchers
        .retain(|(_, watcher), _| *watcher != device);
    set(world, device, false);
}

/// `<chatstate>`: typing, recording, or no longer.
fn chatstate(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let to = jid(node, "to").ok_or(Refusal::BAD_REQUEST)?;
    let state = children(node).first().ok_or(Refusal::BAD_REQUEST)?.clone();
    let me = client.device;
    let by_lid = to.is_lid() || to.is_group();
    let mine = if by_lid {
        world.lid_jid(me.pn.phone())
    } else {
        me.pn.jid()
    };
    let mut relayed = NodeBuilder::new("chatstate");
    let receivers: Vec<Pn> = if to.is_group() {
        if !groups::is_member(world, &to, me.pn) {
            return Err(Refusal::NOT_FOUND);
        }
        relayed = relayed.attr("from", &to).attr("participant", mine);
        let members = groups::members(world, &to).unwrap_or_default();
        members.into_iter().filter(|pn| *pn != me.pn).collect()
    } else {
        relayed = relayed.attr("from", mine);
        vec![world.resolve(&to).ok_or(Refusal::NOT_FOUND)?.pn]
    };
    let relayed = relayed.children([state.clone()]).build();
    for pn in receivers {
        let chat = if to.is_group() {
            to.to_string()
        } else {
            me.pn.to_string()
        };
        show(world, (pn, chat, me.pn), &state);
        for device in world.devices_of(pn) {
            world.send_if_listening(device, &relayed);
        }
    }
    Ok(())
}

/// The phone shows it.
fn show(world: &mut World, place: (Pn, String, Pn), state: &Node) {
    let typing = &mut world.areas.presence.typing;
    match (state.tag.as_ref(), attr(state, "media").as_deref()) {
        ("composing", Some("audio")) => typing.insert(place, "recording".to_owned()),
        ("composing", _) => typing.insert(place, "composing".to_owned()),
        _ => typing.remove(&place),
    };
}
