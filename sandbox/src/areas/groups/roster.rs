//! Changes of the member list. The right to make them has been checked. What they mean for the rest of a community is
//! settled with each.

use std::collections::BTreeMap;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::book::Role;
use super::change::{MAX_MEMBERS, Outcome, edit, everybody};
use super::query::find;
use super::{announce, community, info};
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

pub(super) fn add(
    world: &mut World,
    id: &str,
    by: Pn,
    people: &[Pn],
) -> Result<Vec<Outcome>, Refusal> {
    let outcomes: Vec<Outcome> = edit(world, id, |group| {
        let mut room = MAX_MEMBERS.saturating_sub(group.members.len());
        let outcome = |pn: &Pn| {
            let status = if group.members.contains_key(pn) {
                409
            } else if room == 0 {
                419
            } else {
                room -= 1;
                group.members.insert(*pn, Role::Member);
                group.requests.remove(pn);
                200
            };
            Outcome { pn: *pn, status }
        };
        people.iter().map(outcome).collect()
    })?;
    let everybody = everybody(world, id);
    told_about_members(world, id, by, "add", &done(&outcomes), &everybody)?;
    community::settle(world, id, by)?;
    Ok(outcomes)
}

/// Somebody comes in by themselves; nobody has to add them.
pub(super) fn join(
    world: &mut World,
    id: &str,
    pn: Pn,
    reason: &'static str,
) -> Result<(), Refusal> {
    let full = edit(world, id, |group| {
        let full = group.members.len() >= MAX_MEMBERS;
        if !full {
            group.members.insert(pn, Role::Member);
            group.version += 1;
        }
        full
    })?;
    if full {
        return Err(Refusal {
            code: 419,
            text: "resource-limit",
        });
    }
    let everybody = everybody(world, id);
    let add = NodeBuilder::new("add")
        .attr("reason", reason)
        .children([info::participant(world, pn, Some(Role::Member))])
        .build();
    announce(world, id, pn, &everybody, vec![add]);
    community::settle(world, id, pn)
}

pub(super) fn remove(
    world: &mut World,
    id: &str,
    by: Pn,
    people: &[Pn],
) -> Result<Vec<Outcome>, Refusal> {
    let before = everybody(world, id);
    let outcomes: Vec<Outcome> = edit(world, id, |group| {
        let outcome = |pn: &Pn| {
            let status = match group.role(*pn) {
                None => 404,
                Some(Role::Owner) => 406,
                Some(_) => {
                    group.members.remove(pn);
                    200
                }
            };
            Outcome { pn: *pn, status }
        };
        people.iter().map(outcome).collect()
    })?;
    let gone = done(&outcomes);
    told_about_members(world, id, by, "remove", &gone, &before)?;
    new_sender_keys(world, id, &before, &gone);
    community::settle(world, id, by)?;
    Ok(outcomes)
}

pub(super) fn leave(world: &mut World, id: &str, by: Pn) -> Result<Vec<Outcome>, Refusal> {
    let mut left = find(world, id)?.members.clone();
    left.remove(&by);
    replace(world, id, by, left)?;
    community::settle(world, id, by)?;
    Ok(vec![Outcome {
        pn: by,
        status: 200,
    }])
}

/// Puts another list in the place of the one that there is. The last one to go closes the group; an owner who goes hands
/// it to the first admin, else to the first member.
pub(super) fn replace(
    world: &mut World,
    id: &str,
    by: Pn,
    mut list: BTreeMap<Pn, Role>,
) -> Result<(), Refusal> {
    let old = find(world, id)?.members.clone();
    let fresh = |pn: &Pn| !old.contains_key(pn);
    let came: Vec<Pn> = list.keys().copied().filter(fresh).collect();
    let gone: Vec<Pn> = old
        .keys()
        .copied()
        .filter(|pn| !list.contains_key(pn))
        .collect();
    let ranked = |admin: bool| -> Vec<Pn> {
        let now = list.iter().filter(|(_, role)| role.is_admin() == admin);
        let was = |pn: &Pn| old.get(pn).is_some_and(|role| role.is_admin() != admin);
        now.map(|(pn, _)| *pn).filter(was).collect()
    };
    let (risen, fallen) = (ranked(true), ranked(false));
    if !list.values().any(|role| *role == Role::Owner) {
        let admin = list.iter().find(|(_, role)| role.is_admin());
        let heir = admin.or_else(|| list.iter().next()).map(|(pn, _)| *pn);
        list.extend(heir.map(|heir| (heir, Role::Owner)));
    }
    let is_empty = list.is_empty();
    edit(world, id, |group| group.members = list)?;
    let before: Vec<Pn> = old.keys().copied().collect();
    let now = everybody(world, id);
    told_about_members(world, id, by, "remove", &gone, &before)?;
    told_about_members(world, id, by, "add", &came, &now)?;
    told_about_members(world, id, by, "promote", &risen, &now)?;
    told_about_members(world, id, by, "demote", &fallen, &now)?;
    new_sender_keys(world, id, &before, &gone);
    if is_empty {
        community::dissolve(world, id, by)?;
        world.areas.groups.groups.remove(&id.to_owned());
    }
    Ok(())
}

pub(super) fn rank(
    world: &mut World,
    id: &str,
    by: Pn,
    people: &[Pn],
    role: Role,
) -> Result<Vec<Outcome>, Refusal> {
    let outcomes: Vec<Outcome> = edit(world, id, |group| {
        let outcome = |pn: &Pn| {
            let status = match group.role(*pn) {
                None => 404,
                Some(Role::Owner) => 406,
                Some(_) => {
                    group.members.insert(*pn, role);
                    200
                }
            };
            Outcome { pn: *pn, status }
        };
        people.iter().map(outcome).collect()
    })?;
    let everybody = everybody(world, id);
    let tag = if role.is_admin() { "promote" } else { "demote" };
    told_about_members(world, id, by, tag, &done(&outcomes), &everybody)?;
    community::settle(world, id, by)?;
    Ok(outcomes)
}

fn done(outcomes: &[Outcome]) -> Vec<Pn> {
    outcomes
        .iter()
        .filter(|o| o.status == 200)
        .map(|o| o.pn)
        .collect()
}

/// The member list has changed: says so to `audience`, if it really has.
fn told_about_members(
    world: &mut World,
    id: &str,
    by: Pn,
    tag: &'static str,
    people: &[Pn],
    audience: &[Pn],
) -> Result<(), Refusal> {
    if people.is_empty() {
        return Ok(());
    }
    edit(world, id, |group| group.version += 1)?;
    let participants: Vec<Node> = people
        .iter()
        .map(|pn| {
            let role = world
                .areas
                .groups
                .groups
                .get(&id.to_owned())
                .and_then(|g| g.role(*pn));
            info::participant(world, *pn, role)
        })
        .collect();
    let node = NodeBuilder::new(tag).children(participants).build();
    announce(world, id, by, audience, vec![node]);
    Ok(())
}

/// Whoever has gone must not read on: the phones make new sender keys for their next message.
pub(super) fn new_sender_keys(world: &mut World, id: &str, before: &[Pn], gone: &[Pn]) {
    if gone.is_empty() {
        return;
    }
    let group = super::jid_of(id).to_string();
    for pn in before {
        world
            .areas
            .phone
            .sender_keys
            .remove(&(*pn, group.clone(), pn.phone()));
        world.areas.groups.told.remove(&(*pn, id.to_owned()));
    }
}
