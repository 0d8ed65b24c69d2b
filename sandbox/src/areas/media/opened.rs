//! A phone opens media: download by hash, check, decrypt, check again.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wacore::download::{DownloadUtils, MediaType};
use waproto::whatsapp as wa;

use super::attach::Kind;
use super::shelf::token_of;
use crate::hub::Hub;

/// What a message says about its media.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) kind: Kind,
    pub(crate) mimetype: String,
    pub(crate) filename: Option<String>,
    /// Empty of a file that lies open.
    pub(super) media_key: Vec<u8>,
    file_sha256: Vec<u8>,
    /// Of what the server has.
    pub(super) file_enc_sha256: Vec<u8>,
}

impl Sealed {
    /// Whether it is not encrypted, as files of channels are.
    pub(crate) fn is_open(&self) -> bool {
        self.media_key.is_empty()
    }
}

/// Why the phone cannot show the media.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum OpenFault {
    #[error("the server has no such media")]
    Missing,
    #[error("the ciphertext is not what the message says")]
    WrongCiphertext,
    #[error("the media does not decrypt")]
    Undecryptable,
    #[error("the content is not what the message says")]
    WrongContent,
}

/// The media of a message, if it has any.
pub(crate) fn sealed(message: &wa::Message) -> Option<Sealed> {
    macro_rules! read {
        ($kind:expr, $m:expr, $filename:expr) => {
            Some(Sealed {
                kind: $kind,
                mimetype: $m.mimetype.clone().unwrap_or_default(),
                filename: $filename,
                media_key: $m.media_key.clone().unwrap_or_default(),
                file_sha256: $m.file_sha256.clone()?,
                file_enc_sha256: match &$m.media_key {
                    Some(_) => $m.file_enc_sha256.clone()?,
                    None => $m.file_sha256.clone()?,
                },
            })
        };
    }
    if let Some(m) = message.image_message.as_option() {
        return read!(Kind::Image, m, None);
    }
    if let Some(m) = message.video_message.as_option() {
        return read!(Kind::Video, m, None);
    }
    if let Some(m) = message.audio_message.as_option() {
        let kind = if m.ptt == Some(true) {
            Kind::Voice
        } else {
            Kind::Audio
        };
        return read!(kind, m, None);
    }
    if let Some(m) = message.document_message.as_option() {
        return read!(Kind::Document, m, m.file_name.clone());
    }
    let m = message.sticker_message.as_option()?;
    read!(Kind::Sticker, m, None)
}

/// What a phone shows of media before it is fetched, as in a quote: none if the message has no media.
pub(crate) fn seen(message: &wa::Message) -> Option<Value> {
    let drawn = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(hex::encode);
    if let Some(m) = message.image_message.as_option() {
        return Some(json!({
            "type": "image", "caption": m.caption, "thumbnail": drawn(&m.jpeg_thumbnail),
            "view_once": m.view_once, "openable": m.media_key.is_some(), "width": m.width, "height": m.height,
        }));
    }
    if let Some(m) = message.video_message.as_option() {
        return Some(json!({
            "type": "video", "caption": m.caption, "thumbnail": drawn(&m.jpeg_thumbnail),
            "view_once": m.view_once, "openable": m.media_key.is_some(), "width": m.width, "height": m.height,
            "seconds": m.seconds,
        }));
    }
    if let Some(m) = message.audio_message.as_option() {
        let word = if m.ptt == Some(true) {
            "voice"
        } else {
            "audio"
        };
        return Some(
            json!({ "type": word, "view_once": m.view_once, "openable": m.media_key.is_some() }),
        );
    }
    if let Some(m) = message.document_message.as_option() {
        return Some(json!({
            "type": "document", "caption": m.caption, "filename": m.file_name,
            "thumbnail": drawn(&m.jpeg_thumbnail), "openable": m.media_key.is_some(),
        }));
    }
    let m = message.sticker_message.as_option()?;
    Some(json!({ "type": "sticker", "openable": m.media_key.is_some() }))
}

/// Downloads and decrypts, as a phone does. Not with the world locked.
pub(crate) async fn opened(hub: &Hub, sealed: &Sealed) -> Result<Bytes, OpenFault> {
    let token = token_of(&sealed.file_enc_sha256);
    let blob = hub.shelf().get(&token).await.ok_or(OpenFault::Missing)?;
    let sealed = sealed.clone();
    let opened = tokio::task::spawn_blocking(move || open(&blob, &sealed));
    opened.await.map_err(|_| OpenFault::Undecryptable)?
}

fn open(blob: &[u8], sealed: &Sealed) -> Result<Bytes, OpenFault> {
    if Sha256::digest(blob)[..] != sealed.file_enc_sha256 {
        return Err(OpenFault::WrongCiphertext);
    }
    if sealed.is_open() {
        return Ok(Bytes::copy_from_slice(blob));
    }
    let kind: MediaType = sealed.kind.media_type();
    let plain = DownloadUtils::verify_and_decrypt(blob, &sealed.media_key, kind)
        .map_err(|_| OpenFault::Undecryptable)?;
    if Sha256::digest(&plain)[..] != sealed.file_sha256 {
        return Err(OpenFault::WrongContent);
    }
    Ok(Bytes::from(plain))
}

/// What the server calls a file of a channel when it was put there: the post has to say it.
pub(crate) fn handle_of(file: &Sealed) -> String {
    handle(&token_of(&file.file_sha256))
}

pub(super) fn handle(token: &str) -> String {
    format!("handle-{token}")
}

/// `{mimetype,size,sha256}` of what the phone really decrypted, or why it could not.
pub(crate) async fn shown(hub: &Hub, sealed: &Sealed) -> Value {
    match opened(hub, sealed).await {
        Ok(plain) => json!({
            "mimetype": sealed.mimetype,
            "filename": sealed.filename,
            "size": plain.len(),
            "sha256": hex::encode(Sha256::digest(&plain)),
        }),
        Err(fault) => json!({ "mimetype": sealed.mimetype, "error": fault.to_string() }),
    }
}
