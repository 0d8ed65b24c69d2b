//! Opens WhatsApp clients over their stores.
//!
//! Owns what all clients share: TLS, the way to WhatsApp, the device's name. Must never keep a client. The manager opens
//! one for each run of a session.

use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wacore::store::{device::DevicePropsOverride, traits::Backend};
use whatsapp_rust::{TokioRuntime, bot::Bot};

use super::{
    Inbox, Told,
    bridge::{Bridge, Hook, Listener},
    calls::Ringing,
    client::Client,
    debt::Debt,
    http_client::Http,
    lost::Lost,
    store::Store,
    transport::{self, Way},
};
use crate::{
    egress::{ProxyError, Route},
    lifecycle::Tasks,
};

/// Where WhatsApp is and who we say we are.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// `wss://…/ws/chat`.
    pub url: String,
    /// The version of WhatsApp Web to claim; none asks WhatsApp for the current one.
    pub version: Option<(u32, u32, u32)>,
    /// What the phone shows in its list of linked devices.
    pub device_name: String,
}

/// Opens clients. Everything that sessions can share is in here once.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ConnectorConfig>,
    url: Arc<str>,
    tls: Arc<rustls::ClientConfig>,
    http: Http,
    tasks: Tasks,
}

/// A client could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The TLS or HTTP set-up failed.
    #[error("the client's TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store or the library refused.
    #[error("the client cannot be built")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// `tasks` owns the reading half of every socket.
    pub fn new(config: ConnectorConfig, tasks: Tasks) -> Result<Self, OpenError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| OpenError::Tls(Box::new(error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Arc::new(tls);
        let http = Http::new(Arc::clone(&tls)).map_err(|error| OpenError::Tls(Box::new(error)))?;
        let url = Arc::from(config.url.as_str());
        Ok(Self {
            config: Arc::new(config),
            url,
            tls,
            http,
            tasks,
        })
    }

    /// Whether WhatsApp is reached through a proxy.
    pub async fn try_through(&self, route: &Route) -> Result<(), ProxyError> {
        transport::try_through(&self.url, route).await
    }

    /// Opens a client of the session of `store` and starts to connect. What it hears goes to `told`. It reaches WhatsApp on
    /// `way` and on no other.
    ///
    /// `overflow` falls when `told.events` was full at a change of state: the caller must then end the client. Once
    /// `silenced` has fallen, nothing is sent.
    pub async fn open(
        &self,
        store: Arc<Store>,
        inbox: Arc<dyn Inbox>,
        told: Told,
        way: Way,
        (overflow, silenced): (CancellationToken, CancellationToken),
    ) -> Result<Client, OpenError> {
        let takes_history = told.past.is_some();
        let debt = Arc::new(Debt::default());
        let bridge = Arc::new(Bridge {
            session: store.session(),
            told,
            debt: Arc::clone(&debt),
            ringing: Ringing::default(),
            overflow,
            client: OnceLock::new(),
            sends: DashMap::new(),
            tasks: self.tasks.clone(),
            // What the last process may have left is written once.
            received: AtomicBool::new(true),
        });
        let factory = transport::Factory {
            url: Arc::clone(&self.url),
            way: way.clone(),
            tls: Arc::clone(&self.tls),
            watcher: Arc::clone(&bridge) as Arc<dyn transport::Watcher>,
            tasks: self.tasks.clone(),
            silenced,
            debt,
        };
        let http = self.http.on(way);
        let http = http.map_err(|error| OpenError::Tls(Box::new(error)))?;
        let mut builder = Bot::builder()
            .with_backend_arc(Arc::clone(&store) as Arc<dyn Backend>)
            .with_transport_factory(factory)
            .with_http_client(http.clone())
            .with_runtime(TokioRuntime)
            .with_device_props(DevicePropsOverride::new().with_os(&self.config.device_name))
            .with_event_handler(Listener(Arc::clone(&bridge)))
            .with_inbound_durability_hook(Hook {
                bridge: Arc::clone(&bridge),
                inbox: Arc::clone(&inbox),
            });
        if !takes_history {
            builder = builder.skip_history_sync();
        }
        if let Some(version) = self.config.version {
            builder = builder.with_version(version);
        }
        let bot = builder
            .build()
            .await
            .map_err(|error| OpenError::Build(Box::new(error)))?;
        let inner = bot.client();
        if bridge.client.set(Arc::downgrade(&inner)).is_err() {
            tracing::error!("a bridge was given two clients");
        }
        // Only now: the library has tried out the store with a message of its own.
        store.looked_after_by(Lost {
            session: store.session(),
            client: Arc::downgrade(&inner),
            inbox,
            tasks: self.tasks.clone(),
        });
        Ok(Client {
            inner,
            handle: Mutex::new(Some(bot.spawn())),
            store,
            bridge,
            http,
        })
    }
}
