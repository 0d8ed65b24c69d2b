//! Questions about groups.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};

use super::book::Group;
use super::change::FORBIDDEN;
use super::info;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, child, children, jid};
use crate::world::World;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:g2", "query", query);
    table.iq("w:g2", "participating", participating);
}

/// The group that a request is addressed to.
pub(super) fn addressed(world: &World, node: &Node) -> Result<String, Refusal> {
    let to = jid(node, "to")
        .filter(Jid::is_group)
        .ok_or(Refusal::BAD_REQUEST)?;
    let id = to.user.to_string();
    if world.areas.groups.groups.contains(&id) {
        Ok(id)
    } else {
        Err(Refusal::NOT_FOUND)
    }
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Result<&'a Group, Refusal> {
    world
        .areas
        .groups
        .groups
        .get(&id.to_owned())
        .ok_or(Refusal::NOT_FOUND)
}

fn query(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let query = child(node, "query").ok_or(Refusal::BAD_REQUEST)?;
    let wanted: Vec<Jid> = children(query)
        .iter()
        .filter_map(|group| jid(group, "jid"))
        .collect();
    if !wanted.is_empty() {
        let me = client.device.pn;
        let groups: Vec<Node> = wanted
            .iter()
            .map(|group| one_of_many(world, me, group))
            .collect();
        return Answer::node(NodeBuilder::new("groups").children(groups).build());
    }
    let id = addressed(world, node)?;
    let group = find(world, &id)?;
    if group.role(client.device.pn).is_none() {
        return Err(FORBIDDEN);
    }
    Answer::node(info::group_node(world, &id, group))
}

/// One group of a batch: its row, or why not.
fn one_of_many(world: &World, me: Pn, group: &Jid) -> Node {
    let id = group.user.to_string();
    let error = |code: &'static str| {
        NodeBuilder::new("group")
            .attr("id", id.as_str())
            .attr("error", code)
            .build()
    };
    match find(world, &id) {
        Ok(row) if row.role(me).is_some() => info::group_node(world, &id, row),
        Ok(_) => error("403"),
        Err(_) => error("404"),
    }
}

fn participating(world: &mut World, client: Client, _: &Node) -> Result<Answer, Refusal> {
    let groups = world.areas.groups.groups.iter();
    let mine = groups.filter(|(_, group)| group.role(client.device.pn).is_some());
    let nodes: Vec<Node> = mine
        .map(|(id, group)| info::group_node(world, id, group))
        .collect();
    // The container is there even when it is empty.
    Answer::node(NodeBuilder::new("groups").children(nodes).build())
}
