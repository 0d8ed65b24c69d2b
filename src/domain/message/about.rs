//! What is said about another message: each names it by WhatsApp's id.

use serde::{Deserialize, Serialize};

use super::bodies::Text;

/// Somebody's sign at a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reaction {
    /// The message it is about.
    pub message_id: String,
    /// An emoji; empty when the reaction was taken back.
    pub emoji: String,
}

/// Another wording of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Edit {
    /// The message it is about.
    pub message_id: String,
    /// What it says now.
    pub text: Text,
}

/// A message was deleted for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Revoke {
    /// The message it is about.
    pub message_id: String,
}

/// Somebody's choice in a poll. It replaces what they chose before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Vote {
    /// The poll.
    pub message_id: String,
    /// What they chose, nothing if they took their choice back; none when it could not be decrypted.
    pub options: Option<Vec<String>>,
}

/// Whether somebody comes to a calendar event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// They come.
    Going,
    /// They do not.
    NotGoing,
    /// They may.
    Maybe,
}

/// Somebody's answer to a calendar event. It replaces what they answered before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Response {
    /// The calendar event.
    pub message_id: String,
    /// Whether they come; none when it could not be decrypted.
    pub answer: Option<Answer>,
    /// How many they bring along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_guests: Option<u32>,
}

/// A message stands at the top of its chat for everybody, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pin {
    /// The message it is about.
    pub message_id: String,
    /// Whether it stands there.
    pub pinned: bool,
    /// For how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
}

/// A message that would disappear is kept for everybody, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Keep {
    /// The message it is about.
    pub message_id: String,
    /// Whether it is kept.
    pub kept: bool,
}
