//! Messages with a file that WhatsApp has.

use buffa::MessageField;
use waproto::whatsapp as wa;

use crate::domain::message::{Attached, Content, Reference};

/// A message with what every kind says of its file, and these fields besides.
macro_rules! with_file {
    ($kind:ident, $media:ident, $at:ident, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$kind {
            url: $at.and_then(|at| at.url.clone()),
            direct_path: $at.map(|at| at.direct_path.clone()),
            media_key: $at.and_then(|at| said(&at.key)),
            media_key_timestamp: $at.and_then(|at| at.key_at),
            file_sha256: $at.map(|at| at.sha256.clone()),
            file_enc_sha256: $at.and_then(|at| said(&at.encrypted_sha256)),
            file_length: $at.map(|at| at.length),
            mimetype: Some(mimetype($media)),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

/// A file of a channel lies open: it has no key, and no hash of what is encrypted.
fn said(bytes: &[u8]) -> Option<Vec<u8>> {
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

/// The message; none if it has no file. Where nobody knows where the file is, it says what it is, as in a quote.
pub(in crate::protocol::convert) fn built(
    content: &Content,
    at: Option<&Reference>,
    view_once: bool,
) -> Option<wa::Message> {
    let preview = || at.and_then(|at| at.preview.clone());
    let sidecar = || at.and_then(|at| at.sidecar.clone());
    let once = view_once.then_some(true);
    let mut made = wa::Message::default();
    match content {
        Content::Image { image, media } => {
            made.image_message = with_file!(ImageMessage, media, at, {
                caption: image.caption.clone(),
                width: image.width,
                height: image.height,
                jpeg_thumbnail: preview(),
                view_once: once,
            });
        }
        Content::Video { video, media } => {
            made.video_message = with_file!(VideoMessage, media, at, {
                caption: video.caption.clone(),
                seconds: video.seconds,
                width: video.width,
                height: video.height,
                gif_playback: video.gif.then_some(true),
                jpeg_thumbnail: preview(),
                streaming_sidecar: sidecar(),
                view_once: once,
            });
        }
        Content::Audio { audio, media } => {
            made.audio_message = with_file!(AudioMessage, media, at, {
                seconds: audio.seconds,
                ptt: Some(false),
                streaming_sidecar: sidecar(),
            });
        }
        Content::Voice { voice, media } => {
            made.audio_message = with_file!(AudioMessage, media, at, {
                seconds: voice.seconds,
                ptt: Some(true),
                waveform: (!voice.waveform.is_empty()).then(|| voice.waveform.clone()),
                streaming_sidecar: sidecar(),
                view_once: once,
            });
        }
        Content::Document { document, media } => {
            made.document_message = with_file!(DocumentMessage, media, at, {
                file_name: document.filename.clone(),
                title: document.filename.clone(),
                caption: document.caption.clone(),
                jpeg_thumbnail: preview(),
            });
        }
        Content::Sticker { sticker, media } => {
            made.sticker_message = with_file!(StickerMessage, media, at, {
                is_animated: Some(sticker.animated),
            });
        }
        _ => return None,
    }
    Some(made)
}

/// Puts quote, mentions and the like where the kind has its place for them; false if it has no file.
pub(super) fn put_context(
    message: &mut wa::Message,
    info: &mut MessageField<wa::ContextInfo>,
) -> bool {
    let place = if let Some(image) = message.image_message.as_option_mut() {
        &mut image.context_info
    } else if let Some(video) = message.video_message.as_option_mut() {
        &mut video.context_info
    } else if let Some(audio) = message.audio_message.as_option_mut() {
        &mut audio.context_info
    } else if let Some(document) = message.document_message.as_option_mut() {
        &mut document.context_info
    } else if let Some(sticker) = message.sticker_message.as_option_mut() {
        &mut sticker.context_info
    } else {
        return false;
    };
    *place = std::mem::take(info);
    true
}

/// Phones play a spoken message only when they know its codec.
fn mimetype(media: &Attached) -> String {
    if matches!(media.mimetype.as_str(), "audio/ogg" | "application/ogg") {
        return "audio/ogg; codecs=opus".to_owned();
    }
    media.mimetype.clone()
}
