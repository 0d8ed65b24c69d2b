//! App state: the collections that a person's devices keep in step (push name, mutes, pins, contacts, …).
//!
//! The server numbers patches and hands them out; it refuses a patch that was built on an older version. The phone
//! is one of the devices: it shares the key, verifies every patch, and writes patches of its own.

mod book;
mod labels;
mod phone;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};

use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{self, Refusal, attr, child, error_node};
use crate::store::Blob;
use crate::world::World;

use book::Collection;
pub(crate) use book::Tables;
pub(crate) use labels::routes;
pub(crate) use phone::{name_changed, salt_made};

/// Patches in one answer; a device that needs more asks again.
const PATCHES_PER_ANSWER: usize = 100;

const CONFLICT: Refusal = Refusal {
    code: 409,
    text: "conflict",
};

pub(crate) fn register(table: &mut HandlerTable) {
    table.iq("w:sync:app:state", "sync", sync);
}

fn sync(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let sync = child(node, "sync").ok_or(Refusal::BAD_REQUEST)?;
    phone::keep_push_name(world, client.device.pn);
    let collections: Vec<Node> = stanza::children(sync)
        .iter()
        .filter(|c| c.tag == "collection")
        .map(|c| collection(world, client.device, c))
        .collect();
    Answer::node(NodeBuilder::new("sync").children(collections).build())
}

/// One collection of the request: an upload if it brings a patch, else a download.
fn collection(world: &mut World, device: DeviceKey, request: &Node) -> Node {
    let name = attr(request, "name").unwrap_or_default();
    let since = match attr(request, "version").map(|v| v.parse::<u64>()) {
        None => Some(0),
        Some(version) => version.ok(),
    };
    let (Some(collection), Some(since)) = (Collection::parse(&name), since) else {
        let answer = NodeBuilder::new("collection").attr("name", name.as_ref());
        return refused(answer, Refusal::BAD_REQUEST, None);
    };
    match stanza::child_bytes(request, "patch") {
        Some(patch) => upload(world, device, collection, since, &patch),
        None => download(world, device.pn, collection, since),
    }
}

fn download(world: &World, pn: Pn, collection: Collection, since: u64) -> Node {
    let tables = &world.areas.app_state;
    let version = tables.version(pn, collection);
    let answer = named(collection, version);
    if since > version {
        // The device is ahead of the server: it has seen what never was.
        return refused(answer, Refusal::BAD_REQUEST, None);
    }
    let (patches, more) = tables.patches_since(pn, collection, since, PATCHES_PER_ANSWER);
    answer
        .attr("has_more_patches", truth(more))
        .children(patches_node(patches))
        .build()
}

fn upload(
    world: &mut World,
    device: DeviceKey,
    collection: Collection,
    base: u64,
    patch: &[u8],
) -> Node {
    let pn = device.pn;
    let version = world.areas.app_state.version(pn, collection);
    if base != version {
        // The winners go along, so that the device can rebuild its patch on top of them.
        let tables = &world.areas.app_state;
        let (patches, more) = tables.patches_since(pn, collection, base, PATCHES_PER_ANSWER);
        let answer = named(collection, version).attr("has_more_patches", truth(more));
        return refused(answer, CONFLICT, patches_node(patches));
    }
    match book::commit(world, pn, collection, patch) {
        Ok(version) => {
            notify(world, pn, Some(device), collection, version);
            named(collection, version).build()
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a patch that the phone cannot verify");
            refused(named(collection, version), Refusal::BAD_REQUEST, None)
        }
    }
}

fn named(collection: Collection, version: u64) -> NodeBuilder {
    NodeBuilder::new("collection")
        .attr("name", collection.as_str())
        .attr("version", version.to_string())
}

fn patches_node(patches: Vec<Blob>) -> Option<Node> {
    let patches = patches
        .into_iter()
        .map(|patch| NodeBuilder::new("patch").bytes(patch.0).build());
    let patches: Vec<Node> = patches.collect();
    (!patches.is_empty()).then(|| NodeBuilder::new("patches").children(patches).build())
}

fn refused(answer: NodeBuilder, refusal: Refusal, patches: Option<Node>) -> Node {
    let error = std::iter::once(error_node(refusal));
    answer
        .attr("type", "error")
        .children(error.chain(patches))
        .build()
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Tells the person's linked devices, except the author, that there is something new.
fn notify(
    world: &mut World,
    pn: Pn,
    author: Option<DeviceKey>,
    collection: Collection,
    version: u64,
) {
    let notification = NodeBuilder::new("notification")
        .attr("from", SERVER_JID)
        .attr("type", "server_sync")
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children([named(collection, version).build()])
        .build();
    for device in world.devices_of(pn) {
        if Some(device) != author {
            world.deliver(device, &notification);
        }
    }
}
