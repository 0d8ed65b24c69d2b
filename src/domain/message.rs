//! Messages in both directions, as the API shows them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    address::{Address, Chat, ChatKind, Party},
    is_false,
};

mod about;
mod ack;
mod bodies;
mod content;
mod media;

pub use about::{Answer, Edit, Keep, Pin, Reaction, Response, Revoke, Vote};
pub use ack::{Ack, Status};
pub use bodies::{Card, Contact, Location, NotKept, Occasion, Poll, Text, Unknown, Venue};
pub use content::Content;
pub use media::{
    Attached, Audio, CameWith, Class, Document, Image, Reference, Sticker, Video, Voice,
};

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplyTo {
    /// WhatsApp's id of the message that is answered.
    pub message_id: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Party>,
    /// What it said, as the answer quotes it.
    #[serde(flatten)]
    pub content: Option<Box<Content>>,
    /// It is a status post of the person who is written to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub status: bool,
    /// Where WhatsApp has its file: for this service alone.
    #[serde(skip)]
    pub file: Option<Box<Reference>>,
}

/// What is shown of a page that a text links to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkPreview {
    /// The address; it stands in the text.
    pub url: String,
    /// The title of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the page says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What comes with any kind of message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Context {
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub reply_to: Option<Box<ReplyTo>>,
    /// Who is mentioned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Party>,
    /// What is shown of a page that it links to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub link_preview: Option<LinkPreview>,
    /// It was written elsewhere and handed on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forwarded: bool,
    /// It disappears so long after it was read or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
    /// It can be opened once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub view_once: bool,
    /// Of a post in a channel: its number there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<u64>,
    /// Of an own status post, and of what is written about it: who gets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Party>,
}

impl Context {
    /// The addresses of those who get a status post.
    pub fn audience(&self) -> Vec<Address> {
        let addresses = self.recipients.iter().map(|one| one.id.parse());
        addresses.filter_map(Result::ok).collect()
    }
}

/// What a message carries for this service alone. It is never shown and never in an event.
#[derive(Clone, PartialEq, Eq)]
pub enum Private {
    /// The secret of a poll or a calendar event: answers to it are encrypted with it.
    Secret(Vec<u8>),
    /// Where WhatsApp has the file of the message.
    Media(Reference),
    /// An answer that is still encrypted.
    Sealed {
        /// The ciphertext.
        payload: Vec<u8>,
        /// Its nonce.
        iv: Vec<u8>,
    },
    /// WhatsApp's server has let an admin of the group write it.
    ByAdmin,
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private")
    }
}

/// The `data` of a `message` event, and a message of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Message {
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Party,
    /// Whether this account wrote it.
    pub from_me: bool,
    /// The name the sender goes by.
    pub push_name: Option<String>,
    /// When it was written, RFC 3339, by WhatsApp's clock.
    pub timestamp: String,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// What comes with it.
    #[serde(flatten)]
    pub context: Context,
    /// For this service alone.
    #[serde(skip)]
    pub private: Option<Box<Private>>,
}

impl Message {
    /// As an answer quotes it.
    pub fn quoted(&self) -> ReplyTo {
        let file = match self.private.as_deref() {
            // What opens once is named, and not shown again.
            Some(Private::Media(at)) if !self.context.view_once => Some(Box::new(at.clone())),
            _ => None,
        };
        ReplyTo {
            message_id: self.message_id.clone(),
            sender: Some(self.sender.clone()),
            content: Some(&self.content)
                .filter(|content| !matches!(content, Content::NotKept { .. }))
                .map(|content| Box::new(content.clone())),
            status: self.chat.kind == ChatKind::Status,
            file,
        }
    }

    /// As it is stored where no texts are kept: who wrote what kind where and when, to whom.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let Context {
            reply_to,
            mentions: _,
            link_preview: _,
            forwarded,
            expires_in_s,
            view_once,
            server_id,
            recipients,
        } = &self.context;
        let reply_to = reply_to.as_deref().map(|reply| {
            Box::new(ReplyTo {
                message_id: reply.message_id.clone(),
                sender: reply.sender.clone(),
                content: None,
                status: reply.status,
                file: None,
            })
        });
        Self {
            content: self.content.without_words(),
            context: Context {
                reply_to,
                mentions: Vec::new(),
                link_preview: None,
                forwarded: *forwarded,
                expires_in_s: *expires_in_s,
                view_once: *view_once,
                server_id: *server_id,
                recipients: recipients.clone(),
            },
            private: None,
            ..self.clone()
        }
    }

    /// Whether it is a text and nothing else.
    pub fn is_plain(&self) -> bool {
        matches!(self.content, Content::Text { .. }) && self.context == Context::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_with_a_message_stands_beside_its_body_and_is_left_out_when_there_is_none() {
        let bob = Party::person(Some("491700000202".to_owned()), None);
        let plain = Message {
            message_id: "A".to_owned(),
            chat: Chat {
                party: bob.clone(),
                kind: ChatKind::User,
            },
            sender: bob.clone(),
            from_me: false,
            push_name: None,
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
            content: Content::text("hi"),
            context: Context::default(),
            private: Some(Box::new(Private::Secret(vec![7; 32]))),
        };
        let json = serde_json::to_value(&plain).unwrap();
        let keys = json.as_object().unwrap().len();
        assert_eq!(keys, 8, "{json}");

        let reply = Message {
            context: Context {
                reply_to: Some(Box::new(ReplyTo {
                    message_id: "B".to_owned(),
                    sender: Some(bob),
                    content: Some(Box::new(Content::text("who?"))),
                    status: false,
                    file: None,
                })),
                expires_in_s: Some(86_400),
                ..Context::default()
            },
            private: None,
            ..plain
        };
        let json = serde_json::to_value(&reply).unwrap();
        assert_eq!(json["reply_to"]["text"], json!({"body": "who?"}));
        assert_eq!(json["expires_in_s"], 86_400);
        let read: Message = serde_json::from_value(json).unwrap();
        assert_eq!(read, reply);
    }
}
