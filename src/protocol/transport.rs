//! The socket to WhatsApp, on tokio-tungstenite with small buffers.
//!
//! Owns one TCP (or TLS) stream per session and reports what the library keeps to itself: that a connection could
//! not be made, and that the library hung up in the middle of the handshake because it did not trust the server.
//! Must never look into a frame.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, Uri, header::ORIGIN},
        protocol::WebSocketConfig,
    },
};
use tokio_util::sync::CancellationToken;
use wacore::net::{
    DisconnectReason, Transport, TransportEvent, TransportFactory, WHATSAPP_WEB_ORIGIN,
};

use super::debt::Debt;
use crate::{
    domain::session::Reason,
    egress::{ProxyError, Route},
    lifecycle::Tasks,
};

/// Frames that wait for the client; when it is full, reading from the socket stops and TCP holds the peer back.
const EVENTS: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the library may take to judge the server's proof: it is a matter of milliseconds.
const JUDGED: Duration = Duration::from_secs(2);
/// The largest frame that is accepted: far above any stanza, far below what could exhaust memory.
const MAX_FRAME: usize = 16 << 20;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
type Socket = WebSocketStream<Box<dyn Stream>>;

/// Told about connections that did not come to be.
pub(super) trait Watcher: Send + Sync {
    /// The connection could not be made, or was refused by us.
    fn failed(&self, reason: Reason, detail: String);
}

/// How a session gets to WhatsApp.
#[derive(Debug, Clone)]
pub enum Way {
    /// Over the network as it is.
    Direct,
    /// Through a proxy.
    Through(Route),
    /// It has a proxy that cannot be read.
    Closed,
}

/// The proxy of a session cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the proxy of this session cannot be read; set it again")]
pub(super) struct Closed;

/// Makes the connections of one session.
pub(super) struct Factory {
    pub(super) url: Arc<str>,
    pub(super) way: Way,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) watcher: Arc<dyn Watcher>,
    pub(super) tasks: Tasks,
    /// Falls when nothing may be sent any more: the client goes by a state that is not the stored one.
    pub(super) silenced: CancellationToken,
    /// What has to be written before a frame leaves.
    pub(super) debt: Arc<Debt>,
}

#[async_trait::async_trait]
impl TransportFactory for Factory {
    async fn create_transport(
        &self,
    ) -> Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>), anyhow::Error> {
        let opened = match tokio::time::timeout(CONNECT_TIMEOUT, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(anyhow::anyhow!("no answer within {CONNECT_TIMEOUT:?}")),
        };
        let socket = opened.inspect_err(|error| {
            let reason = if error.is::<ProxyError>() || error.is::<Closed>() {
                Reason::ProxyFailed
            } else {
                Reason::Unreachable
            };
            self.watcher.failed(reason, format!("{error:#}"));
        })?;
        let (sink, stream) = socket.split();
        let (events, receiver) = async_channel::bounded(EVENTS);
        let shared = Arc::new(Shared::default());
        // The channel is empty, so this cannot fail.
        events.try_send(TransportEvent::Connected)?;
        self.tasks
            .spawn("wa.read", read(stream, events, Arc::clone(&shared)));
        let wire = Wire {
            sink: Mutex::new(Some(sink)),
            shared,
            watcher: Arc::clone(&self.watcher),
            silenced: self.silenced.clone(),
            debt: Arc::clone(&self.debt),
        };
        Ok((Arc::new(wire), receiver))
    }
}

