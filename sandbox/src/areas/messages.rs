//! Messages: from a device to each device of the receiver, unopened.
//!
//! The server reads the envelope only. What is for a phone is handed to the phone, what is for a linked device goes
//! through its queue.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::{channels, groups, phone, profile, reuse, status, trust};
use crate::dispatch::{Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, ack, attr, child, children, jid};
use crate::world::World;

pub(super) fn register(table: &mut HandlerTable) {
    table.stanza("message", message);
}

/// Where a message belongs.
#[derive(Debug, Clone)]
pub(crate) enum Chat {
    /// The receiver of a one-to-one message.
    Person(Pn),
    /// Where a message names its writer beside the chat: a group, a channel, the status posts.
    Group(Jid),
}

/// One message on its way to one device.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) from: DeviceKey,
    pub(crate) id: String,
    pub(crate) chat: Chat,
    /// Addressed by LID (else by phone number).
    pub(crate) lid: bool,
    /// `type`, `edit`, `category`, …: passed on as they are.
    pub(crate) attrs: Vec<(&'static str, String)>,
    /// `<enc>` nodes for this device.
    pub(crate) encs: Vec<Node>,
    /// `<device-identity>`, `<meta>`, …: passed on as they are.
    pub(crate) extras: Vec<Node>,
}

/// Attributes of a message that the receiver gets to see.
const PASSED_ATTRS: [&str; 4] = ["type", "edit", "category", "push_priority"];
/// Children that are for the server alone.
const SERVER_CHILDREN: [&str; 5] = ["participants", "enc", "tctoken", "reporting", "cstoken"];

impl Letter {
    /// The envelope of a device's `<message>`, still without ciphertext.
    pub(crate) fn envelope(node: &Node, from: DeviceKey, chat: Chat, lid: bool) -> Option<Self> {
        let attrs = PASSED_ATTRS
            .into_iter()
            .filter_map(|name| Some((name, attr(node, name)?.into_owned())))
            .collect();
        let extras = children(node)
            .iter()
            .filter(|child| !SERVER_CHILDREN.contains(&child.tag.as_ref()))
            .cloned()
            .collect();
        let id = attr(node, "id")?.into_owned();
        Some(Self {
            from,
            id,
            chat,
            lid,
            attrs,
            encs: Vec::new(),
            extras,
        })
    }

    fn address(&self, world: &World, key: DeviceKey) -> Jid {
        if self.lid {
            world.lid_jid(key)
        } else {
            key.pn_jid()
        }
    }

    /// The stanza as the receiving device gets it.
    fn stanza(&self, world: &World, to: DeviceKey) -> Node {
        let name = world
            .accounts
            .get(&self.from.pn)
            .map(|a| a.name.as_str())
            .unwrap_or_default();
        let mut node = NodeBuilder::new("message")
            .attr("id", self.id.as_str())
            .attr("t", world.now_s().to_string())
            .attr("notify", name)
            .attr("addressing_mode", if self.lid { "lid" } else { "pn" });
        for (name, value) in &self.attrs {
            node = node.attr(name, value.as_str());
        }
        let sender = self.address(world, self.from);
        let other = if self.lid {
            self.from.pn.jid()
        } else {
            world.lid_jid(self.from.pn.phone())
        };
        node = match &self.chat {
            Chat::Group(group) => node.attr("from", group).attr("participant", sender).attr(
                if self.lid {
                    "participant_pn"
                } else {
                    "participant_lid"
                },
                other,
            ),
            Chat::Person(_) if to.pn != self.from.pn => node
                .attr("from", sender)
                .attr(if self.lid { "sender_pn" } else { "sender_lid" }, other),
            // A peer message stays between the person's own devices and names nobody else.
            Chat::Person(_) if self.is_peer() => node.attr("from", sender),
            Chat::Person(receiver) => node
                .attr("from", sender)
                .attr("recipient", self.address(world, receiver.phone())),
        };
        node.children(self.encs.iter().chain(&self.extras).cloned())
            .build()
    }

    pub(crate) fn is_peer(&self) -> bool {
        self.attrs
            .iter()
            .any(|(name, value)| *name == "category" && value == "peer")
    }
}

/// Gives a letter to one device.
pub(crate) fn hand_over(world: &mut World, letter: &Letter, to: DeviceKey) {
    let direct = matches!(letter.chat, Chat::Person(_));
    if direct && profile::blocks(world, to.pn, letter.from.pn) {
        return;
    }
    if to.is_phone() {
        phone::receive(world, to.pn, letter);
    } else {
        let stanza = letter.stanza(world, to);
        world.deliver(to, &stanza);
    }
}

/// `<message>` from a linked device.
fn message(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let to = jid(node, "to").ok_or(Refusal::BAD_REQUEST)?;
    match to.server {
        Server::Pn | Server::Legacy | Server::Lid => direct(world, client, node, &to),
        Server::Group => groups::message(world, client, node, &to),
        Server::Broadcast => status::message(world, client, node, &to),
        Server::Newsletter => channels::message(world, client, node, &to),
        _ => Err(Refusal::NOT_FOUND),
    }
}

/// To a person: one ciphertext for each of their devices and each other device of the sender.
fn direct(world: &mut World, client: Client, node: &Node, to: &Jid) -> Result<(), Refusal> {
    let receiver = world.resolve(to).ok_or(Refusal::NOT_FOUND)?;
    // A resend to one of the sender's own devices names the chat in `recipient`.
    let chat = jid(node, "recipient")
        .and_then(|r| world.resolve(&r))
        .unwrap_or(receiver);
    let envelope = Letter::envelope(
        node,
        client.device,
        Chat::Person(chat.pn),
        to.server == Server::Lid,
    )
    .ok_or(Refusal::BAD_REQUEST)?;
    let letters = addressed(world, node, receiver).ok_or(Refusal::BAD_REQUEST)?;
    trust::admit(world, client.device, chat.pn, node)?;
    let taken = ack(node, world.now_s(), None);
    world.send(client.conn, &taken);
    for (device, encs) in letters {
        for enc in &encs {
            reuse::note(world, client.device, "", enc);
        }
        let letter = Letter {
            encs,
            ..envelope.clone()
        };
        hand_over(world, &letter, device);
    }
    Ok(())
}

/// The ciphertexts by device: those in `<participants>`, and a bare `<enc>` for the device of `to`.
pub(crate) fn addressed(
    world: &mut World,
    node: &Node,
    to: DeviceKey,
) -> Option<Vec<(DeviceKey, Vec<Node>)>> {
    let encs_of = |node: &Node| node.get_children_by_tag("enc").cloned().collect::<Vec<_>>();
    let mut letters = Vec::new();
    for participant in child(node, "participants")
        .map(children)
        .unwrap_or_default()
    {
        let device = jid(participant, "jid").and_then(|address| world.resolve(&address))?;
        letters.push((device, encs_of(participant)));
    }
    let bare = encs_of(node);
    if !bare.is_empty() {
        letters.push((to, bare));
    }
    Some(letters)
}
