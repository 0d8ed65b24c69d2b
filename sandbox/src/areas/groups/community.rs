//! Communities: a group that holds groups, one of which is for announcements.
//!
//! Every change goes through here, whether a device asked for it or a person at the phone. The rows are those of groups:
//! each says where it stands ([`Place`]). [`settle`] keeps the member lists of a community in step.

mod routes;
mod wire;

use std::collections::BTreeMap;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::book::{Kind, Place, Role, Rules, Settings};
use super::change::{self, FORBIDDEN, NewGroup, edit, everybody};
use super::query::find;
use super::{announce, invite, jid_of, roster};
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

pub(super) use routes::routes;
pub(crate) use wire::queried;
pub(super) use wire::{create_asked, register};

/// What WhatsApp allows, beside the group for announcements.
const MAX_GROUPS: usize = 100;
/// The name of a general chat.
const GENERAL: &str = "General";

/// A community that is to be.
pub(super) struct NewCommunity<'a> {
    pub(super) subject: &'a str,
    pub(super) rules: Rules,
    pub(super) general_chat: bool,
}

/// Makes a community and the groups that it has from the start. Returns its id.
pub(super) fn make(world: &mut World, by: Pn, new: &NewCommunity<'_>) -> Result<String, Refusal> {
    let community = NewGroup {
        subject: new.subject,
        settings: Settings {
            approval: new.rules.closed,
            ..Settings::default()
        },
        place: Place::Community(new.rules),
        ..NewGroup::default()
    };
    let id = change::create(world, by, community)?;
    let announcements = NewGroup {
        subject: new.subject,
        settings: Settings {
            announcement: true,
            locked: true,
            admins_add: true,
            ..Settings::default()
        },
        place: Place::Within(id.clone(), Kind::Announcement),
        ..NewGroup::default()
    };
    change::create(world, by, announcements)?;
    if new.general_chat {
        let general = NewGroup {
            subject: GENERAL,
            place: Place::Within(id.clone(), Kind::General),
            ..NewGroup::default()
        };
        change::create(world, by, general)?;
    }
    Ok(id)
}

