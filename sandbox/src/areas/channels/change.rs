//! Changes of channels and of who follows them: the right to make them, and the row.

use std::collections::BTreeMap;

use rand::RngExt as _;

use super::book::{Channel, FIRST_POST, Follower, Picture};
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::store::Blob;
use crate::world::World;

pub(super) const FORBIDDEN: Refusal = Refusal {
    code: 403,
    text: "forbidden",
};

/// What WhatsApp allows.
const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 2048;
const MAX_PICTURE_BYTES: usize = 1024 * 1024;
/// Length of an invite code.
const INVITE_CHARS: usize = 22;

/// What is to be different; what is none stays.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) name: Option<String>,
    /// Empty = the description goes.
    pub(super) description: Option<String>,
    /// Empty = the picture goes.
    pub(super) picture: Option<Vec<u8>>,
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Result<&'a Channel, Refusal> {
    let channels = &world.areas.channels.channels;
    channels.get(&id.to_owned()).ok_or(Refusal::NOT_FOUND)
}

/// The id of the channel with this invite.
pub(super) fn invited(world: &World, code: &str) -> Result<String, Refusal> {
    let mut channels = world.areas.channels.channels.iter();
    let found = channels.find(|(_, channel)| channel.invite == code);
    found.map(|(id, _)| id.clone()).ok_or(Refusal::NOT_FOUND)
}

pub(super) fn edit<R>(
    world: &mut World,
    id: &str,
    edit: impl FnOnce(&mut Channel) -> R,
) -> Result<R, Refusal> {
    let channel = world.areas.channels.channels.get_mut(&id.to_owned());
    channel.map(edit).ok_or(Refusal::NOT_FOUND)
}

fn check(changes: &Changes) -> Result<(), Refusal> {
    let name = changes.name.as_ref().map(|name| name.chars().count());
    let description = changes.description.as_ref();
    let description = description.map_or(0, |text| text.chars().count());
    let picture = changes.picture.as_ref().map_or(0, Vec::len);
    let fits = name.is_none_or(|length| (1..=MAX_NAME_CHARS).contains(&length))
        && description <= MAX_DESCRIPTION_CHARS
        && picture <= MAX_PICTURE_BYTES;
    fits.then_some(()).ok_or(Refusal::NOT_ACCEPTABLE)
}

/// Makes a channel. Returns its id.
pub(super) fn create(world: &mut World, owner: Pn, changes: Changes) -> Result<String, Refusal> {
    check(&changes)?;
    let name = changes.name.clone().ok_or(Refusal::BAD_REQUEST)?;
    let id = loop {
        let number = world.rng.random_range(0..1_000_000_000_000_u64);
        let id = format!("120363{number:012}");
        if !world.areas.channels.channels.contains(&id) {
            break id;
        }
    };
    let alphabet = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut letter = || char::from(alphabet[world.rng.random_range(0..alphabet.len())]);
    let invite = (0..INVITE_CHARS).map(|_| letter()).collect();
    let channel = Channel {
        name,
        description: None,
        picture: None,
        invite,
        owner,
        owner_muted: false,
        created_s: world.now_s(),
        followers: BTreeMap::new(),
        next_post: FIRST_POST,
    };
    world.areas.channels.channels.insert(id.clone(), channel);
    update(world, &id, owner, changes)?;
    Ok(id)
}

/// The owner changes what the channel shows of itself.
pub(super) fn update(world: &mut World, id: &str, by: Pn, changes: Changes) -> Result<(), Refusal> {
    if find(world, id)?.owner != by {
        return Err(FORBIDDEN);
    }
    check(&changes)?;
    let picture_id = world.rng.random_range(1_000_000_000..10_000_000_000_u64);
    edit(world, id, |channel| {
        if let Some(name) = changes.name {
            channel.name = name;
        }
        if let Some(text) = changes.description {
            channel.description = Some(text).filter(|text| !text.is_empty());
        }
        if let Some(image) = changes.picture {
            channel.picture = (!image.is_empty()).then(|| Picture {
                id: picture_id.to_string(),
                image: Blob(image),
            });
        }
    })
}

/// The owner ends the channel, and everything in it.
pub(super) fn delete(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    if find(world, id)?.owner != by {
        return Err(FORBIDDEN);
    }
    let channels = &mut world.areas.channels;
    channels.channels.remove(&id.to_owned());
    let posts = (id.to_owned(), 0)..=(id.to_owned(), u64::MAX);
    channels.posts.remove_range(posts);
    channels.live.retain(|(channel, _), _| channel != id);
    Ok(())
}

/// Whoever follows already goes on following.
pub(super) fn follow(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    if find(world, id)?.owner == by {
        return Err(FORBIDDEN);
    }
    let since_s = world.now_s();
    edit(world, id, |channel| {
        let follower = Follower {
            muted: false,
            since_s,
        };
        channel.followers.entry(by).or_insert(follower);
    })
}

pub(super) fn leave(world: &mut World, id: &str, by: Pn) -> Result<(), Refusal> {
    let channel = find(world, id)?;
    if channel.owner == by {
        return Err(FORBIDDEN);
    }
    if !channel.reads(by) {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    edit(world, id, |channel| channel.followers.remove(&by)).map(drop)
}

/// Mutes the channel for one of its people, as what they are in it.
pub(super) fn mute(
    world: &mut World,
    id: &str,
    by: Pn,
    (setting, muted): (&str, bool),
) -> Result<(), Refusal> {
    let channel = find(world, id)?;
    let own = match channel.role(by) {
        "owner" => "MUTE_ADMIN_ACTIVITY",
        "subscriber" => "MUTE_FOLLOWER_ACTIVITY",
        _ => return Err(FORBIDDEN),
    };
    if setting != own {
        return Err(Refusal::BAD_REQUEST);
    }
    edit(world, id, |channel| {
        if channel.owner == by {
            channel.owner_muted = muted;
        } else if let Some(follower) = channel.followers.get_mut(&by) {
            follower.muted = muted;
        }
    })
}
