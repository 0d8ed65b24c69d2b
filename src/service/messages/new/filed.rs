//! A message with a file, and as what the file is shown.

use super::NewMessage;
use crate::{
    domain::{
        address::Address,
        message::{Attached, Audio, Content, Document, Image, Video},
    },
    service::media::{self, File},
};

/// As what a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound, which has no caption.
    Audio,
    /// A document.
    Document,
}

impl Shown {
    /// As what WhatsApp shows this file; whatever it shows in no other way is a document.
    pub fn fitting(file: &File) -> Self {
        let mut kinds = [Self::Image, Self::Video, Self::Audio].into_iter();
        let fits = kinds.find(|kind| media::check(&kind.content(file, None)).is_ok());
        fits.unwrap_or(Self::Document)
    }

    fn content(self, file: &File, caption: Option<String>) -> Content {
        let media = Attached::of(file);
        match self {
            Self::Image => Content::Image {
                image: Image {
                    caption,
                    ..Image::default()
                },
                media,
            },
            Self::Video => Content::Video {
                video: Video {
                    caption,
                    ..Video::default()
                },
                media,
            },
            Self::Audio => Content::Audio {
                audio: Audio::default(),
                media,
            },
            Self::Document => Content::Document {
                document: Document {
                    filename: file.filename.clone(),
                    caption,
                },
                media,
            },
        }
    }
}

impl NewMessage {
    /// A message with a file that is here, and what is written below it.
    pub fn file(to: Address, file: &File, shown: Shown, caption: Option<String>) -> Self {
        Self::of(to, shown.content(file, caption))
    }
}
