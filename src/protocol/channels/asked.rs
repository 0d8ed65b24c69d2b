//! Questions about posts whose numbers the library does not hand on.

use anyhow::Context as _;
use buffa::Message as _;
use wacore::{
    iq::{newsletter::NEWSLETTER_XMLNS, spec::IqSpec},
    request::InfoQuery,
};
use wacore_binary::{Jid, Node, NodeContent, NodeRef, builder::NodeBuilder};
use waproto::whatsapp as wa;

use crate::{domain::channel::ReactionCount, protocol::convert::Posted};

/// How long WhatsApp tells of reactions when it does not say.
const LIVE_S: u64 = 300;

fn about(content: Node) -> NodeContent {
    NodeContent::Nodes(vec![content])
}

/// The posts of a channel.
pub(super) struct Posts {
    pub(super) channel: Jid,
    pub(super) count: u32,
    pub(super) before: Option<u64>,
}

impl IqSpec for Posts {
    type Response = Vec<Posted>;

    fn build_iq(&self) -> InfoQuery<'static> {
        let mut wanted = NodeBuilder::new("messages").attr("count", self.count);
        if let Some(before) = self.before {
            wanted = wanted.attr("before", before);
        }
        InfoQuery::get(
            NEWSLETTER_XMLNS,
            self.channel.clone(),
            Some(about(wanted.build())),
        )
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> Result<Self::Response, anyhow::Error> {
        let posts = response.get_optional_child("messages");
        let posts = posts.context("an answer without posts")?.children();
        let posts = posts.into_iter().flatten();
        Ok(posts.filter_map(posted).collect())
    }
}

fn posted(node: &NodeRef<'_>) -> Option<Posted> {
    let text = |name: &str| node.get_attr(name).map(|value| value.as_str().into_owned());
    let content = node.get_optional_child("plaintext")?.content_bytes()?;
    let counted =
        |node: &NodeRef<'_>| -> Option<u64> { node.get_attr("count")?.as_str().parse().ok() };
    let reactions = node.get_optional_child("reactions");
    let reactions = reactions.and_then(|reactions| reactions.children());
    let reactions = reactions.into_iter().flatten().filter_map(|one| {
        Some(ReactionCount {
            emoji: one.get_attr("code")?.as_str().into_owned(),
            count: counted(one)?,
        })
    });
    Some(Posted {
        message_id: text("id")?,
        server_id: text("server_id")?.parse().ok()?,
        at_s: text("t")?.parse().ok()?,
        is_own: text("is_sender").as_deref() == Some("true"),
        views: node
            .get_optional_child("views_count")
            .and_then(counted)
            .unwrap_or(0),
        reactions: reactions.collect(),
        message: wa::Message::decode_from_slice(content).ok()?,
    })
}

/// Reactions to posts of a channel, as they come.
pub(super) struct Live {
    pub(super) channel: Jid,
}

impl IqSpec for Live {
    type Response = u64;

    fn build_iq(&self) -> InfoQuery<'static> {
        let wanted = about(NodeBuilder::new("live_updates").build());
        InfoQuery::set(NEWSLETTER_XMLNS, self.channel.clone(), Some(wanted))
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> Result<Self::Response, anyhow::Error> {
        let live = response.get_optional_child("live_updates");
        let duration = live.and_then(|live| live.get_attr("duration"));
        let duration = duration.and_then(|text| text.as_str().parse().ok());
        Ok(duration.unwrap_or(LIVE_S))
    }
}
