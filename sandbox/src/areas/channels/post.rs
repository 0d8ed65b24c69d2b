//! What is posted in channels, and what becomes of it.
//!
//! The server reads posts: they are not encrypted. Each follower's phone shows them, each linked device gets a copy
//! through its queue.

use std::collections::{BTreeMap, BTreeSet};

use buffa::Message as _;
use wacore::send::{media_type_from_message, stanza_type_from_message};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

use super::book::Post;
use super::change::{FORBIDDEN, edit, find};
use super::{jid_of, query};
use crate::areas::media;
use crate::areas::messages::Chat;
use crate::areas::phone::log::Entry;
use crate::dispatch::Client;
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, ack, attr, bytes, child};
use crate::store::Blob;
use crate::world::World;

/// `edit` of a stanza with another wording, and of one that deletes.
const EDITED: &str = "3";
const REVOKED: &str = "8";

/// `<message>` from a linked device to a channel.
pub(crate) fn message(
    world: &mut World,
    client: Client,
    node: &Node,
    to: &Jid,
) -> Result<(), Refusal> {
    let id = to.user.to_string();
    let me = client.device.pn;
    let mut taken = ack(node, world.now_s(), None);
    if let Some(reaction) = child(node, "reaction") {
        let number = attr(node, "server_id").and_then(|text| text.parse().ok());
        let emoji = attr(reaction, "code").unwrap_or_default().into_owned();
        react(world, &id, number.ok_or(Refusal::BAD_REQUEST)?, me, &emoji)?;
        world.send(client.conn, &taken);
        return Ok(());
    }
    let message_id = attr(node, "id").ok_or(Refusal::BAD_REQUEST)?.into_owned();
    let content = child(node, "plaintext").and_then(bytes).unwrap_or_default();
    let content = wa::Message::decode_from_slice(&content).map_err(|_| Refusal::BAD_REQUEST)?;
    let number = match attr(node, "edit").as_deref() {
        None => {
            check_media(&content, attr(node, "media_id").as_deref())?;
            publish(world, &id, (me, Some(client.device)), (message_id, content))?
        }
        Some(EDITED) => amend(world, &id, client.device, &message_id, Some(content))?,
        Some(REVOKED) => amend(world, &id, client.device, &message_id, None)?,
        Some(_) => return Err(Refusal::BAD_REQUEST),
    };
    taken.attrs.insert("server_id", number.to_string());
    world.send(client.conn, &taken);
    Ok(())
}

/// A file of a post lies open on the server, which has given its handle when it was put there.
fn check_media(content: &wa::Message, handle: Option<&str>) -> Result<(), Refusal> {
    let Some(file) = media::sealed(content) else {
        return Ok(());
    };
    if file.is_open() && handle == Some(&*media::handle_of(&file)) {
        return Ok(());
    }
    Err(Refusal::BAD_REQUEST)
}

/// Posts. The same post sent again is the one that is there. Returns its number.
pub(super) fn publish(
    world: &mut World,
    id: &str,
    (by, device): (Pn, Option<DeviceKey>),
    (message_id, content): (String, wa::Message),
) -> Result<u64, Refusal> {
    if find(world, id)?.owner != by {
        return Err(FORBIDDEN);
    }
    if let Some(number) = number_of(world, id, &message_id) {
        return Ok(number);
    }
    let number = edit(world, id, |channel| {
        channel.next_post += 1;
        channel.next_post - 1
    })?;
    let post = Post {
        id: message_id,
        at_ms: world.now_ms,
        kind: stanza_type_from_message(&content).to_owned(),
        media: media_type_from_message(&content).map(str::to_owned),
        content: Blob(content.encode_to_vec()),
        edited: false,
        deleted: false,
        reactions: BTreeMap::new(),
        seen_by: BTreeSet::new(),
    };
    world
        .areas
        .channels
        .posts
        .insert((id.to_owned(), number), post);
    spread(world, id, number, None, device);
    Ok(number)
}

