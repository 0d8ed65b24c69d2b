//! The TLS listener.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wharf_sandbox::Config;

use crate::harness::Field;

#[tokio::test]
async fn the_same_routes_answer_over_tls_to_a_client_that_trusts_the_certificate() {
    let tls_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let field = Field::start_with(Config {
        tls_listen,
        ..Config::default()
    })
    .await;
    // A client that stalls in its handshake keeps nobody else out.
    let addr = field.sandbox.tls_addr().unwrap();
    let _stalled = TcpStream::connect(addr).await.unwrap();

    let mut roots = RootCertStore::empty();
    let certificate = field.sandbox.tls_certificate().unwrap().to_vec();
    roots.add(CertificateDer::from(certificate)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let request = b"GET /sandbox/state HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("root_key"), "{answer}");
    field.sandbox.stop().await;
}
