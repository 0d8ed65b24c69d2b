//! The bodies of messages with a file.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entity::ids::MediaId;
use serde::Deserialize;

use crate::{
    domain::message::{Attached, Audio, Content, Document, Image, Sticker, Video, Voice},
    http::v1::media::MediaInput,
    service::Error,
};

/// The body of a picture.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageRequest {
    /// JPEG, PNG, WebP or GIF, up to 16 MiB.
    media: MediaInput,
    caption: Option<String>,
}

/// The body of a film.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VideoRequest {
    /// MP4 or 3GP, up to 64 MiB.
    media: MediaInput,
    caption: Option<String>,
    /// How long it is; of an MP4 its head tells.
    seconds: Option<u32>,
    /// A picture of up to 1 MiB in base64, of which a small one is shown before the film has come.
    thumbnail: Option<String>,
    /// It plays by itself, over and over, without a sound.
    #[serde(default)]
    gif: bool,
}

impl VideoRequest {
    /// The bytes of its thumbnail.
    pub(super) fn thumbnail(&self) -> Result<Option<Vec<u8>>, Error> {
        let decoded = self.thumbnail.as_ref().map(|drawn| STANDARD.decode(drawn));
        let decoded = decoded.transpose();
        decoded.map_err(|_| Error::invalid("/video/thumbnail", "this is no base64"))
    }
}

/// The body of a sound.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AudioRequest {
    /// MP3, AAC, AMR, M4A or Ogg, up to 16 MiB.
    media: MediaInput,
    /// How long it is.
    seconds: Option<u32>,
}

/// The body of something spoken.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VoiceRequest {
    /// Ogg with Opus, up to 16 MiB.
    media: MediaInput,
    /// How long it is.
    seconds: Option<u32>,
    /// How loud it is over time: up to 64 numbers from 0 to 100.
    #[serde(default)]
    waveform: Vec<u8>,
}

/// The body of a document.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentRequest {
    /// Anything, up to 100 MiB. Its `filename` is what the phone shows.
    media: MediaInput,
    caption: Option<String>,
}

/// The body of a sticker.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StickerRequest {
    /// WebP, up to 1 MiB and 512 pixels a side.
    media: MediaInput,
    /// It moves.
    #[serde(default)]
    animated: bool,
}

/// A file that is still to be taken in.
fn awaited() -> Attached {
    Attached {
        id: MediaId(uuid::Uuid::nil()),
        url: String::new(),
        mimetype: String::new(),
        size: 0,
        sha256: String::new(),
    }
}

/// What the body says, and the file that goes into it.
type Parted = (Content, MediaInput);

impl From<ImageRequest> for Parted {
    fn from(body: ImageRequest) -> Self {
        let image = Image {
            caption: body.caption,
            ..Image::default()
        };
        let media = awaited();
        (Content::Image { image, media }, body.media)
    }
}

impl From<VideoRequest> for Parted {
    fn from(body: VideoRequest) -> Self {
        let video = Video {
            caption: body.caption,
            seconds: body.seconds,
            gif: body.gif,
            ..Video::default()
        };
        let media = awaited();
        (Content::Video { video, media }, body.media)
    }
}

impl From<AudioRequest> for Parted {
    fn from(body: AudioRequest) -> Self {
        let audio = Audio {
            seconds: body.seconds,
        };
        let media = awaited();
        (Content::Audio { audio, media }, body.media)
    }
}

impl From<VoiceRequest> for Parted {
    fn from(body: VoiceRequest) -> Self {
        let voice = Voice {
            seconds: body.seconds,
            waveform: body.waveform,
        };
        let media = awaited();
        (Content::Voice { voice, media }, body.media)
    }
}

impl From<DocumentRequest> for Parted {
    fn from(body: DocumentRequest) -> Self {
        let document = Document {
            // What the file is called, once it is here.
            filename: None,
            caption: body.caption,
        };
        let media = awaited();
        (Content::Document { document, media }, body.media)
    }
}

impl From<StickerRequest> for Parted {
    fn from(body: StickerRequest) -> Self {
        let sticker = Sticker {
            animated: body.animated,
        };
        let media = awaited();
        (Content::Sticker { sticker, media }, body.media)
    }
}
