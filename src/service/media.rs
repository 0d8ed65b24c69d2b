//! The verbs of files: put one here, fetch one from a URL, read one.
//!
//! Owns what a file may be called and how large it may be, and who sees it: whoever sees its session. `http`, the verbs of
//! messages and the dialects call it.

use std::{
    collections::HashMap,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use entity::{
    ids::{MediaId, SessionId, UserId},
    media,
};
use futures_util::{Stream, stream::BoxStream};
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, Fault, quotas::Quotas, sessions::find};
use crate::{
    db,
    domain::{clock::SharedClock, principal::Scope},
    egress::Egress,
    media::{Intake, IntakeError, Store, StoreError, picture::Picture},
    seal::Sealer,
    session::Manager,
};

mod by_url;
mod eager;
mod shared;
mod whatsapp;

pub use eager::Eager;
pub(super) use whatsapp::check;

/// The largest file: a document of WhatsApp's. What a message may hold is less, by its kind.
pub const MAX_BYTES: u64 = 100 * 1024 * 1024;

const MAX_NAME: usize = 255;

/// A use is noted once a day: retention counts in days.
const NOTED_EVERY_MS: i64 = 24 * 3_600_000;

/// When nothing tells what a file is.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What the verbs stand on.
#[derive(Debug, Clone)]
pub struct MediaParts {
    /// The one database.
    pub db: DatabaseConnection,
    /// The time.
    pub clock: SharedClock,
    /// The bytes.
    pub store: Store,
    /// The way to a URL that a user names.
    pub egress: Egress,
    /// The sessions that run here: through them a file comes from WhatsApp and gets there.
    pub manager: Manager,
    /// A folder for files without a name.
    pub scratch: PathBuf,
    /// Seals the names of files that are shared.
    pub names: Sealer,
    /// How many bytes a tenant may have.
    pub quotas: Quotas,
}

/// What whoever puts a file here says of it.
#[derive(Debug, Clone, Default)]
pub struct Label {
    /// What it is; its bytes have the last word.
    pub mimetype: Option<String>,
    /// What it is called.
    pub filename: Option<String>,
}

/// A file, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Our id.
    pub id: MediaId,
    /// Whose it is.
    pub session: SessionId,
    /// What it is.
    pub mimetype: String,
    /// What it is called.
    pub filename: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// When it came, in milliseconds since 1970.
    pub created_at: i64,
    /// Whether its bytes are here; else WhatsApp has them.
    pub stored: bool,
    /// The last use that was noted, in milliseconds since 1970.
    used_at: i64,
}

impl From<media::Model> for File {
    fn from(row: media::Model) -> Self {
        Self {
            id: row.id,
            session: row.session_id,
            mimetype: row.mimetype,
            filename: row.filename,
            size: u64::try_from(row.size).unwrap_or(0),
            sha256: row.sha256,
            created_at: row.created_at,
            stored: row.stored,
            used_at: row.used_at,
        }
    }
}

/// The bytes of a file as they come from the store.
pub type Contents = BoxStream<'static, Result<Bytes, StoreError>>;

/// Files that are being fetched: whoever comes second waits for the first.
type Fetching = Arc<Mutex<HashMap<MediaId, Weak<tokio::sync::Mutex<()>>>>>;

/// Pictures that are remembered as they were drawn, of some kilobytes each; when there are more, all are forgotten.
const DRAWN_MAX: usize = 256;

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Media {
    parts: MediaParts,
    fetching: Fetching,
    /// What is sent to many people is drawn once: the bytes of a file never change.
    drawn: Arc<DashMap<MediaId, Picture>>,
}

impl Media {
    /// Verbs over `parts`.
    pub fn new(parts: MediaParts) -> Self {
        Self {
            parts,
            fetching: Fetching::default(),
            drawn: Arc::default(),
        }
    }

    /// Whether the caller may put files into `session`.
    pub async fn admit(&self, ctx: &Ctx, session: &str) -> Result<(), Error> {
        ctx.require(Scope::MessagesSend)?;
        find(&self.parts.db, ctx, session).await.map(|_| ())
    }

