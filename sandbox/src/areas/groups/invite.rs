//! Invite links, and asking to be let in.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::change::{self, Change, FORBIDDEN, Outcome};
use super::query::{addressed, find};
use super::request::{named, nobody_node, outcome_node};
use super::{announce, info, jid_of, roster};
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, attr, child};
use crate::world::World;

/// How somebody comes into a group by themselves, as those who are in it are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// While they wait.
    method: &'static str,
    /// Once they are in.
    reason: &'static str,
}

const BY_LINK: Way = Way {
    method: "invite_link",
    reason: "invite",
};
pub(super) const BY_COMMUNITY: Way = Way {
    method: "linked_group_join",
    reason: "linked_group_join",
};

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:g2", "invite", invite);
    table.iq("w:g2", "membership_approval_requests", requests);
    table.iq("w:g2", "membership_requests_action", decide);
}

/// One tag, four meanings: ask for the link, look where a link leads, go there, replace the link.
fn invite(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let invite = child(node, "invite").ok_or(Refusal::BAD_REQUEST)?;
    let sets = attr(node, "type").is_some_and(|kind| kind == "set");
    let me = client.device.pn;
    if let Some(code) = attr(invite, "code") {
        let id = behind(world, &code).ok_or(Refusal::NOT_FOUND)?;
        if sets {
            return join(world, me, &id);
        }
        return Answer::node(info::preview_node(world, &id, find(world, &id)?));
    }
    let id = addressed(world, node)?;
    if sets {
        change::apply(world, &id, me, &Change::Invite)?;
    }
    let group = find(world, &id)?;
    if !group.is_admin(me) {
        return Err(FORBIDDEN);
    }
    Answer::node(
        NodeBuilder::new("invite")
            .attr("code", group.invite.as_str())
            .build(),
    )
}

/// The group behind a code.
fn behind(world: &World, code: &str) -> Option<String> {
    let mut groups = world.areas.groups.groups.iter();
    groups
        .find(|(_, group)| group.invite == code)
        .map(|(id, _)| id.clone())
}

fn join(world: &mut World, me: Pn, id: &str) -> Result<Answer, Refusal> {
    let answer = if enter(world, me, id, BY_LINK)? {
        NodeBuilder::new("group")
    } else {
        NodeBuilder::new("membership_approval_request")
    };
    Answer::node(answer.attr("jid", jid_of(id)).build())
}

/// Somebody comes in by themselves. Gives whether they are in: else an admin has to agree.
pub(super) fn enter(world: &mut World, me: Pn, id: &str, way: Way) -> Result<bool, Refusal> {
    let group = find(world, id)?;
    if group.role(me).is_some() {
        return Err(Refusal {
            code: 409,
            text: "conflict",
        });
    }
    // Its members are those of its community.
    if group.is_announcement() {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    if !group.settings.approval {
        roster::join(world, id, me, way.reason)?;
        return Ok(true);
    }
    let admins: Vec<Pn> = group
        .members
        .keys()
        .copied()
        .filter(|pn| group.is_admin(*pn))
        .collect();
    let since = world.now_s();
    if let Some(group) = world.areas.groups.groups.get_mut(&id.to_owned()) {
        group.requests.insert(me, since);
    }
    let user = NodeBuilder::new("requested_user")
        .attr("jid", world.lid_jid(me.phone()))
        .attr("phone_number", me.jid())
        .build();
    let created = NodeBuilder::new("created_membership_requests")
        .attr("request_method", way.method)
        .children([user])
        .build();
    announce(world, id, me, &admins, vec![created]);
    Ok(false)
}

fn requests(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let group = find(world, &id)?;
    if !group.is_admin(client.device.pn) {
        return Err(FORBIDDEN);
    }
    let requests = group.requests.iter().map(|(pn, since)| {
        NodeBuilder::new("membership_approval_request")
            .attr("jid", world.lid_jid(pn.phone()))
            .attr("phone_number", pn.jid())
            .attr("request_time", since.to_string())
            .build()
    });
    let list = NodeBuilder::new("membership_approval_requests")
        .children(requests)
        .build();
    Answer::node(list)
}

/// An admin lets people in, or does not.
fn decide(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let me = client.device.pn;
    let group = find(world, &id)?;
    if !group.is_admin(me) {
        return Err(FORBIDDEN);
    }
    let waiting: Vec<Pn> = group.requests.keys().copied().collect();
    let action = child(node, "membership_requests_action").ok_or(Refusal::BAD_REQUEST)?;
    let (tag, decided) = ["approve", "reject"]
        .into_iter()
        .find_map(|tag| Some((tag, child(action, tag)?)))
        .ok_or(Refusal::BAD_REQUEST)?;
    let mut nodes = Vec::new();
    let mut people = Vec::new();
    for (address, person) in named(world, decided) {
        match person.filter(|pn| waiting.contains(pn)) {
            Some(pn) => people.push(pn),
            None => nodes.push(nobody_node(&address)),
        }
    }
    let outcomes = if tag == "approve" {
        change::apply(world, &id, me, &Change::Add(people))?
    } else {
        turn_away(world, &id, me, people)
    };
    nodes.extend(outcomes.iter().map(|outcome| outcome_node(world, outcome)));
    let inner = NodeBuilder::new(tag).children(nodes).build();
    Answer::node(
        NodeBuilder::new("membership_requests_action")
            .children([inner])
            .build(),
    )
}

fn turn_away(world: &mut World, id: &str, by: Pn, people: Vec<Pn>) -> Vec<Outcome> {
    if let Some(group) = world.areas.groups.groups.get_mut(&id.to_owned()) {
        for pn in &people {
            group.requests.remove(pn);
        }
    }
    let participants: Vec<Node> = people
        .iter()
        .map(|pn| info::participant(world, *pn, None))
        .collect();
    let revoked = NodeBuilder::new("revoked_membership_requests")
        .children(participants)
        .build();
    announce(world, id, by, &people, vec![revoked]);
    people
        .into_iter()
        .map(|pn| Outcome { pn, status: 200 })
        .collect()
}
