//! Where blobs lie: files named by their hash, or memory when the sandbox keeps nothing.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

/// The largest blob: what WhatsApp takes for most kinds.
pub(crate) const MAX_BLOB_BYTES: usize = 64 * 1024 * 1024;
/// All blobs together, when they are held in memory.
const MAX_MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// Why a blob was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfFault {
    #[error("the name is no hash")]
    BadName,
    #[error("larger than 64 MiB")]
    TooLarge,
    #[error("the content does not hash to its name")]
    WrongHash,
    #[error("no room left")]
    Full,
    #[error("the upload broke off")]
    Broken,
    #[error("cannot write media")]
    Io(#[from] io::Error),
}

/// The store. Cheap to ask, never locked across a write to disk.
pub(crate) struct Shelf {
    place: Place,
    uploads: AtomicU64,
}

enum Place {
    Dir(PathBuf),
    Memory(Mutex<HashMap<String, Bytes>>),
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

/// A name that can be a file's: the base64 of 32 bytes, without `/` and `+`.
fn hash_of(token: &str) -> Option<[u8; 32]> {
    BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()
}

/// The name of a blob with this hash.
pub(super) fn token_of(hash: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

impl Shelf {
    /// Blobs in `dir/media`, or in memory.
    pub(crate) fn open(dir: Option<&Path>) -> io::Result<Self> {
        let place = match dir {
            Some(dir) => {
                let dir = dir.join("media");
                std::fs::create_dir_all(&dir)?;
                Place::Dir(dir)
            }
            None => Place::Memory(Mutex::default()),
        };
        Ok(Self {
            place,
            uploads: AtomicU64::new(0),
        })
    }

    pub(super) async fn has(&self, token: &str) -> bool {
        if hash_of(token).is_none() {
            return false;
        }
        match &self.place {
            Place::Dir(dir) => fs::try_exists(dir.join(token)).await.unwrap_or(false),
            Place::Memory(blobs) => blobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains_key(token),
        }
    }

    pub(super) async fn get(&self, token: &str) -> Option<Bytes> {
        hash_of(token)?;
        match &self.place {
            Place::Dir(dir) => fs::read(dir.join(token)).await.ok().map(Bytes::from),
            Place::Memory(blobs) => blobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(token)
                .cloned(),
        }
    }

    /// Takes a blob piece by piece. It is there when this returns, or nothing of it is.
    pub(super) async fn put<E>(
        &self,
        token: &str,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(), ShelfFault> {
        let wanted = hash_of(token).ok_or(ShelfFault::BadName)?;
        let mut target = self.target().await?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut pieces = std::pin::pin!(pieces);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| ShelfFault::Broken)?;
            size += piece.len();
            if size > MAX_BLOB_BYTES {
                return Err(ShelfFault::TooLarge);
            }
            hash.update(&piece);
            target.write(&piece).await?;
        }
        if hash.finalize()[..] != wanted {
            return Err(ShelfFault::WrongHash);
        }
        self.keep(token, target).await
    }

    async fn target(&self) -> Result<Target, ShelfFault> {
        match &self.place {
            Place::Memory(_) => Ok(Target::Memory(Vec::new())),
            Place::Dir(dir) => {
                let number = self.uploads.fetch_add(1, Ordering::Relaxed);
                let part = Part(dir.join(format!("upload-{}-{number}", std::process::id())));
                let file = fs::File::create(&part.0).await?;
                Ok(Target::File(file, part))
            }
        }
    }

    async fn keep(&self, token: &str, target: Target) -> Result<(), ShelfFault> {
        match (&self.place, target) {
            (Place::Dir(dir), Target::File(mut file, part)) => {
                file.flush().await?;
                file.sync_all().await?;
                fs::rename(&part.0, dir.join(token)).await?;
                Ok(())
            }
            (Place::Memory(blobs), Target::Memory(bytes)) => {
                let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
                let held: usize = blobs.values().map(Bytes::len).sum();
                if held + bytes.len() > MAX_MEMORY_BYTES {
                    return Err(ShelfFault::Full);
                }
                blobs.insert(token.to_owned(), Bytes::from(bytes));
                Ok(())
            }
            _ => Err(ShelfFault::Broken),
        }
    }
}

/// An upload that is not complete yet.
enum Target {
    File(fs::File, Part),
    Memory(Vec<u8>),
}

impl Target {
    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.write_all(piece).await,
            Self::Memory(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }
}

/// A file that goes away with its upload. After the rename there is nothing left to remove.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an unfinished upload cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn pieces(content: &[u8]) -> impl Stream<Item = Result<Bytes, io::Error>> + use<> {
        let pieces: Vec<_> = content
            .chunks(3)
            .map(|c| Ok(Bytes::copy_from_slice(c)))
            .collect();
        stream::iter(pieces)
    }

    #[tokio::test]
    async fn a_blob_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let token = token_of(&Sha256::digest(b"content"));
        let shelf = Shelf::open(Some(dir.path())).unwrap();
        shelf.put(&token, pieces(b"content")).await.unwrap();
        drop(shelf);
        let shelf = Shelf::open(Some(dir.path())).unwrap();
        assert_eq!(shelf.get(&token).await.unwrap(), "content");
    }

    #[tokio::test]
    async fn what_does_not_hash_to_its_name_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let token = token_of(&Sha256::digest(b"content"));
        for place in [Some(dir.path()), None] {
            let shelf = Shelf::open(place).unwrap();
            let fault = shelf.put(&token, pieces(b"other")).await.unwrap_err();
            assert!(matches!(fault, ShelfFault::WrongHash));
            assert!(!shelf.has(&token).await);
        }
        assert_eq!(
            std::fs::read_dir(dir.path().join("media")).unwrap().count(),
            0
        );
    }

    #[tokio::test]
    async fn a_name_that_is_no_hash_reaches_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(Some(dir.path())).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        assert!(shelf.get("../secret").await.is_none());
        assert!(matches!(
            shelf.put("../x", pieces(b"x")).await,
            Err(ShelfFault::BadName)
        ));
    }
}