/// The address of WhatsApp, its host and its port.
fn place(url: &str) -> anyhow::Result<(Uri, String, u16)> {
    let uri: Uri = url
        .parse()
        .context("the address of WhatsApp is not a URL")?;
    let host = uri
        .host()
        .context("the address of WhatsApp has no host")?
        .to_owned();
    let usual = if is_secure(&uri) { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(usual);
    Ok((uri, host, port))
}

fn is_secure(uri: &Uri) -> bool {
    uri.scheme_str() == Some("wss")
}

/// Whether there is a connection to WhatsApp at `url` through a proxy. It is closed at once.
pub(super) async fn try_through(url: &str, route: &Route) -> Result<(), ProxyError> {
    let (_, host, port) = place(url).map_err(|error| ProxyError::Declined(error.into()))?;
    match tokio::time::timeout(CONNECT_TIMEOUT, route.connect(&host, port)).await {
        Ok(connected) => connected.map(drop),
        Err(late) => Err(ProxyError::Unreachable(late.into())),
    }
}

impl Factory {
    async fn open(&self) -> anyhow::Result<Socket> {
        let (uri, host, port) = place(&self.url)?;
        let secure = is_secure(&uri);
        let tcp = match &self.way {
            Way::Direct => {
                let tcp = TcpStream::connect((host.as_str(), port));
                let tcp = tcp.await.context("cannot connect")?;
                tcp.set_nodelay(true)?;
                tcp
            }
            Way::Through(route) => route.connect(&host, port).await?,
            Way::Closed => return Err(Closed.into()),
        };
        let stream: Box<dyn Stream> = if secure {
            let name = ServerName::try_from(host)?;
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls));
            Box::new(connector.connect(name, tcp).await.context("TLS failed")?)
        } else {
            Box::new(tcp)
        };
        let mut request = uri.into_client_request()?;
        request
            .headers_mut()
            .insert(ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN));
        let config = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_FRAME)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let (socket, _) = client_async_with_config(request, stream, Some(config))
            .await
            .context("the WebSocket handshake failed")?;
        Ok(socket)
    }
}

#[derive(Default)]
struct Shared {
    sent: AtomicU32,
    received: AtomicU32,
    /// When the first frame came: the server's proof.
    proven: OnceLock<Instant>,
    closing: CancellationToken,
}

struct Wire {
    sink: Mutex<Option<SplitSink<Socket, Message>>>,
    shared: Arc<Shared>,
    watcher: Arc<dyn Watcher>,
    silenced: CancellationToken,
    debt: Arc<Debt>,
}

#[async_trait::async_trait]
impl Transport for Wire {
    async fn send(&self, data: Bytes) -> Result<(), anyhow::Error> {
        anyhow::ensure!(
            !self.silenced.is_cancelled(),
            "the device state is not to be relied on"
        );
        if let Err(unpaid) = self.debt.paid().await {
            // The frame has its number: without it the server understands none of the next.
            self.shared.closing.cancel();
            return Err(unpaid.into());
        }
        let mut sink = self.sink.lock().await;
        let sink = sink.as_mut().context("the socket is closed")?;
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        sink.send(Message::Binary(data)).await?;
        Ok(())
    }

    async fn disconnect(&self) {
        let Some(mut sink) = self.sink.lock().await.take() else {
            return;
        };
        let first = !self.shared.closing.is_cancelled();
        self.shared.closing.cancel();
        // Our hello went out, the server's came in, and the library hung up at once: it refused the server's proof. Later
        // it has other reasons: a login that the server never answers looks the same.
        let sent = self.shared.sent.load(Ordering::Relaxed);
        let received = self.shared.received.load(Ordering::Relaxed);
        let proven = self.shared.proven.get();
        let at_once = proven.is_some_and(|proven| proven.elapsed() < JUDGED);
        if first && sent == 1 && received == 1 && at_once {
            let detail = "the server could not prove that it is WhatsApp";
            self.watcher
                .failed(Reason::ServerNotTrusted, detail.to_owned());
        }
        if let Err(error) = sink.close().await {
            tracing::debug!(%error, "the socket to WhatsApp was closed already");
        }
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    events: async_channel::Sender<TransportEvent>,
    shared: Arc<Shared>,
) {
    let reason = loop {
        let next = tokio::select! {
            biased;
            () = shared.closing.cancelled() => break DisconnectReason::Unknown,
            next = stream.next() => next,
        };
        match next {
            Some(Ok(Message::Binary(data))) => {
                shared.received.fetch_add(1, Ordering::Relaxed);
                shared.proven.get_or_init(Instant::now);
                if events
                    .send(TransportEvent::DataReceived(data))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((None, String::new()), |frame| {
                    (Some(u16::from(frame.code)), frame.reason.to_string())
                });
                break DisconnectReason::ServerClose { code, reason };
            }
            // A ping is answered by tungstenite itself at the next write; text is not part of the protocol.
            Some(Ok(
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => {}
            Some(Err(error)) => break DisconnectReason::ReadError(error.to_string()),
            None => break DisconnectReason::StreamEnded,
        }
    };
    // From here on it was the other side that went first.
    shared.closing.cancel();
    if events
        .send(TransportEvent::Disconnected(reason))
        .await
        .is_err()
    {
        tracing::debug!("the client had gone before its socket");
    }
}
