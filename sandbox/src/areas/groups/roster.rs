//! Changes of the member list. The right to make them has been checked.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::book::Role;
use super::change::{MAX_MEMBERS, Outcome, edit, everybody};
use super::{announce, info};
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
    Ok(outcomes)
}

/// Somebody comes in by the invite link; nobody has to add them.
pub(super) fn join(world: &mut World, id: &str, pn: Pn) -> Result<(), Refusal> {
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
        .attr("reason", "invite")
        .children([info::participant(world, pn, Some(Role::Member))])
        .build();
    announce(world, id, pn, &everybody, vec![add]);
    Ok(())
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
    Ok(outcomes)
}

/// The last one closes the group; an owner who leaves hands it to the first admin, else to the first member.
pub(super) fn leave(world: &mut World, id: &str, by: Pn) -> Result<Vec<Outcome>, Refusal> {
    let before = everybody(world, id);
    let heir = edit(world, id, |group| {
        let was_owner = group.members.remove(&by) == Some(Role::Owner);
        let admin = group.members.iter().find(|(_, role)| role.is_admin());
        let heir = admin
            .or_else(|| group.members.iter().next())
            .map(|(pn, _)| *pn);
        if was_owner && let Some(heir) = heir {
            group.members.insert(heir, Role::Owner);
        }
        heir
    })?;
    told_about_members(world, id, by, "remove", &[by], &before)?;
    new_sender_keys(world, id, &before, &[by]);
    if heir.is_none() {
        world.areas.groups.groups.remove(&id.to_owned());
    }
    Ok(vec![Outcome {
        pn: by,
        status: 200,
    }])
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
fn new_sender_keys(world: &mut World, id: &str, before: &[Pn], gone: &[Pn]) {
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
