//! The sandbox as a whole: start, addresses, ordered stop.
//!
//! Called by the binary, by the sandbox build of Wharf and by tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::areas::media::{self, Shelf};
use crate::areas::profile;
use crate::clock::Clock;
use crate::hub::Hub;
use crate::store::{Journal, StoreError};
use crate::tls::{TlsError, TlsListener};
use crate::world::World;
use crate::{control, socket};

/// How long open sockets get to take what is in their channels.
const DRAIN: Duration = Duration::from_secs(3);

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the one listener; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Address of a second listener that speaks TLS with a certificate of its own.
    pub tls_listen: Option<SocketAddr>,
    /// Where people, devices and queues are kept. `None`: they live as long as the process.
    pub data: Option<PathBuf>,
    /// With a seed, keys, ids and refs are the same in every run.
    pub seed: Option<u64>,
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen,
            tls_listen: None,
            data: None,
            seed: None,
            clock: Clock::system(),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {addr}")]
    Listen {
        addr: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot listen for TLS on {addr}")]
    Tls { addr: SocketAddr, source: TlsError },
    #[error("cannot open the sandbox's data")]
    Store(#[from] StoreError),
    #[error("cannot open the folder for media")]
    Media(#[source] std::io::Error),
    #[error("the server's kept keys are damaged")]
    Keys,
}

/// A running sandbox. Dropping it aborts it; [`Sandbox::stop`] ends it in order.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    /// Address and certificate of the TLS listener.
    tls: Option<(SocketAddr, Vec<u8>)>,
    hub: Hub,
    sockets: TaskTracker,
    /// No new connections.
    stop_accepting: CancellationToken,
    /// Sockets end now.
    stop_sockets: CancellationToken,
    server: JoinSet<std::io::Result<()>>,
}

#[derive(Clone)]
struct ChatState {
    hub: Hub,
    sockets: TaskTracker,
    stop: CancellationToken,
}

impl Sandbox {
    /// Opens the data, binds, and serves until [`Sandbox::stop`].
    pub async fn start(config: Config) -> Result<Self, Error> {
        let mut world = World::new();
        let journal = match &config.data {
            Some(dir) => Journal::open(dir, world.tables())?,
            None => Journal::in_memory(),
        };
        let secrets = world.begin(seed(config.seed));
        let keys = secrets.derive(&mut world.rng).map_err(|_| Error::Keys)?;
        let shelf = Shelf::open(config.data.as_deref()).map_err(Error::Media)?;
        let hub = Hub::new(world, journal, keys, shelf, config.clock);
        // An empty step: the keys are on disk before anybody can trust them.
        hub.with(|_| ()).map_err(|_| Error::Keys)?;

        let listen = |source| Error::Listen {
            addr: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        hub.with(|world| media::open_door(world, addr))
            .map_err(|_| Error::Keys)?;
        let sockets = TaskTracker::new();
        let stop_accepting = CancellationToken::new();
        let stop_sockets = CancellationToken::new();
        let app = router(&hub, &sockets, &stop_sockets);
        let mut server = JoinSet::new();
        let mut tls = None;
        if let Some(tls_addr) = config.tls_listen {
            let listener = TlsListener::bind(tls_addr).await;
            let listener = listener.map_err(|source| Error::Tls {
                addr: tls_addr,
                source,
            })?;
            tracing::info!(addr = %listener.addr(), "the sandbox listens for TLS");
            tls = Some((listener.addr(), listener.certificate()));
            let app = app.clone();
            let stopped = stop_accepting.clone().cancelled_owned();
            server.spawn(async move {
                axum::serve(listener, app)
                    .with_graceful_shutdown(stopped)
                    .await
            });
        }
        let stopped = stop_accepting.clone().cancelled_owned();
        server.spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
        });
        tracing::info!(%addr, "the sandbox listens");
        Ok(Self {
            addr,
            tls,
            hub,
            sockets,
            stop_accepting,
            stop_sockets,
            server,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address for a WhatsApp client.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws/chat", self.addr)
    }

    /// Where it listens for TLS, if it does.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|(addr, _)| *addr)
    }

    /// The certificate (DER) that a TLS client has to trust.
    pub fn tls_certificate(&self) -> Option<&[u8]> {
        self.tls
            .as_ref()
            .map(|(_, certificate)| certificate.as_slice())
    }

    /// The base of the control API.
    pub fn control_url(&self) -> String {
        format!("http://{}/sandbox", self.addr)
    }

    /// Stops in order: no new connections, what was said is written, sockets close, the listener ends.
    pub async fn stop(mut self) {
        self.stop_accepting.cancel();
        let told = self.hub.with(|world| {
            let open: Vec<_> = world.live.conns.keys().copied().collect();
            for conn in open {
                world.live.close(conn);
            }
        });
        if told.is_err() {
            tracing::warn!("stopping a sandbox whose data could not be written");
        }
        self.sockets.close();
        if tokio::time::timeout(DRAIN, self.sockets.wait())
            .await
            .is_err()
        {
            tracing::warn!("some sockets did not drain in time");
        }
        self.stop_sockets.cancel();
        let served = async { while self.server.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, served).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        self.server.shutdown().await;
        tracing::info!("the sandbox has stopped");
    }
}

impl Drop for Sandbox {
    /// The sockets are owned by their connections, which may outlive this: they must hear that the sandbox is
    /// gone, and must not hold its folder.
    fn drop(&mut self) {
        self.stop_accepting.cancel();
        self.stop_sockets.cancel();
        self.hub.end();
    }
}

fn seed(seed: Option<u64>) -> [u8; 32] {
    if let Some(seed) = seed {
        return Sha256::digest(seed.to_be_bytes()).into();
    }
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn router(hub: &Hub, sockets: &TaskTracker, stop: &CancellationToken) -> Router {
    let chat = ChatState {
        hub: hub.clone(),
        sockets: sockets.clone(),
        stop: stop.clone(),
    };
    Router::new()
        .route("/ws/chat", get(chat_socket).with_state(chat))
        .merge(media::router())
        .merge(profile::router())
        .nest("/sandbox", control::router())
        .with_state(hub.clone())
}

/// The WhatsApp socket.
async fn chat_socket(State(chat): State<ChatState>, upgrade: WebSocketUpgrade) -> Response {
    let ChatState { hub, sockets, stop } = chat;
    // Small buffers: a load test holds thousands of these.
    upgrade
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(32 * 1024 * 1024)
        .on_upgrade(move |socket| sockets.track_future(socket::serve(hub, socket, stop)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_sandbox_has_let_go_of_its_folder_whoever_still_knows_its_hub() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data: Some(dir.path().to_owned()),
            ..Config::default()
        };
        let first = Sandbox::start(config.clone()).await.unwrap();
        let late = first.hub.clone();
        first.stop().await;

        let second = Sandbox::start(config).await.unwrap();
        assert!(late.with(|_| ()).is_err(), "the first one still writes");
        second.stop().await;
    }
}
