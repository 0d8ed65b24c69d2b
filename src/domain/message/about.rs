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
    /// What it says now, if it is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub text: Option<Text>,
    /// What is written below its file now, empty for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

impl Edit {
    /// A text says something else.
    pub const fn of_text(message_id: String, text: Text) -> Self {
        Self {
            message_id,
            text: Some(text),
            caption: None,
        }
    }

    /// Something else is written below a file.
    pub const fn of_caption(message_id: String, caption: String) -> Self {
        Self {
            message_id,
            text: None,
            caption: Some(caption),
        }
    }

    /// The new wording.
    pub fn wording(&self) -> &str {
        let text = self.text.as_ref().map(|text| text.body.as_str());
        text.or(self.caption.as_deref()).unwrap_or_default()
    }
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
