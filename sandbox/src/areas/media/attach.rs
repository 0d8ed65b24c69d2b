//! A phone sends media: encrypt, upload, and the message that says where it is and how to open it.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use buffa::MessageField;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wacore::download::MediaType;
use wacore::upload::{EncryptedMedia, encrypt_media_with_key};
use waproto::whatsapp as wa;

use super::{ShelfFault, shelve, shelve_open, url};
use crate::hub::{Hub, Stopped};

/// What kind of message carries the media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Video,
    Audio,
    /// Audio that was spoken into the phone.
    Voice,
    Document,
    Sticker,
}

impl Kind {
    pub(super) fn media_type(self) -> MediaType {
        match self {
            Self::Image => MediaType::Image,
            Self::Video => MediaType::Video,
            Self::Audio | Self::Voice => MediaType::Audio,
            Self::Document => MediaType::Document,
            Self::Sticker => MediaType::Sticker,
        }
    }

    fn takes_caption(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Document)
    }
}

/// A file as the control API takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    base64: String,
    mimetype: String,
    caption: Option<String>,
    filename: Option<String>,
    /// What is shown before the file has come: a small JPEG, in base64.
    thumbnail: Option<String>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("mimetype", &self.mimetype)
            .finish_non_exhaustive()
    }
}

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachFault {
    #[error("base64 does not decode")]
    BadBase64,
    #[error("the file is empty")]
    Empty,
    #[error("only an image, a video or a document has a caption")]
    NoCaption,
    #[error("only a document has a filename")]
    NoFilename,
    #[error("{0:?} is no media type")]
    BadMimetype(String),
    #[error("the file cannot be encrypted")]
    Encryption,
    #[error(transparent)]
    Shelf(#[from] ShelfFault),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Media that is on the server, and what a message needs to say about it.
pub(crate) struct Attachment {
    kind: Kind,
    mimetype: String,
    caption: Option<String>,
    filename: Option<String>,
    thumbnail: Option<Vec<u8>>,
    /// None of a file that lies open.
    media_key: Option<[u8; 32]>,
    file_sha256: [u8; 32],
    file_enc_sha256: Option<[u8; 32]>,
    length: u64,
    url: String,
    direct_path: String,
    at_s: i64,
}

/// Encrypts a file as a phone does and puts it on the shelf. Neither happens with the world locked.
pub(crate) async fn attach(hub: &Hub, kind: Kind, file: &File) -> Result<Attachment, AttachFault> {
    let plain = check(kind, file)?;
    let thumbnail = file.thumbnail.as_ref();
    let thumbnail = thumbnail.map(|drawn| BASE64_STANDARD.decode(drawn));
    let thumbnail = thumbnail.transpose().map_err(|_| AttachFault::BadBase64)?;
    let length = plain.len() as u64;
    let (media_key, at_s) = hub.with(|world| (world.random::<32>(), world.now_s()))?;
    let media_type = kind.media_type();
    let sealed = tokio::task::spawn_blocking(move || {
        encrypt_media_with_key(&plain, media_type, Some(&media_key)).ok()
    });
    let sealed = sealed.await.ok().flatten().ok_or(AttachFault::Encryption)?;
    let EncryptedMedia {
        data_to_upload,
        file_sha256,
        file_enc_sha256,
        ..
    } = sealed;

    let direct_path = shelve(hub, media_type, &file_enc_sha256, data_to_upload).await?;
    let url = hub.with(|world| url(&world.areas.media, &direct_path))?;
    Ok(Attachment {
        kind,
        mimetype: file.mimetype.clone(),
        caption: file.caption.clone(),
        filename: file.filename.clone(),
        thumbnail,
        media_key: Some(media_key),
        file_sha256,
        file_enc_sha256: Some(file_enc_sha256),
        length,
        url,
        direct_path,
        at_s: i64::try_from(at_s).unwrap_or_default(),
    })
}

/// Puts a file of a channel on the shelf: it is not encrypted there.
pub(crate) async fn attach_open(
    hub: &Hub,
    kind: Kind,
    file: &File,
) -> Result<Attachment, AttachFault> {
    let plain = check(kind, file)?;
    let length = plain.len() as u64;
    let hash: [u8; 32] = Sha256::digest(&plain).into();
    let direct_path = shelve_open(hub, kind.media_type(), &hash, plain).await?;
    let url = hub.with(|world| url(&world.areas.media, &direct_path))?;
    Ok(Attachment {
        kind,
        mimetype: file.mimetype.clone(),
        caption: file.caption.clone(),
        filename: file.filename.clone(),
        thumbnail: None,
        media_key: None,
        file_sha256: hash,
        file_enc_sha256: None,
        length,
        url,
        direct_path,
        at_s: 0,
    })
}

fn check(kind: Kind, file: &File) -> Result<Vec<u8>, AttachFault> {
    if file.caption.is_some() && !kind.takes_caption() {
        return Err(AttachFault::NoCaption);
    }
    if file.filename.is_some() && kind != Kind::Document {
        return Err(AttachFault::NoFilename);
    }
    if !file.mimetype.contains('/') {
        return Err(AttachFault::BadMimetype(file.mimetype.clone()));
    }
    let plain = BASE64_STANDARD
        .decode(&file.base64)
        .map_err(|_| AttachFault::BadBase64)?;
    if plain.is_empty() {
        return Err(AttachFault::Empty);
    }
    Ok(plain)
}

/// Every kind of media message has the same fields under the same names.
macro_rules! media_fields {
    ($message:ident, $this:expr, { $($field:ident : $value:expr),* $(,)? }) => {
        MessageField::some($message {
            url: Some($this.url.clone()),
            direct_path: Some($this.direct_path.clone()),
            mimetype: Some($this.mimetype.clone()),
            media_key: $this.media_key.map(|key| key.to_vec()),
            media_key_timestamp: $this.media_key.map(|_| $this.at_s),
            file_sha256: Some($this.file_sha256.to_vec()),
            file_enc_sha256: $this.file_enc_sha256.map(|hash| hash.to_vec()),
            file_length: Some($this.length),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

impl Attachment {
    /// The message around the media.
    pub(crate) fn message(&self, context: MessageField<wa::ContextInfo>) -> wa::Message {
        use wa::message::{
            AudioMessage, DocumentMessage, ImageMessage, StickerMessage, VideoMessage,
        };
        let mut message = wa::Message::default();
        match self.kind {
            Kind::Image => {
                message.image_message = media_fields!(ImageMessage, self, {
                    caption: self.caption.clone(),
                    jpeg_thumbnail: self.thumbnail.clone(),
                    context_info: context,
                });
            }
            Kind::Video => {
                message.video_message = media_fields!(VideoMessage, self, {
                    caption: self.caption.clone(),
                    jpeg_thumbnail: self.thumbnail.clone(),
                    context_info: context,
                });
            }
            Kind::Audio | Kind::Voice => {
                message.audio_message = media_fields!(AudioMessage, self, {
                    ptt: Some(self.kind == Kind::Voice),
                    context_info: context,
                });
            }
            Kind::Document => {
                message.document_message = media_fields!(DocumentMessage, self, {
                    caption: self.caption.clone(),
                    jpeg_thumbnail: self.thumbnail.clone(),
                    file_name: self.filename.clone(),
                    context_info: context,
                });
            }
            Kind::Sticker => {
                message.sticker_message = media_fields!(StickerMessage, self, {
                    context_info: context,
                });
            }
        }
        message
    }
}
