//! What a message says: one variant for each kind, its body under a key of the kind's name.
//!
//! Both directions have the same shapes. A kind that is about another message (a reaction, an edit, …) names it by
//! WhatsApp's id; it is shown with that message and is no message of the chat itself.

use serde::{Deserialize, Serialize};

use super::{
    about::{Edit, Keep, Pin, Reaction, Response, Revoke, Vote},
    bodies::{Contact, Location, NotKept, Occasion, Poll, Text, Unknown},
    media::{Attached, Audio, Document, Image, Sticker, Video, Voice},
};

/// What a message says. Each kind sits under a key of its own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A text.
    Text {
        /// The text.
        text: Text,
    },
    /// A picture.
    Image {
        /// The picture.
        image: Image,
        /// Its file.
        media: Attached,
    },
    /// A film.
    Video {
        /// The film.
        video: Video,
        /// Its file.
        media: Attached,
    },
    /// A sound.
    Audio {
        /// The sound.
        audio: Audio,
        /// Its file.
        media: Attached,
    },
    /// A sound that was spoken into the phone.
    Voice {
        /// What is known of it.
        voice: Voice,
        /// Its file.
        media: Attached,
    },
    /// A document.
    Document {
        /// The document.
        document: Document,
        /// Its file.
        media: Attached,
    },
    /// A sticker.
    Sticker {
        /// The sticker.
        sticker: Sticker,
        /// Its file.
        media: Attached,
    },
    /// A place.
    Location {
        /// The place.
        location: Location,
    },
    /// One contact card, or several.
    Contact {
        /// The cards.
        contact: Contact,
    },
    /// A poll.
    Poll {
        /// The poll.
        poll: Poll,
    },
    /// A calendar event.
    Event {
        /// The calendar event.
        event: Occasion,
    },
    /// A kind that this version does not type.
    Unknown {
        /// What is known of it.
        #[serde(default)]
        unknown: Unknown,
    },
    /// What is not known any more: the session keeps no texts (`log_messages`). In the list alone, in no event.
    NotKept {
        /// What is left of it.
        not_kept: NotKept,
    },
    /// A sign at another message.
    Reaction {
        /// The reaction.
        reaction: Reaction,
    },
    /// Another wording of another message.
    Edit {
        /// The edit.
        edit: Edit,
    },
    /// The end of another message.
    Revoke {
        /// What is deleted.
        revoke: Revoke,
    },
    /// A choice in a poll.
    Vote {
        /// The vote.
        vote: Vote,
    },
    /// An answer to a calendar event.
    Response {
        /// The answer.
        response: Response,
    },
    /// Another message at the top of the chat.
    Pin {
        /// The pin.
        pin: Pin,
    },
    /// Another message that does not disappear.
    Keep {
        /// What is kept.
        keep: Keep,
    },
}

impl Content {
    /// The words of the kinds that are about another message.
    pub const ABOUT_OTHERS: [&'static str; 7] = [
        "reaction", "edit", "revoke", "vote", "response", "pin", "keep",
    ];

    /// The words of the kinds that are messages of their own.
    pub const LISTED: [&'static str; 12] = [
        "text", "image", "video", "audio", "voice", "document", "sticker", "location", "contact",
        "poll", "event", "unknown",
    ];

