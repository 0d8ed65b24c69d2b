//! What devices ask about posts: those of the past, and to be told at once how they fare.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{JidExt, Node};

use super::book::Post;
use super::change::find;
use super::jid_of;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::stanza::{Refusal, attr, child, jid};
use crate::world::World;

/// Posts of one answer.
const MAX_POSTS: usize = 100;
/// How long a device is told without asking again.
const LIVE_S: u64 = 300;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("newsletter", "messages", messages);
    table.iq("newsletter", "live_updates", live);
}

fn addressed(world: &World, node: &Node) -> Result<String, Refusal> {
    let to = jid(node, "to").filter(JidExt::is_newsletter);
    let id = to.ok_or(Refusal::BAD_REQUEST)?.user.to_string();
    find(world, &id)?;
    Ok(id)
}

/// The last posts before a number, the oldest first.
fn messages(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let asked = child(node, "messages").ok_or(Refusal::BAD_REQUEST)?;
    let number = |name: &str| attr(asked, name).and_then(|text| text.parse().ok());
    let count = number("count").unwrap_or(MAX_POSTS as u64);
    let count = usize::try_from(count).map_or(MAX_POSTS, |count| count.min(MAX_POSTS));
    let before: u64 = number("before").unwrap_or(u64::MAX);
    let is_owner = find(world, &id)?.owner == client.device.pn;
    let posts = world
        .areas
        .channels
        .posts
        .range((id.clone(), 0)..(id.clone(), before));
    let mut posts: Vec<Node> = posts
        .rev()
        .take(count)
        .map(|((_, number), post)| past(*number, post, is_owner))
        .collect();
    posts.reverse();
    Answer::node(list(world, &id, posts))
}

/// `<messages>` around some posts.
pub(super) fn list(world: &World, id: &str, posts: Vec<Node>) -> Node {
    NodeBuilder::new("messages")
        .attr("jid", jid_of(id))
        .attr("t", world.now_s().to_string())
        .children(posts)
        .build()
}

fn past(number: u64, post: &Post, is_owner: bool) -> Node {
    let mut node = head(number, post);
    if is_owner {
        node = node.attr("is_sender", "true");
    }
    let mut children = vec![plaintext(post)];
    children.extend(fares(post));
    node.children(children).build()
}

/// `<message>` with what names a post.
pub(super) fn head(number: u64, post: &Post) -> NodeBuilder {
    NodeBuilder::new("message")
        .attr("id", post.id.as_str())
        .attr("server_id", number.to_string())
        .attr("t", (post.at_ms / 1000).to_string())
        .attr("type", post.kind.as_str())
}

pub(super) fn plaintext(post: &Post) -> Node {
    let mut plaintext = NodeBuilder::new("plaintext");
    if let Some(media) = &post.media {
        plaintext = plaintext.attr("mediatype", media.as_str());
    }
    plaintext.bytes(post.content.0.clone()).build()
}

/// Who saw a post and what they made of it, in numbers.
pub(super) fn fares(post: &Post) -> [Node; 2] {
    let reactions = post.counts().into_iter().map(|(emoji, count)| {
        NodeBuilder::new("reaction")
            .attr("code", emoji)
            .attr("count", count.to_string())
            .build()
    });
    [
        NodeBuilder::new("views_count")
            .attr("count", post.seen_by.len().to_string())
            .build(),
        NodeBuilder::new("reactions").children(reactions).build(),
    ]
}

fn live(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let until = world.now_ms + LIVE_S * 1000;
    let live = &mut world.areas.channels.live;
    live.insert((id, client.device), until);
    let answer = NodeBuilder::new("live_updates").attr("duration", LIVE_S.to_string());
    Answer::node(answer.build())
}
