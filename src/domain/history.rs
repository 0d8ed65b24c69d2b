//! What a phone tells of the past: chats, and the messages in them.

use super::{
    address::Chat,
    message::{Ack, Message},
};

/// How a chat stood when the phone told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChat {
    /// Which one.
    pub chat: Chat,
    /// What it is called.
    pub name: Option<String>,
    /// It was put away.
    pub archived: bool,
    /// It stays on top.
    pub pinned: bool,
    /// Until when it is silent, in milliseconds since 1970; negative has no end.
    pub muted_until: Option<i64>,
    /// After how many seconds its messages disappear; 0 is never.
    pub ephemeral_s: Option<u32>,
    /// It was marked as unread.
    pub marked_unread: bool,
}

/// A message of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastMessage {
    /// The message.
    pub message: Message,
    /// How far it had come; of others whether it was read.
    pub ack: Ack,
}

/// Some messages of one chat, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The chat.
    pub chat: PastChat,
    /// Its messages.
    pub messages: Vec<PastMessage>,
}
