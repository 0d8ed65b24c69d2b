//! What a person shows of themselves, and to whom: about text, picture, privacy settings, blocked people.

mod block;
mod picture;
mod privacy;
mod routes;

use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, bytes, child};
use crate::store::{Blob, Persist, Table};
use crate::world::World;

pub(crate) use block::blocks;
pub(crate) use picture::router;
pub(crate) use privacy::{hides_last_seen, hides_online};
pub(crate) use routes::routes;

/// What somebody has who never wrote one.
const DEFAULT_ABOUT: &str = "Hey there! I am using WhatsApp.";
const MAX_ABOUT_CHARS: usize = 139;

pub(crate) fn register(table: &mut HandlerTable) {
    table.iq("status", "status", set_about);
    // Nothing here keeps a dirty bit.
    table.iq("urn:xmpp:whatsapp:dirty", "clean", |_, _, _| {
        Answer::empty()
    });
    block::register(table);
    picture::register(table);
    privacy::register(table);
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    abouts: Table<Pn, String>,
    /// By number, or by the user part of a group's address.
    pictures: Table<String, Picture>,
    /// Settings that are not the default.
    privacy: Table<(Pn, String), String>,
    /// (who, whom) and since when (seconds).
    blocked: Table<(Pn, Pn), u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Picture {
    id: String,
    image: Blob,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            abouts: Table::new("abouts"),
            pictures: Table::new("pictures"),
            privacy: Table::new("privacy"),
            blocked: Table::new("blocked"),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![
            &mut self.abouts,
            &mut self.pictures,
            &mut self.privacy,
            &mut self.blocked,
        ]
    }
}

/// What usync says about a person under these names.
pub(crate) fn about_person(world: &World, name: &str, pn: Pn) -> Option<Node> {
    match name {
        "status" => Some(
            NodeBuilder::new("status")
                .string_content(about(world, pn))
                .build(),
        ),
        "picture" => {
            let picture = world.areas.profile.pictures.get(&pn.to_string())?;
            Some(
                NodeBuilder::new("picture")
                    .attr("id", picture.id.as_str())
                    .build(),
            )
        }
        _ => None,
    }
}

fn about(world: &World, pn: Pn) -> &str {
    world
        .areas
        .profile
        .abouts
        .get(&pn)
        .map_or(DEFAULT_ABOUT, String::as_str)
}

fn set_about(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let status = child(node, "status").ok_or(Refusal::BAD_REQUEST)?;
    let text = bytes(status)
        .map(|b| String::from_utf8_lossy(&b).into_owned())
        .unwrap_or_default();
    write_about(world, client.device, &text)?;
    Answer::empty()
}

fn write_about(world: &mut World, by: DeviceKey, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > MAX_ABOUT_CHARS {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    world.areas.profile.abouts.insert(by.pn, text.to_owned());
    let set = NodeBuilder::new("set").string_content(text).build();
    let notification = notification(world, by.pn, "status", set);
    tell_acquaintances(world, by, &notification);
    Ok(())
}

fn notification(world: &mut World, pn: Pn, kind: &'static str, change: Node) -> Node {
    NodeBuilder::new("notification")
        .attr("from", pn.jid())
        .attr("type", kind)
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children([change])
        .build()
}

/// The person's own other devices, and the devices of everybody who knows theirs.
fn tell_acquaintances(world: &mut World, by: DeviceKey, notification: &Node) {
    let watching = world.areas.watchers.range((by.pn, Pn(0).phone())..);
    let mut told: Vec<DeviceKey> = watching
        .take_while(|((pn, _), ())| *pn == by.pn)
        .map(|((_, device), ())| *device)
        .chain(world.devices_of(by.pn))
        .collect();
    told.sort_unstable();
    told.dedup();
    for device in told.into_iter().filter(|device| *device != by) {
        world.deliver(device, notification);
    }
}
