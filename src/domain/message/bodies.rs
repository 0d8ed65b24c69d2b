//! What each kind says that has no file and is about no other message.

use serde::{Deserialize, Serialize};

use crate::domain::is_false;

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Text {
    /// What is written.
    pub body: String,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Location {
    /// Degrees, north is positive.
    pub latitude: f64,
    /// Degrees, east is positive.
    pub longitude: f64,
    /// What the place is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The place moves: this is where it was when the sharing began.
    #[serde(default, skip_serializing_if = "is_false")]
    pub live: bool,
}

/// A contact card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Card {
    /// Whose it is.
    pub name: String,
    /// Digits of the first number, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where that person works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The whole card, as a vCard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcard: Option<String>,
}

/// One contact card, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Contact {
    /// Several.
    Many {
        /// What the phone calls them together.
        name: String,
        /// Each of them.
        cards: Vec<Card>,
    },
    /// One.
    One(Card),
}

/// A question with options to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Poll {
    /// The question.
    pub name: String,
    /// What can be chosen, each one different.
    pub options: Vec<String>,
    /// Whether one may choose more than one.
    pub multi: bool,
    /// The right option, if the poll is a quiz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiz: Option<String>,
}

/// A calendar event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Occasion {
    /// What it is called.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it begins, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// When it ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Venue>,
    /// Where one joins it from afar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_link: Option<String>,
    /// Whether one may bring others along.
    #[serde(default, skip_serializing_if = "is_false")]
    pub extra_guests: bool,
    /// It will not take place.
    #[serde(default, skip_serializing_if = "is_false")]
    pub canceled: bool,
}

/// Where a calendar event takes place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Venue {
    /// What the place is called.
    pub name: String,
    /// Degrees, north is positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees, east is positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
}

/// A kind that this version does not type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unknown {
    /// The name of the field of WhatsApp's message that is set.
    pub kind: Option<String>,
    /// WhatsApp's message, whole: names as in its protobuf in snake case, bytes in base64, what is not set left out.
    /// Null when it is nested too deep.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub raw: serde_json::Value,
}

/// What a message said while its session kept no texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NotKept {
    /// The kind that it was: `text`, `image`, …
    pub kind: String,
    /// WhatsApp's id of the message that it was about, if it was about another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}
