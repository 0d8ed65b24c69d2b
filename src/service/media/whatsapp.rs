//! Files between the store and WhatsApp: fetched when somebody reads them, put up when a message takes them along.
//!
//! Owns the rules by kind of what a message may hold. A file is fetched once, however many ask for it at the same time.

use std::{
    fs::File as Scratch,
    io::{self, BufReader, Cursor},
    ops::Range,
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use entity::{
    ids::{MediaId, SessionId},
    media::Model,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio_util::io::ReaderStream;

use super::{DRAWN_MAX, Error, Fault, Media, StoreError, failed, not_taken};
use crate::{
    db,
    domain::message::{Attached, Class, Content, Reference, Video},
    media::{
        Intake, film,
        picture::{self, Picture, PictureError},
    },
    protocol::{MediaError, SendError},
    service::{running::connected, upstream::send_error},
    session::Handle,
};

const MIB: u64 = 1024 * 1024;

/// What is read of a scratch file at once.
const PIECE: usize = 256 * 1024;

/// The longest side of a sticker, in pixels: WhatsApp shows no larger ones.
const STICKER_SIDE: u32 = 512;

/// The largest picture that is given for a film.
const THUMBNAIL: usize = 1024 * 1024;

/// Parts of a film that are looked at for the one that describes it.
const BOXES: usize = 64;

/// Numbers of a waveform.
const WAVEFORM: usize = 64;

/// What a kind of message may hold.
struct Rule {
    field: &'static str,
    class: Class,
    most: u64,
    types: &'static [&'static str],
}

fn rule(content: &Content) -> Option<Rule> {
    let (field, class, most, types): (_, _, _, &[&str]) = match content {
        Content::Image { .. } => (
            "/image/media",
            Class::Image,
            16 * MIB,
            &["image/jpeg", "image/png", "image/webp", "image/gif"],
        ),
        Content::Video { .. } => (
            "/video/media",
            Class::Video,
            64 * MIB,
            &["video/mp4", "video/3gpp", "video/quicktime"],
        ),
        Content::Audio { .. } => (
            "/audio/media",
            Class::Audio,
            16 * MIB,
            &[
                "audio/mpeg",
                "audio/mp4",
                "audio/m4a",
                "audio/aac",
                "audio/amr",
                "audio/ogg",
                "audio/opus",
            ],
        ),
        Content::Voice { .. } => (
            "/voice/media",
            Class::Audio,
            16 * MIB,
            &["audio/ogg", "audio/opus"],
        ),
        Content::Document { .. } => ("/document/media", Class::Document, 100 * MIB, &[]),
        Content::Sticker { .. } => ("/sticker/media", Class::Sticker, MIB, &["image/webp"]),
        _ => return None,
    };
    Some(Rule {
        field,
        class,
        most,
        types,
    })
}

fn invalid(code: &'static str, field: &str, detail: impl Into<String>) -> Error {
    Error::Invalid {
        code,
        faults: vec![Fault::new(field, detail)],
    }
}

/// Refuses a file that WhatsApp would not show in a message of this kind.
pub(in crate::service) fn check(content: &Content) -> Result<(), Error> {
    let (Some(rule), Some(media)) = (rule(content), content.media()) else {
        return Ok(());
    };
    let essence = media.mimetype.split(';').next().unwrap_or_default().trim();
    if !rule.types.is_empty() && !rule.types.contains(&essence) {
        let detail = format!(
            "it is {essence}, and has to be one of {}",
            rule.types.join(", ")
        );
        return Err(invalid("media_type_not_for_kind", rule.field, detail));
    }
    if media.size > rule.most {
        let detail = format!("a file of this kind has at most {} bytes", rule.most);
        return Err(invalid("media_too_large", rule.field, detail));
    }
    if let Content::Voice { voice, .. } = content
        && (voice.waveform.len() > WAVEFORM || voice.waveform.iter().any(|loud| *loud > 100))
    {
        let detail = format!("has up to {WAVEFORM} numbers from 0 to 100");
        return Err(Error::invalid("/voice/waveform", detail));
    }
    Ok(())
}

impl Media {
    /// Puts the file of `content` on WhatsApp's servers, and says where it is. Fills in what its bytes tell. For a post of a
    /// channel it `lies_open` there.
    pub(in crate::service) async fn put_up(
        &self,
        handle: &Handle,
        content: &mut Content,
        lies_open: bool,
        thumbnail: Option<Vec<u8>>,
    ) -> Result<Option<Reference>, Error> {
        let Some(rule) = rule(content) else {
            return Ok(None);
        };
        let Some(id) = content.media().map(|media| media.id) else {
            return Ok(None);
        };
        let session = handle.session;
        self.bring(session, id).await?;
        let mut preview = self.look((session, id), rule.field, content).await?;
        if let Content::Video { video, media } = content {
            self.watch((session, id), media.size, video).await?;
            if let Some(drawn) = thumbnail {
                preview = Some(small(drawn).await?);
            }
        }
        let client = connected(Some(handle))?;
        let source = self.parts.store.read(session, id, None).await;
        let source = source.map_err(failed)?.map_err(io::Error::other);
        let scratch = self.scratch()?;
        let uploaded = if lies_open {
            client.upload_open(rule.class, scratch, source).await
        } else {
            client.upload(rule.class, scratch, source).await
        };
        let mut reference = uploaded.map_err(refused)?;
        reference.preview = preview;
        Ok(Some(reference))
    }

    /// What the bytes of a picture tell; none for other kinds.
    async fn look(
        &self,
        (session, id): (SessionId, MediaId),
        field: &'static str,
        content: &mut Content,
    ) -> Result<Option<Vec<u8>>, Error> {
        if !matches!(content, Content::Image { .. } | Content::Sticker { .. }) {
            return Ok(None);
        }
        let known = self.drawn.get(&id).map(|drawn| drawn.clone());
        let picture = if let Some(drawn) = known {
            drawn
        } else {
            let file = self.parts.store.file(session, id, || self.scratch_file());
            let file = file.await.map_err(failed)?;
            let drawn = draw(BufReader::with_capacity(PIECE, file), field).await?;
            if self.drawn.len() >= DRAWN_MAX {
                self.drawn.clear();
            }
            self.drawn.insert(id, drawn.clone());
            drawn
        };
        match content {
            Content::Image { image, .. } => {
                image.width = Some(picture.width);
                image.height = Some(picture.height);
                Ok(Some(picture.preview))
            }
            _ if picture.width.max(picture.height) > STICKER_SIDE => {
                let detail = format!("a sticker has at most {STICKER_SIDE} pixels a side");
                Err(invalid("picture_too_large", field, detail))
            }
            _ => Ok(None),
        }
    }

    async fn bytes(
        &self,
        (session, id): (SessionId, MediaId),
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let bytes = self.parts.store.read(session, id, Some(range)).await;
        let bytes: Vec<Bytes> = bytes.map_err(failed)?.try_collect().await.map_err(failed)?;
        Ok(bytes.concat())
    }

    /// Fills in what the head of a film tells and its sender does not.
    async fn watch(
        &self,
        key: (SessionId, MediaId),
        size: u64,
        video: &mut Video,
    ) -> Result<(), Error> {
        let mut at = 0;
        for _ in 0..BOXES {
            let end = size.min(at + film::BOX_HEAD);
            if end <= at {
                return Ok(());
            }
            let head = film::head(&self.bytes(key, at..end).await?);
            let Some(head) = head else { return Ok(()) };
            let next = head.next.and_then(|next| at.checked_add(next));
            let next = next.unwrap_or(size).min(size);
            if head.describes {
                let content = (at + head.content).min(next);
                if next - content <= film::HEAD_MAX && next > content {
                    let found = film::read(&self.bytes(key, content..next).await?);
                    video.seconds = video.seconds.or(found.seconds);
                    (video.width, video.height) = found.size.unzip();
                }
                return Ok(());
            }
            at = next;
        }
        Ok(())
    }

    /// Where WhatsApp has the file of a stored message; none where there is none, or it is forgotten.
    pub(in crate::service) async fn reference(
        &self,
        handle: &Handle,
        content: &Content,
    ) -> Result<Option<Reference>, Error> {
        let Some(media) = content.media() else {
            return Ok(None);
        };
        let row = db::media::find(&self.parts.db, handle.session, media.id).await?;
        let sealed = row.and_then(|row| row.reference_sealed);
        sealed
            .map(|sealed| open(handle, media.id, &sealed))
            .transpose()
    }

    /// Sees to it that the store has a file; what WhatsApp has is fetched from there.
    pub(super) async fn bring(&self, session: SessionId, id: MediaId) -> Result<(), Error> {
        let gate = {
            let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            fetching.retain(|_, gate| gate.strong_count() > 0);
            let known = fetching.get(&id).and_then(std::sync::Weak::upgrade);
            let gate = known.unwrap_or_default();
            fetching.insert(id, Arc::downgrade(&gate));
            gate
        };
        let _turn = gate.lock().await;
        let row = db::media::find(&self.parts.db, session, id).await?;
        let row = row.ok_or(Error::NotFound { what: "media" })?;
        if row.stored {
            return Ok(());
        }
        self.fetch_from_whatsapp(row).await
    }

    async fn fetch_from_whatsapp(&self, row: Model) -> Result<(), Error> {
        let key = (row.session_id, row.id);
        let sealed = row
            .reference_sealed
            .ok_or(Error::NotFound { what: "media" })?;
        let handle = self.parts.manager.get(row.session_id);
        let not_connected = || send_error(SendError::NotConnected);
        let handle = handle.ok_or_else(not_connected)?;
        let size = u64::try_from(row.size).unwrap_or(0);
        self.room(handle.owner, size).await?;
        let reference = open(&handle, row.id, &sealed)?;
        let client = connected(Some(&handle))?;
        let fetched = match client.download(&reference, self.scratch()?).await {
            Err(MediaError::Gone) => {
                let again = client.put_up_again(&reference).await.map_err(refused)?;
                client.download(&again, self.scratch()?).await
            }
            fetched => fetched,
        };
        let file = tokio::fs::File::from_std(fetched.map_err(refused)?);
        let pieces = ReaderStream::with_capacity(file, PIECE).boxed();
        let taken = Intake::take(&self.parts.store, key, size, pieces).await;
        taken.map_err(not_taken)?;
        db::media::store(&self.parts.db, key, self.parts.clock.now_ms()).await?;
        Ok(())
    }

    /// A file that has no name: it is gone with this process, whatever happens.
    fn scratch(&self) -> Result<Scratch, Error> {
        self.scratch_file().map_err(failed)
    }

    fn scratch_file(&self) -> Result<Scratch, StoreError> {
        tempfile::tempfile_in(&self.parts.scratch).map_err(StoreError::Folder)
    }
}

impl Attached {
    /// A file of a message that is about to be sent.
    pub fn of(file: &super::File) -> Self {
        Self {
            id: file.id,
            url: Self::url(file.session, file.id),
            mimetype: file.mimetype.clone(),
            size: file.size,
            sha256: file.sha256.clone(),
        }
    }
}

/// Draws a picture, or says what is wrong with it.
async fn draw(
    file: impl io::BufRead + io::Seek + Send + 'static,
    field: &'static str,
) -> Result<Picture, Error> {
    picture::look(file).await.map_err(|error| match error {
        PictureError::Damaged(_) => invalid("media_corrupt", field, error.to_string()),
        PictureError::TooLarge => invalid("picture_too_large", field, error.to_string()),
        PictureError::Ending | PictureError::Threads(_) => Error::internal(error),
    })
}

/// What is shown before a film has come.
async fn small(drawn: Vec<u8>) -> Result<Vec<u8>, Error> {
    let field = "/video/thumbnail";
    if drawn.len() > THUMBNAIL {
        let detail = format!("a thumbnail has at most {THUMBNAIL} bytes");
        return Err(invalid("media_too_large", field, detail));
    }
    Ok(draw(Cursor::new(drawn), field).await?.preview)
}

fn open(handle: &Handle, id: MediaId, sealed: &[u8]) -> Result<Reference, Error> {
    let opened = handle.keys.open(db::media::TABLE, id.0.as_bytes(), sealed);
    let plain = opened.map_err(Error::internal)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

fn refused(error: MediaError) -> Error {
    match error {
        MediaError::Gone => Error::Upstream {
            code: "media_gone",
            detail: "WhatsApp does not have the file any more, nor has the phone".to_owned(),
        },
        MediaError::PhoneSilent => Error::Upstream {
            code: "phone_not_answering",
            detail: "WhatsApp has dropped the file, and the phone that has it does not answer"
                .to_owned(),
        },
        MediaError::Io(error) => failed(StoreError::Folder(error)),
        MediaError::Refused(source) => {
            let error = source.as_ref() as &dyn std::error::Error;
            tracing::warn!(error, "WhatsApp did not take or give a file");
            Error::Upstream {
                code: "whatsapp_media_failed",
                detail: "WhatsApp did not take or give the file".to_owned(),
            }
        }
    }
}