    /// What is searched for words: a text, a caption or else the name of a file, a question, an occasion.
    pub fn searchable(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(&text.body),
            Self::Image { image, .. } => image.caption.as_deref(),
            Self::Video { video, .. } => video.caption.as_deref(),
            Self::Document { document, .. } => {
                let name = document.filename.as_deref();
                document.caption.as_deref().or(name)
            }
            Self::Poll { poll } => Some(&poll.name),
            Self::Event { event } => Some(&event.name),
            _ => None,
        }
    }

    /// What is written below its file; none where nothing can be.
    pub const fn caption_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Image { image, .. } => Some(&mut image.caption),
            Self::Video { video, .. } => Some(&mut video.caption),
            Self::Document { document, .. } => Some(&mut document.caption),
            _ => None,
        }
    }

    /// Says what `edit` has it say; false for a kind without a wording.
    pub fn reword(&mut self, edit: &Edit) -> bool {
        let wording = edit.wording();
        if let Self::Text { text } = self {
            wording.clone_into(&mut text.body);
            return true;
        }
        let Some(caption) = self.caption_mut() else {
            return false;
        };
        *caption = Some(wording.to_owned()).filter(|wording| !wording.is_empty());
        true
    }

    /// A text.
    pub fn text(body: impl Into<String>) -> Self {
        let body = body.into();
        Self::Text {
            text: Text { body },
        }
    }

    /// The same without what it says; what pins, keeps or deletes another says nothing.
    #[must_use]
    pub fn without_words(&self) -> Self {
        if let Self::Revoke { .. } | Self::Pin { .. } | Self::Keep { .. } = self {
            return self.clone();
        }
        let not_kept = NotKept {
            kind: self.kind().to_owned(),
            message_id: self.target().map(str::to_owned),
        };
        Self::NotKept { not_kept }
    }

    /// The word of the kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image { .. } => "image",
            Self::Video { .. } => "video",
            Self::Audio { .. } => "audio",
            Self::Voice { .. } => "voice",
            Self::Document { .. } => "document",
            Self::Sticker { .. } => "sticker",
            Self::Location { .. } => "location",
            Self::Contact { .. } => "contact",
            Self::Poll { .. } => "poll",
            Self::Event { .. } => "event",
            Self::Unknown { .. } => "unknown",
            Self::NotKept { .. } => "not_kept",
            Self::Reaction { .. } => "reaction",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Vote { .. } => "vote",
            Self::Response { .. } => "response",
            Self::Pin { .. } => "pin",
            Self::Keep { .. } => "keep",
        }
    }

    /// Its file, if it has one.
    pub const fn media(&self) -> Option<&Attached> {
        match self {
            Self::Image { media, .. }
            | Self::Video { media, .. }
            | Self::Audio { media, .. }
            | Self::Voice { media, .. }
            | Self::Document { media, .. }
            | Self::Sticker { media, .. } => Some(media),
            _ => None,
        }
    }

    /// The same, to be filled in.
    pub const fn media_mut(&mut self) -> Option<&mut Attached> {
        match self {
            Self::Image { media, .. }
            | Self::Video { media, .. }
            | Self::Audio { media, .. }
            | Self::Voice { media, .. }
            | Self::Document { media, .. }
            | Self::Sticker { media, .. } => Some(media),
            _ => None,
        }
    }

    /// WhatsApp's id of the message that it is about, if it is about another.
    pub fn target(&self) -> Option<&str> {
        Some(match self {
            Self::Reaction { reaction } => &reaction.message_id,
            Self::Edit { edit } => &edit.message_id,
            Self::Revoke { revoke } => &revoke.message_id,
            Self::Vote { vote } => &vote.message_id,
            Self::Response { response } => &response.message_id,
            Self::Pin { pin } => &pin.message_id,
            Self::Keep { keep } => &keep.message_id,
            Self::NotKept { not_kept } => return not_kept.message_id.as_deref(),
            Self::Text { .. }
            | Self::Image { .. }
            | Self::Video { .. }
            | Self::Audio { .. }
            | Self::Voice { .. }
            | Self::Document { .. }
            | Self::Sticker { .. }
            | Self::Location { .. }
            | Self::Contact { .. }
            | Self::Poll { .. }
            | Self::Event { .. }
            | Self::Unknown { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::Card, *};

    #[test]
    fn a_text_has_the_shape_of_the_contract() {
        let json = serde_json::to_value(Content::text("hi")).unwrap();
        assert_eq!(json, json!({"type": "text", "text": {"body": "hi"}}));
    }

    #[test]
    fn one_card_and_several_are_told_apart_by_their_shape() {
        let card = Card {
            name: "Bob".into(),
            phone: Some("491700000202".into()),
            organization: None,
            vcard: None,
        };
        let one = Content::Contact {
            contact: Contact::One(card.clone()),
        };
        let many = Content::Contact {
            contact: Contact::Many {
                name: "two".into(),
                cards: vec![card.clone(), card],
            },
        };
        for content in [one, many] {
            let json = serde_json::to_value(&content).unwrap();
            assert_eq!(serde_json::from_value::<Content>(json).unwrap(), content);
        }
    }

    #[test]
    fn an_edit_changes_a_wording_and_leaves_what_has_none_alone() {
        let mut picture: Content = serde_json::from_value(json!({
            "type": "image", "image": {"caption": "helo"},
            "media": {"id": "med_0190a2b4c6d87e6f8a1b2c3d4e5f6071", "url": "", "mimetype": "image/png", "size": 1, "sha256": ""},
        }))
        .unwrap();
        assert!(picture.reword(&Edit::of_caption("A".into(), "hello".into())));
        assert_eq!(picture.searchable(), Some("hello"));
        assert!(picture.reword(&Edit::of_caption("A".into(), String::new())));
        assert_eq!(picture.searchable(), None);
        let mut unknown = Content::Unknown {
            unknown: Unknown::default(),
        };
        assert!(!unknown.reword(&Edit::of_caption("A".into(), "x".into())));
    }

    #[test]
    fn a_row_of_an_earlier_version_that_knew_less_of_a_kind_can_be_read() {
        let row = json!({"type": "unknown", "kind": "image_message"});
        let content: Content = serde_json::from_value(row).unwrap();
        assert_eq!(content.kind(), "unknown");
    }
}
