//! A file comes in: counted, hashed and put into the store piece by piece; refused at the first byte too many.

use bytes::Bytes;
use entity::ids::{MediaId, SessionId};
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::{
    Store, StoreError,
    inspect::{self, HEAD_BYTES},
    store::Writing,
};

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError<E> {
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It has more bytes than it may.
    #[error("the file has more than {limit} bytes")]
    TooLarge {
        /// What it may have.
        limit: u64,
    },
    /// Where it comes from failed.
    #[error("the file did not come in whole")]
    Source(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Bytes.
    pub size: u64,
    /// Of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// What its first bytes say it is, if they say anything.
    pub looks_like: Option<&'static str>,
}

/// A file on its way in.
#[derive(Debug)]
pub struct Intake {
    writing: Writing,
    limit: u64,
    size: u64,
    hash: Sha256,
    head: Vec<u8>,
}

impl Intake {
    /// Takes all of `source` into the store, up to `limit` bytes.
    pub async fn take<E>(
        store: &Store,
        (session, media): (SessionId, MediaId),
        limit: u64,
        source: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Taken, IntakeError<E>> {
        let mut intake = Self {
            writing: store.write(session, media).await?,
            limit,
            size: 0,
            hash: Sha256::new(),
            head: Vec::new(),
        };
        let mut source = std::pin::pin!(source);
        while let Some(piece) = source.next().await {
            let pushed = match piece {
                Ok(piece) => intake.push(piece).await,
                Err(error) => Err(IntakeError::Source(error)),
            };
            if let Err(error) = pushed {
                intake.writing.abort().await;
                return Err(error);
            }
        }
        if intake.size == 0 {
            intake.writing.abort().await;
            return Err(IntakeError::Empty);
        }
        intake.writing.finish().await?;
        Ok(Taken {
            size: intake.size,
            sha256: hex::encode(intake.hash.finalize()),
            looks_like: inspect::looks_like(&intake.head),
        })
    }

    async fn push<E>(&mut self, piece: Bytes) -> Result<(), IntakeError<E>> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(IntakeError::TooLarge { limit: self.limit });
        }
        self.hash.update(&piece);
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..wanted]);
        self.writing.push(&piece).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::{TryStreamExt as _, stream};

    use super::*;
    use crate::media::Place;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(&Place::Folder(folder.path().to_owned())).unwrap()
    }

    fn pieces(all: &[&'static [u8]]) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let pieces: Vec<_> = all
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece)))
            .collect();
        stream::iter(pieces)
    }

    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let count = |entry: std::fs::DirEntry| {
            if entry.path().is_dir() {
                files(&entry.path())
            } else {
                1
            }
        };
        entries.map(count).sum()
    }

    #[tokio::test]
    async fn what_was_taken_is_read_back_whole_and_in_ranges() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let key = (SessionId::new(), MediaId::new());
        let source = pieces(&[&PNG[..3], &PNG[3..], b"tail"]);
        let taken = Intake::take(&store, key, 100, source).await.unwrap();
        assert_eq!(taken.size, PNG.len() as u64 + 4);
        assert_eq!(taken.looks_like, Some("image/png"));
        let read = |range| {
            let store = store.clone();
            async move {
                let bytes = store.read(key.0, key.1, range).await.unwrap();
                bytes.try_collect::<Vec<Bytes>>().await.unwrap().concat()
            }
        };
        let whole = read(None).await;
        assert_eq!(whole, [PNG, b"tail"].concat());
        assert_eq!(hex::encode(Sha256::digest(&whole)), taken.sha256);
        assert_eq!(read(Some(1..4)).await, b"PNG");
        store.remove(key.0, key.1).await.unwrap();
        store.remove(key.0, key.1).await.unwrap();
        let gone = store.read(key.0, key.1, None).await.err().unwrap();
        assert!(matches!(gone, StoreError::Missing));
    }

    #[tokio::test]
    async fn what_is_empty_too_large_or_broken_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let key = (SessionId::new(), MediaId::new());
        let empty = Intake::take(&store, key, 10, pieces(&[])).await;
        assert!(matches!(empty, Err(IntakeError::Empty)));
        let large = Intake::take(&store, key, 10, pieces(&[b"12345", b"678901"])).await;
        assert!(matches!(large, Err(IntakeError::TooLarge { limit: 10 })));
        let broken = stream::iter([Ok(Bytes::from_static(b"1")), Err(io::Error::other("gone"))]);
        let broken = Intake::take(&store, key, 10, broken).await;
        assert!(matches!(broken, Err(IntakeError::Source(_))));
        assert_eq!(files(folder.path()), 0);
    }
}
