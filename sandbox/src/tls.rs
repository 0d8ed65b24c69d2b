//! The optional TLS listener: the same routes behind a certificate that the sandbox makes for itself.
//!
//! Handshakes run beside each other, so a client that stalls in one keeps nobody else out. Called by the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes at a time; further clients wait in the kernel's queue.
const HANDSHAKES: usize = 64;
/// Finished handshakes that wait to be served; when it is full the next handshake waits.
const ACCEPTED: usize = 16;
/// A listener out of file descriptors must not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no TLS listener.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot set up TLS")]
    Config(#[from] rustls::Error),
    #[error("cannot listen")]
    Listen(#[from] io::Error),
}

type Accepted = (TlsStream<TcpStream>, SocketAddr);

pub(crate) struct TlsListener {
    addr: SocketAddr,
    certificate: CertificateDer<'static>,
    accepted: mpsc::Receiver<Accepted>,
    /// Ends with the listener.
    _accepting: JoinSet<()>,
}

impl TlsListener {
    pub(crate) async fn bind(addr: SocketAddr) -> Result<Self, TlsError> {
        let names = vec!["localhost".to_owned(), addr.ip().to_string()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        // The provider is named: another crate in the tree may bring a second one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())?;
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (tx, accepted) = mpsc::channel(ACCEPTED);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), tx));
        Ok(Self {
            addr,
            certificate,
            accepted,
            _accepting: accepting,
        })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client has to trust, in DER.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.certificate.to_vec()
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, tx: mpsc::Sender<Accepted>) {
    let mut handshakes = JoinSet::new();
    loop {
        while handshakes.len() >= HANDSHAKES {
            handshakes.join_next().await;
        }
        while handshakes.try_join_next().is_some() {}
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        let tx = tx.clone();
        handshakes.spawn(async move {
            if let Ok(Ok(stream)) = handshake.await
                && tx.send((stream, peer)).await.is_err()
            {
                tracing::debug!("a connection came while the listener ended");
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The accepting task only ends with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.addr)
    }
}
