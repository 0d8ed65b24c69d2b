//! What an account can do with a chat, and what is different about the chat then.

use super::{
    clock::rfc3339,
    event::{ChatChanges, ChatLabel},
};

/// What can be done with a chat; it holds on every device of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatAction {
    /// Puts it away, or back.
    Archive(bool),
    /// Keeps it on top, or no longer.
    Pin(bool),
    /// Silences it: until so many milliseconds since 1970, or without an end.
    Mute(Option<i64>),
    /// Lets it sound again.
    Unmute,
    /// Counts it as read, or as unread.
    Read(bool),
    /// Puts a label on it, or takes it from there.
    Label(ChatLabel),
    /// Removes it.
    Delete,
}

impl ChatAction {
    /// What is different then.
    pub fn changes(self) -> ChatChanges {
        let mut changes = ChatChanges::default();
        match self {
            Self::Archive(archived) => changes.archived = Some(archived),
            Self::Pin(pinned) => changes.pinned = Some(pinned),
            Self::Mute(until) => {
                changes.muted = Some(true);
                changes.muted_until = until.map(rfc3339);
            }
            Self::Unmute => changes.muted = Some(false),
            Self::Read(read) => changes.read = Some(read),
            Self::Label(label) => changes.label = Some(label),
            Self::Delete => changes.deleted = Some(true),
        }
        changes
    }
}
