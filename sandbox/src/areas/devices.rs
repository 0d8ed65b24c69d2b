//! A person's linked devices: the signed list, news about it, and the end of a link.

mod routes;

use buffa::Message as _;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp as wa;

use super::login::conflict;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::keys::{key_pair, public_bytes};
use crate::stanza::{Refusal, child, iq_result, jid};
use crate::world::World;

pub(super) use routes::routes;

/// What the account signs a device list with.
const DEVICE_LIST_SIGNATURE_PREFIX: [u8; 2] = [6, 2];

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("md", "remove-companion-device", remove_by_client);
}

/// `<devices>`: the device list with the account's signature over it.
pub(super) fn list_node(world: &mut World, pn: Pn) -> Option<Node> {
    let list = world.devices_of(pn).into_iter().map(|key| {
        let node = NodeBuilder::new("device").attr("id", key.device.to_string());
        match world.devices.get(&key) {
            Some(device) => node.attr("key-index", device.key_index.to_string()).build(),
            None => node.build(),
        }
    });
    let list = NodeBuilder::new("device-list")
        .children(list.collect::<Vec<_>>())
        .build();
    let index = key_index_node(world, pn)?;
    Some(NodeBuilder::new("devices").children([list, index]).build())
}

fn key_index_node(world: &mut World, pn: Pn) -> Option<Node> {
    let now = world.now_s();
    let valid_indexes: Vec<u32> = std::iter::once(0)
        .chain(
            world
                .devices_of(pn)
                .iter()
                .filter_map(|key| Some(world.devices.get(key)?.key_index)),
        )
        .collect();
    let account = world.accounts.get(&pn)?;
    let details = wa::ADVKeyIndexList {
        raw_id: Some(account.adv_raw_id),
        timestamp: Some(now),
        current_index: Some(u32::from(account.last_device)),
        valid_indexes,
        ..Default::default()
    }
    .encode_to_vec();
    let phone = key_pair(&account.phone.identity).ok()?;
    let signed = [&DEVICE_LIST_SIGNATURE_PREFIX[..], &details].concat();
    let signature = phone.calculate_signature(&signed, &mut world.rng).ok()?;
    let list = wa::ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: Some(signature.to_vec()),
        account_signature_key: Some(public_bytes(&phone).to_vec()),
    };
    let node = NodeBuilder::new("key-index-list").attr("ts", now.to_string());
    Some(node.bytes(list.encode_to_vec()).build())
}

/// A device was linked: tell the person's other devices and whoever keeps a list.
pub(super) fn announce_linked(world: &mut World, key: DeviceKey) {
    let key_index = world.devices.get(&key).map(|d| d.key_index);
    announce(world, key, "add", key_index);
}

fn announce(world: &mut World, key: DeviceKey, change: &'static str, key_index: Option<u32>) {
    let Some(index) = key_index_node(world, key.pn) else {
        return;
    };
    let mut device = NodeBuilder::new("device")
        .attr("jid", key.pn_jid())
        .attr("lid", world.lid_jid(key));
    if let Some(key_index) = key_index {
        device = device.attr("key-index", key_index.to_string());
    }
    let change = NodeBuilder::new(change)
        .children([device.build(), index])
        .build();
    let own = world.devices_of(key.pn);
    let watching = world
        .areas
        .watchers
        .range((key.pn, Pn(0).device(0))..=(key.pn, Pn(u64::MAX).device(u16::MAX)));
    let mut told: Vec<DeviceKey> = watching
        .map(|((_, device), ())| *device)
        .chain(own)
        .collect();
    told.sort_unstable();
    told.dedup();
    for to in told.into_iter().filter(|to| *to != key && !to.is_phone()) {
        let notification = NodeBuilder::new("notification")
            .attr("from", key.pn.jid())
            .attr("type", "devices")
            .attr("id", world.new_id())
            .attr("t", world.now_s().to_string())
            .attr("lid", world.lid_jid(key.pn.phone()))
            .children([change.clone()])
            .build();
        world.deliver(to, &notification);
    }
}

/// Ends a link: everything the server kept for the device goes, and its socket is told why.
pub(super) fn unlink(world: &mut World, key: DeviceKey) {
    if let Some(conn) = world.live.conn_of(key) {
        let mut gone = conflict("device_removed");
        gone.attrs.insert("code", "401");
        world.send(conn, &gone);
        world.live.close(conn);
    }
    world.devices.remove(&key);
    world.prekeys.remove_range((key, 0)..=(key, u32::MAX));
    world.queue.remove_range((key, 0)..=(key, u64::MAX));
    world.areas.phone.sessions.remove(&(key.pn, key));
    let watched = world.areas.watchers.iter().map(|(row, ())| *row);
    let gone: Vec<_> = watched.filter(|(_, watcher)| *watcher == key).collect();
    for row in gone {
        world.areas.watchers.remove(&row);
    }
    announce(world, key, "remove", None);
}

/// The device logs itself out.
fn remove_by_client(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let request = child(node, "remove-companion-device").ok_or(Refusal::BAD_REQUEST)?;
    let address = jid(request, "jid").ok_or(Refusal::BAD_REQUEST)?;
    let key = world.resolve(&address).ok_or(Refusal::NOT_FOUND)?;
    if key.pn != client.device.pn || !world.devices.contains(&key) {
        return Err(Refusal::NOT_FOUND);
    }
    world.send(client.conn, &iq_result(node, Vec::new()));
    unlink(world, key);
    Ok(Answer::Sent)
}
