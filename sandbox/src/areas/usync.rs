//! Usync: who is on WhatsApp, under which addresses, with which devices.
//!
//! Whoever asks for somebody's devices is remembered, and is told when they change.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::devices;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, attr, bytes, child, children, jid};
use crate::store::Table;
use crate::world::World;

/// Who has asked for whose devices.
pub(super) type Watchers = Table<(Pn, DeviceKey), ()>;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("usync", "usync", usync);
}

fn usync(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let request = child(node, "usync").ok_or(Refusal::BAD_REQUEST)?;
    let query = child(request, "query").ok_or(Refusal::BAD_REQUEST)?;
    let list = child(request, "list").ok_or(Refusal::BAD_REQUEST)?;
    let users = children(list)
        .iter()
        .map(|user| answer_user(world, client, query, user))
        .collect::<Vec<_>>();
    let results = children(query)
        .iter()
        .map(|q| Node::new(q.tag.clone(), wacore_binary::Attrs::new(), None));
    let result = NodeBuilder::new("result").children(results).build();
    let mut answer = NodeBuilder::new("usync");
    for name in ["sid", "index", "last", "mode", "context"] {
        if let Some(value) = attr(request, name) {
            answer = answer.attr(name, value.as_ref());
        }
    }
    let list = NodeBuilder::new("list").children(users).build();
    Answer::node(answer.children([result, list]).build())
}

/// One `<user>`: named by address, or by a number in `<contact>`.
fn answer_user(world: &mut World, client: Client, query: &Node, user: &Node) -> Node {
    let asked = jid(user, "jid");
    let number = child(user, "contact")
        .and_then(bytes)
        .map(|b| String::from_utf8_lossy(&b).into_owned());
    let found = match (&asked, &number) {
        (Some(address), _) => world.resolve(address).map(|key| key.pn),
        (None, Some(number)) => Pn::parse(number).filter(|pn| world.person(*pn).is_some()),
        (None, None) => None,
    };
    let address = asked.unwrap_or_else(|| match (found, &number) {
        (Some(pn), _) => pn.jid(),
        (None, Some(number)) => Jid::pn(number.trim_start_matches('+')),
        (None, None) => Jid::pn(""),
    });
    let answers = children(query)
        .iter()
        .filter_map(|q| match (q.tag.as_ref(), found) {
            ("contact", found) => Some(contact(found, number.as_deref())),
            ("lid", Some(pn)) => Some(
                NodeBuilder::new("lid")
                    .attr("val", world.lid_jid(pn.phone()))
                    .build(),
            ),
            ("devices", Some(pn)) => {
                world.areas.watchers.insert((pn, client.device), ());
                devices::list_node(world, pn)
            }
            (tag, Some(pn)) => super::about_person(world, tag, pn),
            (_, None) => None,
        })
        .collect::<Vec<_>>();
    NodeBuilder::new("user")
        .attr("jid", address)
        .children(answers)
        .build()
}

fn contact(found: Option<Pn>, number: Option<&str>) -> Node {
    let kind = if found.is_some() { "in" } else { "out" };
    let node = NodeBuilder::new("contact").attr("type", kind);
    match number {
        Some(number) => node.string_content(number).build(),
        None => node.build(),
    }
}
