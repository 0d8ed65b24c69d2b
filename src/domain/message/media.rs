//! Messages with a file: what is shown of the file, what each kind says about it, and where WhatsApp has it.

use std::fmt;

use entity::ids::{MediaId, SessionId};
use serde::{Deserialize, Serialize};

use super::Message;
use crate::domain::{
    address::{ChatKind, Party},
    is_false,
};

/// The file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attached {
    /// Our id of the file.
    #[schema(value_type = String, example = "med_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    pub id: MediaId,
    /// Where it is read, below the address of the service.
    pub url: String,
    /// What it is.
    pub mimetype: String,
    /// Bytes.
    pub size: u64,
    /// Of the bytes, in hexadecimal digits.
    pub sha256: String,
}

impl Attached {
    /// Where the file of a session is read.
    pub fn url(session: SessionId, id: MediaId) -> String {
        format!("/v1/sessions/{session}/media/{id}")
    }
}

/// What is said about a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Image {
    /// What is written below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// What is said about a film.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Video {
    /// What is written below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// It plays by itself, over and over, without a sound.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gif: bool,
}

/// What is said about a sound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Audio {
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// What is said about something spoken into the phone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Voice {
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// How loud it is over time: up to 64 numbers from 0 to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waveform: Vec<u8>,
}

/// What is said about a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Document {
    /// What the file is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What is written below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// What is said about a sticker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sticker {
    /// It moves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub animated: bool,
}

/// What a file is to WhatsApp: each has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound, spoken or not.
    Audio,
    /// Anything.
    Document,
    /// A sticker.
    Sticker,
}

/// Where WhatsApp has a file, and how it is opened: never shown, and sealed where it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is to WhatsApp.
    pub class: Class,
    /// Below any of WhatsApp's hosts for files.
    pub direct_path: String,
    /// Where it was put.
    pub url: Option<String>,
    /// Opens it; empty when it lies open, as files of channels do.
    pub key: Vec<u8>,
    /// Of the file.
    pub sha256: Vec<u8>,
    /// Of what WhatsApp has.
    pub encrypted_sha256: Vec<u8>,
    /// Bytes of the file.
    pub length: u64,
    /// When the key was made, in seconds since 1970.
    pub key_at: Option<i64>,
    /// Lets a phone play it while it comes.
    pub sidecar: Option<Vec<u8>>,
    /// A small JPEG that is shown before it has come.
    pub preview: Option<Vec<u8>>,
    /// The message that it came with: the phone has the file as well.
    #[serde(default)]
    pub came_with: Option<Box<CameWith>>,
    /// What WhatsApp calls it, of the file of a post: the post has to say it.
    #[serde(default)]
    pub handle: Option<String>,
}

/// The message that a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameWith {
    /// WhatsApp's id.
    pub message_id: String,
    /// The address of the chat.
    pub chat: String,
    /// Who wrote it, in a group.
    pub participant: Option<String>,
    /// Whether it is the account's own.
    pub from_me: bool,
}

impl CameWith {
    /// As WhatsApp itself names the message: people by their LID, where that is known.
    pub fn of(message: &Message) -> Self {
        let address = |party: &Party| party.lid.clone().unwrap_or_else(|| party.id.clone());
        let is_group = message.chat.kind == ChatKind::Group;
        Self {
            message_id: message.message_id.clone(),
            chat: address(&message.chat.party),
            participant: is_group.then(|| address(&message.sender)),
            from_me: message.from_me,
        }
    }
}

impl Reference {
    /// Whether it is not encrypted.
    pub const fn is_open(&self) -> bool {
        self.key.is_empty()
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference")
            .field("class", &self.class)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
