//! A channel and its posts as they are kept, and who may do what.

use std::collections::{BTreeMap, BTreeSet};

use buffa::Message as _;
use serde::{Deserialize, Serialize};
use waproto::whatsapp as wa;

use crate::jids::Pn;
use crate::store::Blob;

/// The number of a channel's first post: clients take lower ones for none.
pub(super) const FIRST_POST: u64 = 100;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) picture: Option<Picture>,
    /// The code in the channel's link.
    pub(super) invite: String,
    pub(super) owner: Pn,
    pub(super) owner_muted: bool,
    pub(super) created_s: u64,
    pub(super) followers: BTreeMap<Pn, Follower>,
    /// The number of the next post.
    pub(super) next_post: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Picture {
    pub(super) id: String,
    pub(super) image: Blob,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Follower {
    pub(super) muted: bool,
    pub(super) since_s: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Post {
    pub(super) id: String,
    pub(super) at_ms: u64,
    /// `type` of the stanza.
    pub(super) kind: String,
    /// `mediatype` of its content.
    pub(super) media: Option<String>,
    /// The encoded `Message`; empty once it was deleted.
    pub(super) content: Blob,
    pub(super) edited: bool,
    pub(super) deleted: bool,
    pub(super) reactions: BTreeMap<Pn, String>,
    pub(super) seen_by: BTreeSet<Pn>,
}

impl Channel {
    /// What somebody is in it, as the protocol calls it.
    pub(super) fn role(&self, pn: Pn) -> &'static str {
        if self.owner == pn {
            "owner"
        } else if self.followers.contains_key(&pn) {
            "subscriber"
        } else {
            "guest"
        }
    }

    pub(super) fn is_muted(&self, pn: Pn) -> bool {
        if self.owner == pn {
            self.owner_muted
        } else {
            self.followers.get(&pn).is_some_and(|one| one.muted)
        }
    }

    /// Whether what is posted goes to this person.
    pub(super) fn reads(&self, pn: Pn) -> bool {
        self.owner == pn || self.followers.contains_key(&pn)
    }

    pub(super) fn everybody(&self) -> Vec<Pn> {
        std::iter::once(self.owner)
            .chain(self.followers.keys().copied())
            .collect()
    }
}

impl Post {
    pub(super) fn message(&self) -> wa::Message {
        wa::Message::decode_from_slice(&self.content.0).unwrap_or_default()
    }

    /// How many people chose which emoji.
    pub(super) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for emoji in self.reactions.values() {
            *counts.entry(emoji.as_str()).or_insert(0) += 1;
        }
        counts
    }
}