    /// Takes a file in, piece by piece. It can be sent until it was unused for as long as the operator keeps files.
    pub async fn put<E: std::fmt::Display>(
        &self,
        ctx: &Ctx,
        session: &str,
        label: Label,
        source: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<File, Error> {
        ctx.require(Scope::MessagesSend)?;
        check_label(&label)?;
        let session = find(&self.parts.db, ctx, session).await?.id;
        let id = MediaId::new();
        let room = self.room(ctx.owner(), 1).await?;
        let limit = room.unwrap_or(u64::MAX).min(MAX_BYTES);
        // It takes as long as whoever sends it likes.
        ctx.turn.step_aside();
        let store = &self.parts.store;
        let taken = Intake::take(store, (session, id), limit, source).await;
        let taken = taken.map_err(|error| match error {
            IntakeError::TooLarge { .. } if limit < MAX_BYTES => no_room(),
            other => not_taken(other),
        })?;
        let named = self.name((session, id), label, taken.looks_like).await;
        let (mimetype, filename) = named?;
        let now = self.parts.clock.now_ms();
        let row = media::Model {
            session_id: session,
            id,
            mimetype,
            filename,
            size: i64::try_from(taken.size).map_err(Error::internal)?,
            sha256: taken.sha256,
            stored: true,
            reference_sealed: None,
            created_at: now,
            used_at: now,
        };
        db::media::insert(&self.parts.db, row.clone()).await?;
        Ok(row.into())
    }

    /// How many bytes `owner` may still put here; refuses it if those are fewer than `wanted`.
    async fn room(&self, owner: UserId, wanted: u64) -> Result<Option<u64>, Error> {
        match self.parts.quotas.storage_left(owner).await? {
            Some(left) if left < wanted => Err(no_room()),
            left => Ok(left),
        }
    }

    /// What the file is, by its bytes and its label. A label that lies takes the file out again.
    async fn name(
        &self,
        (session, id): (SessionId, MediaId),
        label: Label,
        looks_like: Option<&'static str>,
    ) -> Result<(String, Option<String>), Error> {
        match mimetype(label.mimetype, looks_like) {
            Ok(mimetype) => Ok((mimetype, label.filename)),
            Err(error) => {
                self.parts.store.remove(session, id).await.map_err(failed)?;
                Err(error)
            }
        }
    }

    /// A file of a session of the caller's.
    pub async fn get(&self, ctx: &Ctx, session: &str, id: MediaId) -> Result<File, Error> {
        ctx.require(Scope::MessagesRead)?;
        let session = find(&self.parts.db, ctx, session).await?.id;
        let row = db::media::find(&self.parts.db, session, id).await?;
        row.map(File::from).ok_or(Error::NotFound { what: "media" })
    }

    /// The bytes of `file`, or of a range that lies within.
    pub async fn read(&self, file: &File, range: Option<Range<u64>>) -> Result<Contents, Error> {
        if !file.stored {
            self.bring(file.session, file.id).await?;
        }
        let contents = self.parts.store.read(file.session, file.id, range).await;
        let contents = contents.map_err(failed)?;
        let now = self.parts.clock.now_ms();
        if file.used_at < now - NOTED_EVERY_MS {
            db::media::touch(&self.parts.db, (file.session, file.id), now).await?;
        }
        Ok(contents)
    }
}

fn no_room() -> Error {
    Error::Quota {
        code: "storage_quota_reached",
        detail: "the files of this account have no more room".to_owned(),
    }
}

fn failed(error: StoreError) -> Error {
    match error {
        StoreError::Missing => Error::NotFound { what: "media" },
        StoreError::Failed(_) | StoreError::Folder(_) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the store of files failed");
            Error::Unavailable {
                code: "media_store_unavailable",
                detail: "the store of files cannot be used right now; try again",
            }
        }
    }
}

