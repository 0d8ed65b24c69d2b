//! Blocked people: what they write does not arrive.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::dispatch::{ANY_CHILD, Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, attr, child, jid};
use crate::world::World;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("blocklist", ANY_CHILD, blocklist);
}

/// Whether `who` has blocked `whom`.
pub(crate) fn blocks(world: &World, who: Pn, whom: Pn) -> bool {
    world.areas.profile.blocked.contains(&(who, whom))
}

fn blocklist(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let me = client.device.pn;
    if attr(node, "type").is_some_and(|kind| kind == "set") {
        let item = child(node, "item").ok_or(Refusal::BAD_REQUEST)?;
        let address = jid(item, "jid").ok_or(Refusal::BAD_REQUEST)?;
        let whom = world.resolve(&address).ok_or(Refusal::NOT_FOUND)?.pn;
        let block = match attr(item, "action").as_deref() {
            Some("block") => true,
            Some("unblock") => false,
            _ => return Err(Refusal::BAD_REQUEST),
        };
        set(world, me, whom, block)?;
    }
    let items: Vec<Node> = list(world, me)
        .map(|(whom, since)| {
            NodeBuilder::new("item")
                .attr("jid", world.lid_jid(whom.phone()))
                .attr("t", since.to_string())
                .build()
        })
        .collect();
    Answer::node(NodeBuilder::new("list").children(items).build())
}

pub(super) fn set(world: &mut World, me: Pn, whom: Pn, block: bool) -> Result<(), Refusal> {
    if me == whom {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    let since = world.now_s();
    let blocked = &mut world.areas.profile.blocked;
    if !block {
        blocked.remove(&(me, whom));
    } else if !blocked.contains(&(me, whom)) {
        blocked.insert((me, whom), since);
    }
    Ok(())
}

/// Whom a person has blocked, and since when.
pub(super) fn list(world: &World, me: Pn) -> impl Iterator<Item = (Pn, u64)> {
    let rows = world
        .areas
        .profile
        .blocked
        .range((me, Pn(0))..=(me, Pn(u64::MAX)));
    rows.map(|((_, whom), since)| (*whom, *since))
}
