//! Reading and building stanzas: small functions over `Node` that every area uses.

use std::borrow::Cow;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, NodeValue, SERVER_JID};

/// A refusal with the code and text that the protocol would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) text: &'static str,
}

impl Refusal {
    pub(crate) const BAD_REQUEST: Self = Self {
        code: 400,
        text: "bad-request",
    };
    pub(crate) const NOT_FOUND: Self = Self {
        code: 404,
        text: "item-not-found",
    };
    pub(crate) const NOT_ACCEPTABLE: Self = Self {
        code: 406,
        text: "not-acceptable",
    };
    pub(crate) const INTERNAL: Self = Self {
        code: 500,
        text: "internal-server-error",
    };
}

pub(crate) fn attr<'a>(node: &'a Node, name: &str) -> Option<Cow<'a, str>> {
    node.attrs.get(name).map(|value| value.as_str())
}

pub(crate) fn jid(node: &Node, name: &str) -> Option<Jid> {
    node.attrs.get(name).and_then(NodeValue::to_jid)
}

pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

pub(crate) fn child<'a>(node: &'a Node, tag: &str) -> Option<&'a Node> {
    node.get_optional_child(tag)
}

/// The content as bytes. Short text may arrive as a dictionary string.
pub(crate) fn bytes(node: &Node) -> Option<Cow<'_, [u8]>> {
    match node.content.as_ref()? {
        NodeContent::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        NodeContent::String(text) => Some(Cow::Borrowed(text.as_bytes())),
        NodeContent::Nodes(_) => None,
    }
}

pub(crate) fn child_bytes<'a>(node: &'a Node, tag: &str) -> Option<Cow<'a, [u8]>> {
    bytes(child(node, tag)?)
}

/// A number in `1..=8` big-endian bytes, as pre-key ids and registration ids are sent.
pub(crate) fn child_number(node: &Node, tag: &str) -> Option<u32> {
    let bytes = child_bytes(node, tag)?;
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    Some(bytes.iter().fold(0, |n, b| (n << 8) | u32::from(*b)))
}

/// The result of an IQ.
pub(crate) fn iq_result(request: &Node, children: Vec<Node>) -> Node {
    let mut answer = NodeBuilder::new("iq")
        .attr("from", attr(request, "to").as_deref().unwrap_or(SERVER_JID))
        .attr("type", "result")
        .attr("id", attr(request, "id").as_deref().unwrap_or_default());
    if !children.is_empty() {
        answer = answer.children(children);
    }
    answer.build()
}

/// The refusal of an IQ.
pub(crate) fn iq_error(request: &Node, refusal: Refusal) -> Node {
    let error = error_node(refusal);
    NodeBuilder::new("iq")
        .attr("from", attr(request, "to").as_deref().unwrap_or(SERVER_JID))
        .attr("type", "error")
        .attr("id", attr(request, "id").as_deref().unwrap_or_default())
        .children([error])
        .build()
}

pub(crate) fn error_node(refusal: Refusal) -> Node {
    NodeBuilder::new("error")
        .attr("code", refusal.code.to_string())
        .attr("text", refusal.text)
        .build()
}

/// The server's `<ack>` of a stanza, with an error code when it is refused.
pub(crate) fn ack(stanza: &Node, t: u64, refusal: Option<Refusal>) -> Node {
    let mut ack = NodeBuilder::new("ack")
        .attr("class", stanza.tag.as_ref())
        .attr("id", attr(stanza, "id").as_deref().unwrap_or_default())
        .attr("from", attr(stanza, "to").as_deref().unwrap_or(SERVER_JID))
        .attr("t", t.to_string());
    for name in ["type", "participant"] {
        if let Some(value) = attr(stanza, name) {
            ack = ack.attr(name, value.as_ref());
        }
    }
    if let Some(refusal) = refusal {
        ack = ack.attr("error", refusal.code.to_string());
    }
    ack.build()
}