fn not_taken<E: std::fmt::Display>(error: IntakeError<E>) -> Error {
    let invalid = |code, detail| Error::Invalid {
        code,
        faults: vec![Fault::new("", detail)],
    };
    match error {
        IntakeError::Empty => invalid("media_empty", "the file has no bytes".to_owned()),
        IntakeError::TooLarge { limit } => Error::TooLarge {
            code: "media_too_large",
            detail: format!("a file has at most {limit} bytes"),
        },
        IntakeError::Source(error) => invalid("media_incomplete", error.to_string()),
        IntakeError::Store(error) => failed(error),
    }
}

fn check_label(label: &Label) -> Result<(), Error> {
    if let Some(name) = &label.filename {
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
        if name.is_empty() || name.len() > MAX_NAME || name.contains(bad) {
            let detail = "a file name has 1 to 255 bytes, no slash and no control character";
            return Err(Error::invalid("/filename", detail));
        }
    }
    if let Some(mimetype) = &label.mimetype
        && (mimetype.len() > MAX_NAME || mimetype.parse::<mime_guess::Mime>().is_err())
    {
        return Err(Error::invalid("/mimetype", "this is no media type"));
    }
    Ok(())
}

/// Pictures, films and sounds are known by their bytes; of a document the label may say more than they do.
fn mimetype(said: Option<String>, looks_like: Option<&'static str>) -> Result<String, Error> {
    let class = |mimetype: &str| mimetype.split('/').next().unwrap_or_default().to_owned();
    let Some(said) = said.filter(|said| said != UNKNOWN_TYPE) else {
        return Ok(looks_like.unwrap_or(UNKNOWN_TYPE).to_owned());
    };
    let shown = ["image", "video", "audio"].contains(&class(&said).as_str());
    match looks_like {
        Some(real) if shown && class(real) != class(&said) && !sounds_alike(real, &said) => {
            Err(Error::Invalid {
                code: "media_type_mismatch",
                faults: vec![Fault::new(
                    "/mimetype",
                    format!("it is called {said}, and its bytes are {real}"),
                )],
            })
        }
        Some(real) if shown && class(real) == "image" => Ok(real.to_owned()),
        Some(_) => Ok(said),
        None if class(&said) == "image" => Err(Error::Invalid {
            code: "media_type_mismatch",
            faults: vec![Fault::new(
                "/mimetype",
                format!("it is called {said}, and is no picture"),
            )],
        }),
        None => Ok(said),
    }
}

/// The containers of films hold sounds as well.
fn sounds_alike(real: &str, said: &str) -> bool {
    said.starts_with("audio/") && matches!(real, "video/mp4" | "video/webm" | "application/ogg")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &str, looks_like: Option<&'static str>) -> Option<String> {
        mimetype(Some(said.to_owned()), looks_like).ok()
    }

    #[test]
    fn bytes_have_the_last_word_on_pictures_and_the_label_on_documents() {
        assert_eq!(
            of("image/png", Some("image/jpeg")).as_deref(),
            Some("image/jpeg")
        );
        assert_eq!(of("image/png", Some("application/pdf")), None);
        assert_eq!(of("image/png", None), None);
        assert_eq!(
            of("audio/mp4", Some("video/mp4")).as_deref(),
            Some("audio/mp4")
        );
        assert_eq!(of("video/mp4", Some("image/png")), None);
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(of(word, Some("application/zip")).as_deref(), Some(word));
        assert_eq!(
            of(UNKNOWN_TYPE, Some("image/png")).as_deref(),
            Some("image/png")
        );
        assert_eq!(mimetype(None, None).unwrap(), UNKNOWN_TYPE);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let label = |name: &str| Label {
            filename: Some(name.to_owned()),
            mimetype: None,
        };
        assert!(check_label(&label("offer 2026.pdf")).is_ok());
        for name in ["", "../etc/passwd", "a\\b", "a\r\nb", &"x".repeat(256)] {
            assert!(check_label(&label(name)).is_err(), "{name}");
        }
        let label = Label {
            mimetype: Some("not a type".to_owned()),
            filename: None,
        };
        assert!(check_label(&label).is_err());
    }
}
