//! Files of channels: they lie open on WhatsApp's servers, named by their hash. The library fetches such a file, and does
//! not put one up.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wacore::{
    download::{Downloadable, MediaType},
    net::{HttpClient as _, HttpRequest},
};
use whatsapp_rust::IqError;

use super::{MediaError, media_type, status_of, written};
use crate::{
    domain::message::{Class, Reference},
    protocol::client::Client,
};

/// Where a file is, as the library asks for it.
struct Open<'a>(&'a Reference);

impl Downloadable for Open<'_> {
    fn direct_path(&self) -> Option<&str> {
        Some(&self.0.direct_path)
    }

    fn media_key(&self) -> Option<&[u8]> {
        None
    }

    fn file_enc_sha256(&self) -> Option<&[u8]> {
        None
    }

    fn file_sha256(&self) -> Option<&[u8]> {
        Some(&self.0.sha256)
    }

    fn file_length(&self) -> Option<u64> {
        Some(self.0.length)
    }

    fn app_info(&self) -> MediaType {
        media_type(self.0.class)
    }
}

/// What WhatsApp says of a file that it has taken.
#[derive(Deserialize)]
struct Taken {
    url: String,
    direct_path: String,
    handle: Option<String>,
}

/// WhatsApp's server for files did not take one.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("no server for files can be named")]
    Unknown(#[source] IqError),
    #[error("the server for files answered {0}")]
    Status(u16),
    #[error("the server for files names none")]
    Nowhere,
}

fn refused(error: NotTaken) -> MediaError {
    MediaError::Refused(Box::new(error))
}

impl Client {
    /// Puts `source` on WhatsApp's servers as the file of a post.
    pub async fn upload_open<E: Into<io::Error>>(
        &self,
        class: Class,
        scratch: File,
        source: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Reference, MediaError> {
        let mut source = std::pin::pin!(source);
        let (mut file, mut hash, mut length) = (scratch, Sha256::new(), 0);
        while let Some(piece) = source.next().await {
            let piece = piece.map_err(Into::into)?;
            hash.update(&piece);
            length += piece.len() as u64;
            (file, _) = written(file, piece.to_vec()).await?;
        }
        let sha256 = hash.finalize().to_vec();
        let taken = match self.put(class, &file, (&sha256, length), false).await {
            // The token may have ended before its time.
            Err(NotTaken::Status(401 | 403)) => {
                self.put(class, &file, (&sha256, length), true).await
            }
            taken => taken,
        };
        let taken = taken.map_err(refused)?;
        Ok(Reference {
            class,
            direct_path: taken.direct_path,
            url: Some(taken.url),
            key: Vec::new(),
            sha256,
            encrypted_sha256: Vec::new(),
            length,
            key_at: None,
            sidecar: None,
            preview: None,
            came_with: None,
            handle: taken.handle,
        })
    }

    async fn put(
        &self,
        class: Class,
        file: &File,
        (sha256, length): (&[u8], u64),
        anew: bool,
    ) -> Result<Taken, NotTaken> {
        let servers = self.inner.refresh_media_conn(anew).await;
        let servers = servers.map_err(NotTaken::Unknown)?;
        let host = servers.hosts.first().ok_or(NotTaken::Nowhere)?;
        let token = URL_SAFE_NO_PAD.encode(sha256);
        let kind = media_type(class).mms_type();
        let url = format!(
            "https://{}/newsletter/newsletter-{kind}/{token}?auth={}&token={token}",
            host.hostname, servers.auth
        );
        let request = HttpRequest::post(url)
            .with_header("Content-Type", "application/octet-stream")
            .with_header("Origin", "https://web.whatsapp.com");
        let (http, file) = (self.http.clone(), file.try_clone());
        let sending = tokio::task::spawn_blocking(move || {
            let mut file = file?;
            file.seek(SeekFrom::Start(0))?;
            http.execute_upload(request, Box::new(file), length)
        });
        let answer = sending.await.ok().and_then(Result::ok);
        let answer = answer.ok_or(NotTaken::Nowhere)?;
        if !(200..300).contains(&answer.status_code) {
            return Err(NotTaken::Status(answer.status_code));
        }
        serde_json::from_slice(&answer.body).map_err(|_| NotTaken::Nowhere)
    }

    /// Fetches the file of a post into `scratch`, which is given back at its beginning.
    pub(super) async fn download_open(
        &self,
        at: &Reference,
        scratch: File,
    ) -> Result<File, MediaError> {
        let fetched = self.inner.download_to_writer(&Open(at), scratch).await;
        fetched.map_err(|error| match status_of(&error) {
            Some(401 | 403 | 404 | 410) => MediaError::Gone,
            _ => MediaError::refused(error),
        })
    }
}
