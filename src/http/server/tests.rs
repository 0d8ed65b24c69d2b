//! Real sockets against the loop: what it lets in, what it ends, and how it stops.

use axum::{
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    response::IntoResponse,
    routing::{any, get},
};
use futures_util::{SinkExt, StreamExt};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use super::*;

const SOON: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stop: Stop,
    tasks: Tasks,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start(router: Router, change: impl FnOnce(&mut Limits)) -> Self {
        Self::start_as(router, change, None).await
    }

    async fn start_as(
        router: Router,
        change: impl FnOnce(&mut Limits),
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let mut limits = Limits::from(&Http::default());
        change(&mut limits);
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let (inner, halt) = (tasks.clone(), stop.clone());
        let ended = tasks.spawn("http", async move {
            let entrance = Entrance {
                listener,
                limits,
                tls,
            };
            serve(entrance, router, &inner, &halt).await;
        });
        Self {
            address,
            stop,
            tasks,
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ends(self) {
        tokio::time::timeout(SOON, self.ended)
            .await
            .unwrap()
            .unwrap();
        assert!(self.tasks.join(SOON).await);
    }
}

fn greeting() -> Router {
    Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }),
    )
}

/// Everything that comes until the other side hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut text))
        .await
        .expect("the connection is not closed")
        .unwrap();
    text
}

async fn ask(stream: &mut TcpStream, head: &str) {
    stream.write_all(head.as_bytes()).await.unwrap();
}

#[test]
fn a_head_has_ten_seconds_by_default() {
    assert_eq!(
        Limits::from(&Http::default()).header_timeout,
        Duration::from_secs(10)
    );
}

#[tokio::test]
async fn a_half_sent_head_is_closed_and_a_whole_one_is_answered() {
    let server = Running::start(greeting(), |limits| {
        limits.header_timeout = Duration::from_millis(200);
    })
    .await;
    let mut half = server.connect().await;
    ask(&mut half, "GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    let mut whole = server.connect().await;
    ask(
        &mut whole,
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(rest(&mut whole).await.ends_with("127.0.0.1"));
    let told = rest(&mut half).await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 408"),
        "{told}"
    );
    server.stop.soft();
    server.ends().await;
}

#[tokio::test]
async fn one_connection_too_many_is_refused_with_an_answer() {
    let server = Running::start(greeting(), |limits| limits.connections = 1).await;
    let mut first = server.connect().await;
    ask(&mut first, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut one = [0; 1];
    first.read_exact(&mut one).await.unwrap();

    let mut second = server.connect().await;
    ask(&mut second, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let told = rest(&mut second).await;
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    assert!(told.contains("retry-after: 1") && told.contains("too_many_connections"));

    drop(first);
    tokio::time::timeout(SOON, async {
        loop {
            let mut third = server.connect().await;
            ask(
                &mut third,
                "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            )
            .await;
            if rest(&mut third).await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
    })
    .await
    .expect("the place of the first is not free again");
    server.stop.soft();
    server.ends().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let server = Running::start(greeting(), |_| {}).await;
    let mut stream = server.connect().await;
    let long = "a".repeat(HEAD_BYTES + 1);
    ask(
        &mut stream,
        &format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n"),
    )
    .await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431"));
    server.stop.soft();
    server.ends().await;
}

#[tokio::test]
async fn a_stop_lets_a_request_finish_and_ends_connections_that_rest() {
    let (reached, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entered, may_end) = (Arc::clone(&reached), Arc::clone(&finish));
    let router = Router::new().route(
        "/slow",
        get(|| async move {
            entered.notify_one();
            may_end.notified().await;
            "done"
        }),
    );
    let server = Running::start(router, |_| {}).await;
    let mut resting = server.connect().await;
    let mut busy = server.connect().await;
    ask(&mut busy, "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    reached.notified().await;

    server.stop.soft();
    assert_eq!(rest(&mut resting).await, "");
    assert!(!server.ended.is_finished());
    finish.notify_one();
    let told = rest(&mut busy).await;
    assert!(
        told.ends_with("done") && told.contains("connection: close"),
        "{told}"
    );
    server.ends().await;
}

#[tokio::test]
async fn the_hard_stop_ends_a_request_that_would_never_end() {
    let reached = Arc::new(Notify::new());
    let entered = Arc::clone(&reached);
    let router = Router::new().route(
        "/never",
        get(|| async move {
            entered.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let server = Running::start(router, |_| {}).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    reached.notified().await;
    server.stop.hard();
    assert_eq!(rest(&mut stream).await, "");
    server.ends().await;
}

#[tokio::test]
async fn an_upgraded_socket_keeps_its_place_and_the_stop_waits_for_it() {
    let router = Router::new().route(
        "/ws",
        any(
            |upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>| async move {
                match upgrade {
                    Ok(upgrade) => upgrade.on_upgrade(|mut socket| async move {
                        while let Some(Ok(message)) = socket.next().await {
                            if socket.send(message).await.is_err() {
                                break;
                            }
                        }
                    }),
                    Err(refused) => refused.into_response(),
                }
            },
        ),
    );
    let server = Running::start(router, |limits| limits.connections = 1).await;
    let url = format!("ws://{}/ws", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "hello".into());

    let told = rest(&mut server.connect().await).await;
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    server.stop.soft();
    socket.send("still here".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "still here".into());
    assert!(!server.ended.is_finished());
    socket.close(None).await.unwrap();
    server.ends().await;
}

/// A certificate for `localhost`, and what a client needs that trusts it.
fn certified() -> (tls::Tls, TlsConnector, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = tls::TlsFiles {
        certificate: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    (tls::Tls::open(files).unwrap(), connector, folder)
}

#[tokio::test]
async fn over_tls_a_request_is_answered_and_plain_words_are_not() {
    let (tls, connector, _folder) = certified();
    let acceptor = tls.acceptor().unwrap();
    let running = Running::start_as(greeting(), |_| {}, Some(acceptor)).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = running.connect().await;
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("127.0.0.1"), "{answer}");

    let mut plain = running.connect().await;
    ask(&mut plain, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut told = Vec::new();
    tokio::time::timeout(SOON, plain.read_to_end(&mut told))
        .await
        .expect("the connection is not closed")
        .unwrap();
    assert!(!told.starts_with(b"HTTP"), "{told:?}");
    running.stop.soft();
    running.ends().await;
}

#[tokio::test]
async fn a_client_that_begins_no_handshake_holds_its_place_no_longer_than_a_head_may_take() {
    let (tls, _, _folder) = certified();
    let acceptor = tls.acceptor().unwrap();
    let soon = |limits: &mut Limits| limits.header_timeout = Duration::from_millis(50);
    let running = Running::start_as(greeting(), soon, Some(acceptor)).await;
    let mut silent = running.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    running.stop.soft();
    running.ends().await;
}
