//! Which function answers which stanza.
//!
//! Owns the handler table, keyed by (namespace, child) for IQs and by tag for the rest. Knows no area by name:
//! each registers itself. Called by the hub for every stanza of a linked device.

use std::collections::HashMap;

use wacore_binary::Node;

use crate::jids::DeviceKey;
use crate::stanza::{self, Refusal, attr};
use crate::world::World;
use crate::world::live::ConnId;

/// The linked device that sent a stanza.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) device: DeviceKey,
}

/// What an IQ handler wants to happen.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A result with these children.
    Result(Vec<Node>),
    /// The handler has answered by itself, because something had to follow the answer.
    Sent,
}

impl Answer {
    #[expect(clippy::unnecessary_wraps, reason = "what a handler ends with")]
    pub(crate) fn empty() -> Result<Self, Refusal> {
        Ok(Self::Result(Vec::new()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a handler ends with")]
    pub(crate) fn node(node: Node) -> Result<Self, Refusal> {
        Ok(Self::Result(vec![node]))
    }
}

pub(crate) type IqHandler = fn(&mut World, Client, &Node) -> Result<Answer, Refusal>;
pub(crate) type StanzaHandler = fn(&mut World, Client, &Node) -> Result<(), Refusal>;

#[derive(Debug, Default)]
pub(crate) struct HandlerTable {
    iqs: HashMap<(&'static str, &'static str), IqHandler>,
    stanzas: HashMap<&'static str, StanzaHandler>,
}

/// Registers for every child of a namespace, and for an IQ without children.
pub(crate) const ANY_CHILD: &str = "";

impl HandlerTable {
    /// Answers `<iq xmlns=namespace>` that has a child of this name. Two areas cannot claim one pair.
    pub(crate) fn iq(&mut self, namespace: &'static str, child: &'static str, handler: IqHandler) {
        let earlier = self.iqs.insert((namespace, child), handler);
        debug_assert!(earlier.is_none(), "{namespace}/{child} has two handlers");
    }

    /// Takes every stanza with this tag (not `iq`).
    pub(crate) fn stanza(&mut self, tag: &'static str, handler: StanzaHandler) {
        let earlier = self.stanzas.insert(tag, handler);
        debug_assert!(earlier.is_none(), "<{tag}> has two handlers");
    }

    fn find_iq(&self, namespace: &str, node: &Node) -> Option<IqHandler> {
        let by_child = stanza::children(node)
            .iter()
            .find_map(|child| self.iqs.get(&(namespace, child.tag.as_ref())));
        by_child
            .or_else(|| self.iqs.get(&(namespace, ANY_CHILD)))
            .copied()
    }

    /// One stanza of a linked device.
    pub(crate) fn dispatch(&self, world: &mut World, client: Client, node: &Node) {
        if node.tag == "iq" {
            self.dispatch_iq(world, client, node);
            return;
        }
        let Some(handler) = self.stanzas.get(node.tag.as_ref()) else {
            tracing::debug!(tag = %node.tag, "a stanza that nobody here takes");
            return;
        };
        if let Err(refusal) = handler(world, client, node) {
            tracing::info!(tag = %node.tag, code = refusal.code, text = refusal.text, "refused");
            let nack = stanza::ack(node, world.now_s(), Some(refusal));
            world.send(client.conn, &nack);
        }
    }

    fn dispatch_iq(&self, world: &mut World, client: Client, node: &Node) {
        let kind = attr(node, "type").unwrap_or_default();
        if kind != "get" && kind != "set" {
            // The result of something the server asked; nothing here waits for one after login.
            return;
        }
        let namespace = attr(node, "xmlns").unwrap_or_default();
        let answer = if let Some(handler) = self.find_iq(&namespace, node) {
            handler(world, client, node)
        } else {
            let child = stanza::children(node)
                .first()
                .map_or("", |c| c.tag.as_ref());
            tracing::info!(namespace = %namespace, child, "an unknown query gets an empty result");
            Answer::empty()
        };
        match answer {
            Ok(Answer::Result(children)) => {
                world.send(client.conn, &stanza::iq_result(node, children));
            }
            Ok(Answer::Sent) => {}
            Err(refusal) => {
                tracing::info!(namespace = %namespace, code = refusal.code, "query refused");
                world.send(client.conn, &stanza::iq_error(node, refusal));
            }
        }
    }
}
