//! The object store: a local folder, or a bucket that speaks S3.
//!
//! An object is named by the session and the file: `{session}/{file}`. A file appears whole or not at all, and in a folder
//! it is on the disk before it counts as written.

use std::{fmt, fs::File, io::SeekFrom, ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use entity::ids::{MediaId, SessionId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    ClientOptions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore,
    ObjectStoreExt as _, WriteMultipart, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

/// A piece of a file in a folder, as it is written and read.
const FOLDER_PIECE: usize = 256 * 1024;

/// S3 takes no smaller parts.
const S3_PIECE: usize = 5 * 1024 * 1024;

/// Parts on their way to the store at the same time; the one who sends waits for the others.
const PIECES_AT_ONCE: usize = 2;

/// Where files are kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket.
    S3(S3),
}

/// A bucket and how to get there.
#[derive(Debug, Clone)]
pub struct S3 {
    /// Its name.
    pub bucket: String,
    /// What the name of every object begins with; may be empty.
    pub prefix: String,
    /// Where it is, when it is not Amazon's.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// Who asks; without it, what the environment of an Amazon machine says.
    pub key_id: Option<String>,
    /// The secret of that.
    pub secret: Option<SecretString>,
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not have the object.
    #[error("the file is not in the store")]
    Missing,
    /// It cannot be reached, is full, or refuses.
    #[error("the store of files failed")]
    Failed(#[source] object_store::Error),
    /// The folder cannot be made.
    #[error("the folder of files cannot be used")]
    Folder(#[source] std::io::Error),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Failed(other),
        }
    }
}

/// The store. Clones are the same.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    piece: usize,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.objects).finish()
    }
}

/// A file on its way into the store; dropped before [`Writing::finish`], it never was.
#[derive(Debug)]
pub(super) struct Writing(WriteMultipart);

impl Store {
    /// Opens the store; a folder is made, a bucket is not asked for.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        Ok(match place {
            Place::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(StoreError::Folder)?;
                let folder = LocalFileSystem::new_with_prefix(folder)?;
                Self {
                    objects: Arc::new(folder.with_automatic_cleanup(true).with_fsync(true)),
                    prefix: Path::default(),
                    piece: FOLDER_PIECE,
                }
            }
            Place::S3(s3) => Self {
                objects: Arc::new(bucket(s3)?),
                prefix: Path::from(s3.prefix.as_str()),
                piece: S3_PIECE,
            },
        })
    }

    fn path(&self, session: SessionId, media: MediaId) -> Path {
        self.prefix
            .clone()
            .join(session.to_string())
            .join(media.to_string())
    }

    pub(super) async fn write(
        &self,
        session: SessionId,
        media: MediaId,
    ) -> Result<Writing, StoreError> {
        let path = self.path(session, media);
        let upload = self.objects.put_multipart(&path).await?;
        let writing = WriteMultipart::new_with_chunk_size(upload, self.piece);
        Ok(Writing(writing))
    }

    /// The bytes of a file, or of a range of it that lies within.
    pub async fn read(
        &self,
        session: SessionId,
        media: MediaId,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let path = self.path(session, media);
        let found = self.objects.get_opts(&path, options).await?;
        match found {
            // By itself it would be read in pieces of 8 KiB, each of which goes to another thread and back.
            GetResult {
                payload: GetResultPayload::File(file, _),
                range,
                ..
            } => {
                let mut file = tokio::fs::File::from_std(file);
                file.set_max_buf_size(FOLDER_PIECE);
                let start = SeekFrom::Start(range.start);
                file.seek(start).await.map_err(StoreError::Folder)?;
                let part = file.take(range.end.saturating_sub(range.start));
                let pieces = ReaderStream::with_capacity(part, FOLDER_PIECE);
                Ok(pieces.map_err(StoreError::Folder).boxed())
            }
            other => Ok(other.into_stream().map_err(StoreError::from).boxed()),
        }
    }

    /// The file itself if it lies in a folder here, else its bytes in what `scratch` makes, at their beginning.
    pub async fn file(
        &self,
        session: SessionId,
        media: MediaId,
        scratch: impl FnOnce() -> Result<File, StoreError>,
    ) -> Result<File, StoreError> {
        let path = self.path(session, media);
        let mut bytes = match self.objects.get(&path).await? {
            GetResult {
                payload: GetResultPayload::File(file, _),
                ..
            } => return Ok(file),
            other => other.into_stream(),
        };
        let mut copy = tokio::fs::File::from_std(scratch()?);
        while let Some(piece) = bytes.try_next().await? {
            copy.write_all(&piece).await.map_err(StoreError::Folder)?;
        }
        copy.rewind().await.map_err(StoreError::Folder)?;
        Ok(copy.into_std().await)
    }

    /// Takes a file out; one that is not there is none to take.
    pub async fn remove(&self, session: SessionId, media: MediaId) -> Result<(), StoreError> {
        match self.objects.delete(&self.path(session, media)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Writing {
    /// Copies `bytes`: a piece of a body may be a small part of what was allocated for it, and keeps all of that. Gathered as they
    /// came, those of one file kept four megabytes.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.wait_for_capacity(PIECES_AT_ONCE).await?;
        self.0.write(bytes);
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<(), StoreError> {
        self.0.finish().await?;
        Ok(())
    }

    pub(super) async fn abort(self) {
        if let Err(error) = self.0.abort().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a part of a file stays in the store");
        }
    }
}

fn bucket(s3: &S3) -> Result<impl ObjectStore, object_store::Error> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&s3.bucket)
        .with_region(&s3.region);
    if let Some(endpoint) = &s3.endpoint {
        let plain = endpoint.starts_with("http://");
        let options = ClientOptions::new().with_allow_http(plain);
        builder = builder
            .with_endpoint(endpoint)
            .with_client_options(options)
            .with_allow_http(plain);
    }
    if let Some(key) = &s3.key_id {
        builder = builder.with_access_key_id(key);
    }
    if let Some(secret) = &s3.secret {
        builder = builder.with_secret_access_key(secret.expose_secret());
    }
    builder.build()
}
