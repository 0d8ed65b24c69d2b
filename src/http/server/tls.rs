//! TLS by the service itself: the certificate that it shows, and how a new one takes its place.
//!
//! Owns the files of the certificate. A new one is shown from the next connection on, and nothing that is open is cut. Files that
//! cannot be used leave the certificate that there is. Must never log a key. The accept loop asks for the [`Tls::acceptor`].

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use crate::lifecycle::Stop;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where a certificate lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that lead to a root, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM")]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not in use.
    #[error("the certificate in {certificate} and the key in {key} cannot be used together")]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// The certificate in use. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    files: TlsFiles,
    shown: Arc<Shown>,
    /// When the files were written that were read last.
    read: Arc<Mutex<Option<[SystemTime; 2]>>>,
}

struct Shown(ArcSwap<CertifiedKey>);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(certificate)")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Reads the certificate for the first time.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let written = written(&files).ok();
        let certificate = load(&files)?;
        Ok(Self {
            files,
            shown: Arc::new(Shown(ArcSwap::from_pointee(certificate))),
            read: Arc::new(Mutex::new(written)),
        })
    }

    /// What makes a TLS stream of a connection; it shows whatever certificate is in use by then.
    pub fn acceptor(&self) -> Result<TlsAcceptor, rustls::Error> {
        let shown: Arc<dyn ResolvesServerCert> = self.shown.clone();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again if they were written since; tells whether another certificate is shown now.
    pub fn look(&self) -> Result<bool, TlsError> {
        let now = written(&self.files)?;
        if *self.read.lock().unwrap_or_else(PoisonError::into_inner) == Some(now) {
            return Ok(false);
        }
        let fresh = load(&self.files)?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let is_new = fresh.cert != self.shown.0.load().cert;
        self.shown.0.store(Arc::new(fresh));
        Ok(is_new)
    }

    /// Looks from time to time, until the soft stop.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            let own = self.clone();
            match tokio::task::spawn_blocking(move || own.look()).await {
                Ok(Ok(true)) => tracing::info!("another TLS certificate is in use from now on"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the TLS certificate was changed and cannot be used; the one before stays"
                ),
                Err(_) => return,
            }
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn written(files: &TlsFiles) -> Result<[SystemTime; 2], TlsError> {
    let of = |path: &Path| {
        let written = fs::metadata(path).and_then(|about| about.modified());
        written.map_err(|source| unread(path, source))
    };
    Ok([of(&files.certificate)?, of(&files.key)?])
}

fn unread(path: &Path, source: io::Error) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        source,
    }
}

/// The certificates of a PEM file, its own first.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(path).map_err(|source| unread(path, source))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| TlsError::NotPem {
            path: path.to_owned(),
            what: "certificate",
        })
}

fn load(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.certificate)?;
    let pem =
        zeroize::Zeroizing::new(fs::read(&files.key).map_err(|source| unread(&files.key, source))?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NotPem {
        path: files.key.clone(),
        what: "private key",
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn put(folder: &Path, (certificate, key): &(String, String)) -> TlsFiles {
        let files = TlsFiles {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
        };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    fn age(files: &TlsFiles, seconds: u64) {
        for path in [&files.certificate, &files.key] {
            let file = fs::File::options().write(true).open(path).unwrap();
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            file.set_modified(then).unwrap();
        }
    }

    #[test]
    fn a_certificate_that_was_renewed_is_shown_and_one_that_is_broken_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = put(folder.path(), &pem("one.example"));
        age(&files, 1000);
        let tls = Tls::open(files.clone()).unwrap();
        let first = tls.shown.0.load_full();
        assert!(!tls.look().unwrap(), "nothing was written");
        put(folder.path(), &pem("two.example"));
        age(&files, 2000);
        assert!(tls.look().unwrap());
        let second = tls.shown.0.load_full();
        assert_ne!(first.cert, second.cert);

        fs::write(&files.certificate, "half a certi").unwrap();
        assert!(matches!(tls.look(), Err(TlsError::NotPem { .. })));
        assert_eq!(tls.shown.0.load_full().cert, second.cert);
        // It is looked at until it is whole again.
        assert!(tls.look().is_err());
    }

    #[test]
    fn what_cannot_be_shown_is_named_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (pem("one.example"), pem("two.example"));
        let files = put(folder.path(), &(one.0, two.1));
        let told = Tls::open(files.clone()).unwrap_err();
        assert!(matches!(told, TlsError::Unusable { .. }), "{told}");
        fs::remove_file(&files.key).unwrap();
        let told = Tls::open(files).unwrap_err().to_string();
        assert!(told.contains("tls.key"), "{told}");
    }
}
