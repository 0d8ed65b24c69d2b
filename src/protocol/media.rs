//! Files on WhatsApp's servers: encrypted and put there, fetched and opened.
//!
//! Both ways go through a scratch file that nobody else can open, piece by piece: how large a file is costs no memory.
//! `service::media` calls it.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Write as _},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use wacore::{
    download::MediaType,
    upload::{EncryptedMediaInfo, MediaEncryptor, UploadSource},
};
use whatsapp_rust::{
    download::DownloadParams,
    features::{MediaRetryResult, MediaReuploadError, MediaReuploadRequest},
};

use super::client::Client;
use crate::domain::message::{Class, Reference};

mod open;

/// What is encrypted before it is written.
const PIECE: usize = 256 * 1024;

/// A file did not get there, or did not come.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Where it comes from, or the scratch file, failed.
    #[error("the file cannot be read or written here")]
    Io(#[from] io::Error),
    /// WhatsApp does not have it any more.
    #[error("WhatsApp does not have the file any more")]
    Gone,
    /// The phone, which has the file, does not answer.
    #[error("the phone does not answer")]
    PhoneSilent,
    /// WhatsApp or the library refused, or did not answer.
    #[error("WhatsApp did not take or give the file")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MediaError {
    fn refused(error: anyhow::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// The encrypted file.
struct Scratch {
    file: File,
    length: u64,
}

impl UploadSource for Scratch {
    fn len(&self) -> u64 {
        self.length
    }

    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        // A clone shares its place with the others: the library reads one at a time.
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

const fn media_type(class: Class) -> MediaType {
    match class {
        Class::Image => MediaType::Image,
        Class::Video => MediaType::Video,
        Class::Audio => MediaType::Audio,
        Class::Document => MediaType::Document,
        Class::Sticker => MediaType::Sticker,
    }
}

impl Client {
    /// Encrypts `source` into `scratch`, and puts that on WhatsApp's servers.
    pub async fn upload<E: Into<io::Error>>(
        &self,
        class: Class,
        scratch: File,
        source: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Reference, MediaError> {
        let (scratch, info) = encrypt(class, scratch, source).await?;
        let uploaded = self.inner.upload_stream(scratch, info, media_type(class));
        let uploaded = uploaded.await.map_err(MediaError::refused)?;
        Ok(Reference {
            class,
            direct_path: uploaded.direct_path,
            url: Some(uploaded.url),
            key: uploaded.media_key.to_vec(),
            sha256: uploaded.file_sha256.to_vec(),
            encrypted_sha256: uploaded.file_enc_sha256.to_vec(),
            length: uploaded.file_length,
            key_at: Some(uploaded.media_key_timestamp),
            sidecar: uploaded.streaming_sidecar,
            preview: None,
            came_with: None,
            handle: None,
        })
    }

    /// Fetches a file and opens it into `scratch`, which is given back at its beginning. What does not fit its hashes is
    /// refused.
    pub async fn download(&self, at: &Reference, scratch: File) -> Result<File, MediaError> {
        if at.is_open() {
            return self.download_open(at, scratch).await;
        }
        let params = DownloadParams::encrypted(
            at.direct_path.as_str(),
            &at.key,
            &at.sha256,
            &at.encrypted_sha256,
            at.length,
            media_type(at.class),
        );
        let fetched = self
            .inner
            .download_from_params_to_writer(&params, scratch)
            .await;
        fetched.map_err(|error| match status_of(&error) {
            Some(401 | 403 | 404 | 410) => MediaError::Gone,
            _ => MediaError::refused(error),
        })
    }
}

impl Client {
    /// Asks the phone to put a file up again that WhatsApp's servers have dropped; where it is then. Takes half a minute
    /// when the phone does not answer.
    pub async fn put_up_again(&self, at: &Reference) -> Result<Reference, MediaError> {
        let came_with = at.came_with.as_ref().filter(|_| !at.is_open());
        let came_with = came_with.ok_or(MediaError::Gone)?;
        let chat = came_with.chat.parse().map_err(|_| MediaError::Gone)?;
        let participant = came_with.participant.as_deref().map(str::parse).transpose();
        let participant = participant.map_err(|_| MediaError::Gone)?;
        let request = MediaReuploadRequest {
            msg_id: &came_with.message_id,
            chat_jid: &chat,
            media_key: &at.key,
            is_from_me: came_with.from_me,
            participant: participant.as_ref(),
        };
        match self.inner.media_reupload().request(&request).await {
            Ok(MediaRetryResult::Success { direct_path }) => Ok(Reference {
                direct_path,
                url: None,
                ..at.clone()
            }),
            Ok(_) => Err(MediaError::Gone),
            Err(MediaReuploadError::Timeout) => Err(MediaError::PhoneSilent),
            Err(error) => Err(MediaError::Refused(error.into())),
        }
    }
}

/// The HTTP status that a file was refused with.
fn status_of(error: &anyhow::Error) -> Option<u16> {
    let error: &(dyn std::error::Error + Send + Sync) = error.as_ref();
    whatsapp_rust::ErrorChainExt::http_status(error)
}

async fn encrypt<E: Into<io::Error>>(
    class: Class,
    scratch: File,
    source: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<(Scratch, EncryptedMediaInfo), MediaError> {
    let mut encryptor = MediaEncryptor::new_with_sidecar(
        media_type(class),
        matches!(class, Class::Audio | Class::Video),
    )
    .map_err(MediaError::refused)?;
    let mut file = scratch;
    let mut length = 0;
    let mut waiting = Vec::with_capacity(PIECE);
    let mut source = std::pin::pin!(source);
    while let Some(piece) = source.next().await {
        encryptor.update(&piece.map_err(Into::into)?, &mut waiting);
        if waiting.len() >= PIECE {
            length += waiting.len() as u64;
            (file, waiting) = written(file, waiting).await?;
        }
    }
    let info = encryptor
        .finalize(&mut waiting)
        .map_err(MediaError::refused)?;
    length += waiting.len() as u64;
    (file, _) = written(file, waiting).await?;
    Ok((Scratch { file, length }, info))
}

/// The disk is waited for where that holds nobody up.
async fn written(mut file: File, mut bytes: Vec<u8>) -> io::Result<(File, Vec<u8>)> {
    let writing = tokio::task::spawn_blocking(move || {
        file.write_all(&bytes)?;
        bytes.clear();
        Ok((file, bytes))
    });
    writing.await.map_err(io::Error::other)?
}
