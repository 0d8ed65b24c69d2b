//! Channels: what they show of themselves, and how their posts fare.

use serde::{Deserialize, Serialize};

use super::{address::Chat, message::Message};

/// What this account is in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRole {
    /// Has made it.
    Owner,
    /// Posts in it.
    Admin,
    /// Reads what is posted.
    Follower,
    /// Looks at it, no more.
    Guest,
}

impl ChannelRole {
    /// Whether it may post, and change what the channel shows.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Channel {
    /// `…@newsletter`.
    #[schema(example = "120363000000000001@newsletter")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Null when it has none.
    pub description: Option<String>,
    /// Null when it has no picture.
    pub picture_id: Option<String>,
    /// The code that leads to it.
    pub invite: Option<String>,
    /// How many follow it.
    pub followers: u64,
    /// Whether WhatsApp vouches for it.
    pub verified: bool,
    /// Whether WhatsApp has closed it, here or everywhere.
    pub suspended: bool,
    /// What this account is in it.
    pub role: ChannelRole,
    /// Whether this account is told of it without a sound.
    pub muted: bool,
    /// RFC 3339.
    pub created_at: Option<String>,
}

/// How often an emoji was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: String,
    /// By how many.
    pub count: u64,
}

/// A post of a channel, and how it fares.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Post {
    /// What was posted.
    #[serde(flatten)]
    pub message: Message,
    /// How many saw it.
    pub views: u64,
    /// What people made of it; who they are is not told.
    pub reactions: Vec<ReactionCount>,
}

/// How one post fares now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostReactions {
    /// The number of the post in its channel.
    pub server_id: u64,
    /// All reactions to it.
    pub reactions: Vec<ReactionCount>,
}

/// `channel.reactions`: how posts of a channel fare now, after live updates of it were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelReactionsData {
    /// The channel.
    pub chat: Chat,
    /// The posts.
    pub posts: Vec<PostReactions>,
}

/// What is to be different about a channel; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description; an empty one goes.
    pub description: Option<String>,
    /// Its picture, a JPEG; an empty one goes.
    pub picture: Option<Vec<u8>>,
}