/// Makes a group inside of a community. Returns its id.
pub(super) fn make_within(
    world: &mut World,
    id: &str,
    by: Pn,
    new: NewGroup<'_>,
) -> Result<String, Refusal> {
    let rules = rules(world, id)?;
    let community = find(world, id)?;
    let may = community.is_admin(by) || (rules.members_create && community.role(by).is_some());
    if !may {
        return Err(FORBIDDEN);
    }
    if full(world, id) {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    let place = Place::Within(id.to_owned(), Kind::Group);
    let group = change::create(world, by, NewGroup { place, ..new })?;
    tell_linked(world, id, by, &group)?;
    settle(world, &group, by)?;
    Ok(group)
}

/// Takes groups in. For each how it went: 200, or why not.
pub(super) fn link(
    world: &mut World,
    id: &str,
    by: Pn,
    groups: &[String],
) -> Result<Vec<u16>, Refusal> {
    administered(world, id, by)?;
    let mut statuses = Vec::with_capacity(groups.len());
    for group in groups {
        let status = match find(world, group) {
            Err(refusal) => refusal.code,
            Ok(row) if !row.is_admin(by) => FORBIDDEN.code,
            Ok(row) if row.place != Place::Alone => 409,
            Ok(_) if full(world, id) => Refusal::NOT_ACCEPTABLE.code,
            Ok(_) => 200,
        };
        if status == 200 {
            let place = Place::Within(id.to_owned(), Kind::Group);
            edit(world, group, |row| row.place = place)?;
            tell_linked(world, id, by, group)?;
            settle(world, group, by)?;
        }
        statuses.push(status);
    }
    Ok(statuses)
}

/// Lets groups go; their members stay in the community. For each how it went: 200, or why not.
pub(super) fn unlink(
    world: &mut World,
    id: &str,
    by: Pn,
    groups: &[String],
) -> Result<Vec<u16>, Refusal> {
    administered(world, id, by)?;
    let mut statuses = Vec::with_capacity(groups.len());
    for group in groups {
        let kind = find(world, group).ok().and_then(|row| row.within());
        let status = match kind {
            Some((community, Kind::Announcement)) if community == id => {
                Refusal::NOT_ACCEPTABLE.code
            }
            Some((community, _)) if community == id => 200,
            _ => Refusal::NOT_FOUND.code,
        };
        if status == 200 {
            let gone = unlinked(world, group, "sub_group", "unlink_group")?;
            let people = everybody(world, id);
            announce(world, id, by, &people, vec![gone]);
            let_go(world, id, by, group, "unlink_group")?;
        }
        statuses.push(status);
    }
    Ok(statuses)
}

/// Ends a community. Its groups stay, on their own; the one for announcements does not.
pub(super) fn delete(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    administered(world, id, by)?;
    if find(world, id)?.role(by) != Some(Role::Owner) {
        return Err(FORBIDDEN);
    }
    dissolve(world, id, by)?;
    close(world, id, by);
    Ok(())
}

/// What the end of a group means if it is a community. The row itself is the caller's.
pub(super) fn dissolve(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    for (group, kind) in groups(world, id) {
        match kind {
            Kind::Announcement => close(world, &group, by),
            Kind::General | Kind::Group => let_go(world, id, by, &group, "delete_parent")?,
        }
    }
    Ok(())
}

/// Somebody of the community comes into one of its groups. Gives whether they are in it: else an admin has to agree.
pub(super) fn join(world: &mut World, id: &str, by: Pn, group: &str) -> Result<bool, Refusal> {
    rules(world, id)?;
    if find(world, id)?.role(by).is_none() {
        return Err(FORBIDDEN);
    }
    match find(world, group)?.within() {
        Some((community, _)) if community == id => {
            invite::enter(world, by, group, invite::BY_COMMUNITY)
        }
        _ => Err(Refusal::NOT_FOUND),
    }
}

/// The groups of a community.
pub(super) fn groups(world: &World, id: &str) -> Vec<(String, Kind)> {
    let rows = world.areas.groups.groups.iter();
    rows.filter_map(|(group, row)| match row.within() {
        Some((community, kind)) if community == id => Some((group.clone(), kind)),
        _ => None,
    })
    .collect()
}

/// What a change of one member list means for the others: who is in a group is in its community, who is in the community
/// hears announcements as what they are there, and who is out of it is out of its groups.
pub(super) fn settle(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    // A group that nobody is left in is gone.
    let Ok(row) = find(world, id) else {
        return Ok(());
    };
    match &row.place {
        Place::Alone | Place::Within(_, Kind::Announcement) => Ok(()),
        Place::Within(community, _) => {
            let community = community.clone();
            let known = &find(world, &community)?.members;
            let missing = row.members.keys().filter(|pn| !known.contains_key(pn));
            let missing: Vec<Pn> = missing.copied().collect();
            if missing.is_empty() {
                return Ok(());
            }
            roster::add(world, &community, by, &missing).map(drop)
        }
        Place::Community(_) => {
            let everybody = row.members.clone();
            for (group, kind) in groups(world, id) {
                let list = match kind {
                    Kind::Announcement => everybody.clone(),
                    Kind::General | Kind::Group => staying(world, &group, &everybody)?,
                };
                roster::replace(world, &group, by, list)?;
            }
            Ok(())
        }
    }
}

fn staying(
    world: &World,
    group: &str,
    everybody: &BTreeMap<Pn, Role>,
) -> Result<BTreeMap<Pn, Role>, Refusal> {
    let mut list = find(world, group)?.members.clone();
    list.retain(|pn, _| everybody.contains_key(pn));
    Ok(list)
}

/// The rules of a community; a group that is none is refused.
pub(super) fn rules(world: &World, id: &str) -> Result<Rules, Refusal> {
    find(world, id)?.rules().ok_or(Refusal::NOT_ACCEPTABLE)
}

fn administered(world: &World, id: &str, by: Pn) -> Result<(), Refusal> {
    rules(world, id)?;
    if find(world, id)?.is_admin(by) {
        return Ok(());
    }
    Err(FORBIDDEN)
}

fn full(world: &World, id: &str) -> bool {
    let groups = groups(world, id).into_iter();
    groups
        .filter(|(_, kind)| *kind != Kind::Announcement)
        .count()
        >= MAX_GROUPS
}

/// A group is of no community any more, and its members are told.
fn let_go(
    world: &mut World,
    id: &str,
    by: Pn,
    group: &str,
    reason: &'static str,
) -> Result<(), Refusal> {
    edit(world, group, |row| row.place = Place::Alone)?;
    let gone = unlinked(world, id, "parent_group", reason)?;
    let people = everybody(world, group);
    announce(world, group, by, &people, vec![gone]);
    Ok(())
}

/// A group ends, and its members are told.
fn close(world: &mut World, id: &str, by: Pn) {
    let people = everybody(world, id);
    let delete = NodeBuilder::new("delete")
        .attr("reason", "delete_parent")
        .build();
    announce(world, id, by, &people, vec![delete]);
    roster::new_sender_keys(world, id, &people, &people);
    world.areas.groups.groups.remove(&id.to_owned());
}

/// Both sides are told that they belong together.
fn tell_linked(world: &mut World, id: &str, by: Pn, group: &str) -> Result<(), Refusal> {
    for (told, about, kind) in [(id, group, "sub_group"), (group, id, "parent_group")] {
        let link = NodeBuilder::new("link")
            .attr("link_type", kind)
            .children([target(world, about)?])
            .build();
        let people = everybody(world, told);
        announce(world, told, by, &people, vec![link]);
    }
    Ok(())
}

fn unlinked(
    world: &World,
    about: &str,
    kind: &'static str,
    reason: &'static str,
) -> Result<Node, Refusal> {
    Ok(NodeBuilder::new("unlink")
        .attr("unlink_type", kind)
        .attr("unlink_reason", reason)
        .children([target(world, about)?])
        .build())
}

fn target(world: &World, id: &str) -> Result<Node, Refusal> {
    let group = find(world, id)?;
    Ok(NodeBuilder::new("group")
        .attr("jid", jid_of(id))
        .attr("subject", group.subject.as_str())
        .attr("s_t", group.subject_s.to_string())
        .build())
}
