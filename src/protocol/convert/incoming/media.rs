//! Messages with a file.

use entity::ids::MediaId;
use waproto::whatsapp as wa;

use crate::domain::message::{
    Attached, Audio, Class, Content, Document, Image, Private, Reference, Sticker, Video, Voice,
};

/// What WhatsApp says of a file.
struct Told<'a> {
    class: Class,
    mimetype: Option<&'a String>,
    direct_path: Option<&'a String>,
    url: Option<&'a String>,
    key: Option<&'a Vec<u8>>,
    sha256: Option<&'a Vec<u8>>,
    encrypted_sha256: Option<&'a Vec<u8>>,
    length: Option<u64>,
    key_at: Option<i64>,
    preview: Option<&'a Vec<u8>>,
}

/// The largest picture that is kept beside a message: phones draw them of a few kilobytes.
const PREVIEW_MAX: usize = 64 * 1024;

macro_rules! told {
    ($message:ident, $class:ident) => {
        Told {
            class: Class::$class,
            mimetype: $message.mimetype.as_ref(),
            direct_path: $message.direct_path.as_ref(),
            url: $message.url.as_ref(),
            key: $message.media_key.as_ref(),
            sha256: $message.file_sha256.as_ref(),
            encrypted_sha256: $message.file_enc_sha256.as_ref(),
            length: $message.file_length,
            key_at: $message.media_key_timestamp,
            preview: None,
        }
    };
    ($message:ident, $class:ident, drawn) => {
        Told {
            preview: $message.jpeg_thumbnail.as_ref(),
            ..told!($message, $class)
        }
    };
}

type Found<'a> = (Content, Option<&'a wa::ContextInfo>, bool, Private);

/// The content, what comes with it, whether it opens once, and where the file is; none if there is no file, or nobody
/// could open it.
pub(super) fn read(message: &wa::Message) -> Option<Found<'_>> {
    if let Some(image) = message.image_message.as_option() {
        let (media, private) = told!(image, Image, drawn).read()?;
        let once = image.view_once.unwrap_or_default();
        let context = image.context_info.as_option();
        let image = Image {
            caption: some(image.caption.as_ref()),
            width: image.width,
            height: image.height,
        };
        return Some((Content::Image { image, media }, context, once, private));
    }
    if let Some(video) = message
        .video_message
        .as_option()
        .or_else(|| message.ptv_message.as_option())
    {
        let (media, private) = told!(video, Video, drawn).read()?;
        let once = video.view_once.unwrap_or_default();
        let context = video.context_info.as_option();
        let video = Video {
            caption: some(video.caption.as_ref()),
            seconds: video.seconds,
            width: video.width,
            height: video.height,
            gif: video.gif_playback.unwrap_or_default(),
        };
        return Some((Content::Video { video, media }, context, once, private));
    }
    if let Some(audio) = message.audio_message.as_option() {
        let (media, private) = told!(audio, Audio).read()?;
        let once = audio.view_once.unwrap_or_default();
        let context = audio.context_info.as_option();
        let seconds = audio.seconds;
        let content = if audio.ptt.unwrap_or_default() {
            let waveform = audio.waveform.clone().unwrap_or_default();
            let voice = Voice { seconds, waveform };
            Content::Voice { voice, media }
        } else {
            let audio = Audio { seconds };
            Content::Audio { audio, media }
        };
        return Some((content, context, once, private));
    }
    if let Some(document) = message.document_message.as_option() {
        let (media, private) = told!(document, Document, drawn).read()?;
        let context = document.context_info.as_option();
        let document = Document {
            filename: some(document.file_name.as_ref()),
            caption: some(document.caption.as_ref()),
        };
        return Some((
            Content::Document { document, media },
            context,
            false,
            private,
        ));
    }
    let sticker = message.sticker_message.as_option()?;
    let (media, private) = told!(sticker, Sticker).read()?;
    let context = sticker.context_info.as_option();
    let animated = sticker.is_animated.unwrap_or_default();
    let sticker = Sticker { animated };
    Some((Content::Sticker { sticker, media }, context, false, private))
}

/// What is written below the file of `message`; none where nothing can be.
#[expect(
    clippy::option_option,
    reason = "a file without a caption is not what takes none"
)]
pub(super) fn caption(message: &wa::Message) -> Option<Option<&String>> {
    let video = message.video_message.as_option();
    let video = video.or_else(|| message.ptv_message.as_option());
    if let Some(image) = message.image_message.as_option() {
        return Some(image.caption.as_ref());
    }
    if let Some(video) = video {
        return Some(video.caption.as_ref());
    }
    let document = message.document_message.as_option()?;
    Some(document.caption.as_ref())
}

fn some(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

impl Told<'_> {
    fn read(self) -> Option<(Attached, Private)> {
        let reference = Reference {
            class: self.class,
            direct_path: self.direct_path?.clone(),
            url: self.url.cloned(),
            // Files of channels lie open: those have neither.
            key: self.key.cloned().unwrap_or_default(),
            sha256: self.sha256?.clone(),
            encrypted_sha256: match self.key {
                Some(_) => self.encrypted_sha256?.clone(),
                None => Vec::new(),
            },
            length: self.length?,
            key_at: self.key_at,
            sidecar: None,
            preview: self
                .preview
                .filter(|drawn| (1..=PREVIEW_MAX).contains(&drawn.len()))
                .cloned(),
            came_with: None,
            handle: None,
        };
        let fallback = "application/octet-stream";
        let media = Attached {
            id: MediaId::new(),
            // Whoever knows the session fills it in.
            url: String::new(),
            mimetype: self.mimetype.map_or(fallback, String::as_str).to_owned(),
            size: reference.length,
            sha256: hex::encode(&reference.sha256),
        };
        Some((media, Private::Media(reference)))
    }
}
