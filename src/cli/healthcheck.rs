//! `wharf healthcheck`: is the service at the configured address ready?
//!
//! It speaks the few words of HTTP that this takes itself: a container runs it every few seconds, and it must work
//! when nothing else does.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::Failure;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(5);
/// More than the status line and the few headers of `/readyz`.
const ANSWER_BYTES: u64 = 4096;

/// Ends well if `/readyz` answers 200.
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let address = reachable(config.listen());
    let stream = connect(address).map_err(Failure::failed)?;
    let asked = match config.tls_files() {
        None => ask(address, stream),
        Some(_) => in_tls(address, stream).and_then(|stream| ask(address, stream)),
    };
    asked.map_err(Failure::failed)
}

/// A service that listens everywhere is reached over loopback.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("nobody listens on {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn in_tls(
    address: SocketAddr,
    stream: TcpStream,
) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Whichever(provider)))
        .with_no_client_auth();
    let name = ServerName::IpAddress(address.ip().into());
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Takes whichever certificate is shown: it is issued for the name that others know, not for this address, and nothing secret is
/// said here.
#[derive(Debug)]
struct Whichever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whichever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn ask(address: SocketAddr, mut stream: impl Read + Write) -> anyhow::Result<()> {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES)
        .read_to_end(&mut answer)
        .with_context(|| format!("{address} does not answer"))?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split_whitespace().nth(1).unwrap_or("nothing");
    if status != "200" {
        bail!("{address} is not ready: /readyz answered {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 512];
            let _: usize = stream.read(&mut head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_a_200_is_ready() {
        let asked = |answer| {
            let address = answering(answer);
            ask(address, connect(address).unwrap())
        };
        asked("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        let told = asked("HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(told.to_string().contains("503"), "{told}");
    }

    #[test]
    fn a_service_that_is_not_there_is_named_by_its_address() {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let told = connect(free).unwrap_err();
        assert!(told.to_string().contains(&free.to_string()), "{told}");
    }

    #[test]
    fn a_service_on_every_address_is_asked_over_loopback() {
        let address = reachable("0.0.0.0:9000".parse().unwrap());
        assert_eq!(address, "127.0.0.1:9000".parse().unwrap());
    }
}