/// Another wording of a post, or its end.
fn amend(
    world: &mut World,
    id: &str,
    device: DeviceKey,
    message_id: &str,
    content: Option<wa::Message>,
) -> Result<u64, Refusal> {
    if find(world, id)?.owner != device.pn {
        return Err(FORBIDDEN);
    }
    let number = number_of(world, id, message_id).ok_or(Refusal::NOT_FOUND)?;
    let edit = if content.is_some() { EDITED } else { REVOKED };
    let post = world.areas.channels.posts.get_mut(&(id.to_owned(), number));
    let post = post.ok_or(Refusal::NOT_FOUND)?;
    post.edited |= content.is_some();
    post.deleted |= content.is_none();
    post.content = Blob(content.map_or_else(Vec::new, |content| content.encode_to_vec()));
    spread(world, id, number, Some(edit), Some(device));
    Ok(number)
}

fn number_of(world: &World, id: &str, message_id: &str) -> Option<u64> {
    let all = (id.to_owned(), 0)..=(id.to_owned(), u64::MAX);
    let mut posts = world.areas.channels.posts.range(all);
    let found = posts.find(|(_, post)| post.id == message_id);
    found.map(|((_, number), _)| *number)
}

/// To everybody who reads the channel, but for the device that has posted.
fn spread(world: &mut World, id: &str, number: u64, edit: Option<&str>, except: Option<DeviceKey>) {
    let post = world.areas.channels.posts.get(&(id.to_owned(), number));
    let (Some(post), Ok(channel)) = (post.cloned(), find(world, id)) else {
        return;
    };
    let (owner, people) = (channel.owner, channel.everybody());
    let mut stanza = query::head(number, &post).attr("from", jid_of(id));
    if let Some(edit) = edit {
        stanza = stanza.attr("edit", edit);
    }
    let stanza = stanza.children([query::plaintext(&post)]).build();
    let chat = Chat::Group(jid_of(id));
    for pn in people {
        let entry = Entry::new(world, &post.id, owner.phone(), &chat, &post.message());
        world.areas.phone.log.add(pn, entry);
        for device in world.devices_of(pn) {
            if !device.is_phone() && Some(device) != except {
                world.deliver(device, &stanza);
            }
        }
    }
}

/// A person reacts; an empty emoji takes the reaction back.
pub(super) fn react(
    world: &mut World,
    id: &str,
    number: u64,
    by: Pn,
    emoji: &str,
) -> Result<(), Refusal> {
    if !find(world, id)?.reads(by) {
        return Err(FORBIDDEN);
    }
    let post = post_mut(world, id, number)?;
    if emoji.is_empty() {
        post.reactions.remove(&by);
    } else {
        post.reactions.insert(by, emoji.to_owned());
    }
    tell_live(world, id, number);
    Ok(())
}

/// A person has seen a post.
pub(super) fn see(world: &mut World, id: &str, number: u64, by: Pn) -> Result<(), Refusal> {
    find(world, id)?;
    post_mut(world, id, number)?.seen_by.insert(by);
    tell_live(world, id, number);
    Ok(())
}

fn post_mut<'a>(world: &'a mut World, id: &str, number: u64) -> Result<&'a mut Post, Refusal> {
    let post = world.areas.channels.posts.get_mut(&(id.to_owned(), number));
    post.filter(|post| !post.deleted).ok_or(Refusal::NOT_FOUND)
}

/// How a post fares, to the devices that have asked to be told.
fn tell_live(world: &mut World, id: &str, number: u64) {
    let Some(post) = world.areas.channels.posts.get(&(id.to_owned(), number)) else {
        return;
    };
    let post = query::head(number, post)
        .children(query::fares(post))
        .build();
    let updates = NodeBuilder::new("live_updates").children([query::list(world, id, vec![post])]);
    let told = NodeBuilder::new("notification")
        .attr("from", jid_of(id))
        .attr("type", "newsletter")
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children([updates.build()])
        .build();
    let now = world.now_ms;
    let live = &mut world.areas.channels.live;
    live.retain(|_, until| *until > now);
    let asked = live.keys().filter(|(channel, _)| channel == id);
    let mut devices: Vec<DeviceKey> = asked.map(|(_, device)| *device).collect();
    devices.sort_unstable();
    for device in devices {
        world.send_if_listening(device, &told);
    }
}
