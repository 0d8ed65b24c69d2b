//! Groups: who is in them, who may change them, and what is written in them; communities are groups of groups.
//!
//! Every change goes through [`change::apply`], whether a device asked for it or a person at the phone: it checks the
//! right to do so, changes the row and tells every member's devices. Addresses are LIDs; the phone number goes along.

mod book;
mod change;
mod community;
mod deliver;
mod info;
mod invite;
mod query;
mod request;
mod roster;
mod routes;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use crate::dispatch::HandlerTable;
use crate::jids::Pn;
use crate::store::{Persist, Table};
use crate::world::World;

use book::Group;
pub(crate) use community::queried;
pub(crate) use deliver::{forget_key, keys_by_device, message, note, resend, spread, write};
pub(crate) use routes::{refused, routes};

pub(crate) fn register(table: &mut HandlerTable) {
    query::register(table);
    request::register(table);
    invite::register(table);
    community::register(table);
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    /// By the user part of the group's address.
    groups: Table<String, Group>,
    /// Which device has the sender key of whose phone: (phone, group) → devices.
    told: Table<(Pn, String), Vec<crate::jids::DeviceKey>>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            groups: Table::new("groups"),
            told: Table::new("group_keys_told"),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.groups, &mut self.told]
    }
}

/// Whether there is such a group and the person is in it.
pub(crate) fn is_member(world: &World, group: &Jid, pn: Pn) -> bool {
    let groups = &world.areas.groups.groups;
    groups
        .get(&group.user.to_string())
        .is_some_and(|group| group.role(pn).is_some())
}

/// Whether there is such a group and the person administers it.
pub(crate) fn is_admin(world: &World, group: &Jid, pn: Pn) -> bool {
    let groups = &world.areas.groups.groups;
    groups
        .get(&group.user.to_string())
        .is_some_and(|group| group.is_admin(pn))
}

/// The people of a group, if there is such a group.
pub(crate) fn members(world: &World, group: &Jid) -> Option<Vec<Pn>> {
    let group = world.areas.groups.groups.get(&group.user.to_string())?;
    Some(group.members.keys().copied().collect())
}

/// What the group is called.
pub(crate) fn subject(world: &World, group: &Jid) -> Option<String> {
    let group = world.areas.groups.groups.get(&group.user.to_string());
    group.map(|group| group.subject.clone())
}

/// Whether the person may change what the group looks like.
pub(crate) fn may_edit(world: &World, group: &Jid, pn: Pn) -> bool {
    let groups = &world.areas.groups.groups;
    groups
        .get(&group.user.to_string())
        .is_some_and(|group| group.may_edit(pn))
}

/// The address of a group.
fn jid_of(id: &str) -> Jid {
    Jid::group(id)
}

/// `<notification type="w:gp2">` to every linked device of some people.
fn announce(world: &mut World, id: &str, by: Pn, to: &[Pn], changes: Vec<Node>) {
    let name = world
        .accounts
        .get(&by)
        .map(|a| a.name.clone())
        .unwrap_or_default();
    let notification = NodeBuilder::new("notification")
        .attr("from", jid_of(id))
        .attr("type", "w:gp2")
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .attr("participant", world.lid_jid(by.phone()))
        .attr("participant_pn", by.jid())
        .attr("addressing_mode", "lid")
        .attr("notify", name)
        .children(changes)
        .build();
    for person in to {
        for device in world.devices_of(*person) {
            world.deliver(device, &notification);
        }
    }
}
