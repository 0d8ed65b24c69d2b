//! One WhatsApp client: opened over a store, told what to do, closed without unpairing.
//!
//! Owns the library's handle. Must never be kept past its session's lease. The session actor opens and closes it;
//! `service` borrows it to send, so that a slow send never delays a QR code or a stop.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wacore::{
    iq::keepalive::KeepaliveSpec,
    store::{device::DevicePropsOverride, traits::Backend},
};
use whatsapp_rust::{
    Jid, SendOptions, TokioRuntime,
    bot::{Bot, BotHandle},
    features::ChatStateType,
    pair_code::PairCodeOptions,
};

use super::{
    Inbox, Told,
    bridge::{Bridge, Hook, Listener},
    calls::Ringing,
    convert::{self, Payload},
    debt::Debt,
    handed::{Handed, Waiting},
    http_client::Http,
    send_error::SendError,
    store::{self, Store},
    transport::{self, Way},
};
use crate::{
    domain::{address::Address, session::Account},
    egress::{ProxyError, Route},
    lifecycle::Tasks,
};

mod about;
pub(super) mod passkey;

pub use passkey::PasskeyError;

/// How long a question to WhatsApp may take.
pub(super) const QUESTION: Duration = Duration::from_secs(20);
/// How long the socket may take before a pair code can be asked for.
const SOCKET: Duration = Duration::from_secs(15);
/// How long closing may take; the library itself waits up to five seconds for each of two flushes.
const CLOSE: Duration = Duration::from_secs(12);
/// How long messages that are decrypted may take to be handed over once the client is closed.
const HANDOVER: Duration = Duration::from_secs(5);
/// Between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(2);

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
                inbox,
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
        Ok(Client {
            inner,
            handle: Mutex::new(Some(bot.spawn())),
            store,
            bridge,
            http,
        })
    }
}

/// A running client.
pub struct Client {
    pub(super) inner: Arc<whatsapp_rust::Client>,
    handle: Mutex<Option<BotHandle>>,
    store: Arc<Store>,
    pub(super) bridge: Arc<Bridge>,
    /// For files that the library does not put up.
    pub(super) http: Http,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("logged_in", &self.inner.is_logged_in())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Whether it is logged in on a live socket.
    pub fn is_ready(&self) -> bool {
        self.inner.is_connected() && self.inner.is_logged_in()
    }

    /// Who it is, as far as it is known.
    pub fn account(&self) -> Account {
        self.bridge.own()
    }

    /// Asks for a code that the owner of `phone` types on that phone. Eight characters.
    pub async fn pair_code(&self, phone: &str) -> Result<String, SendError> {
        self.inner
            .wait_for_socket(SOCKET)
            .await
            .map_err(|_| SendError::NotConnected)?;
        let options = PairCodeOptions {
            phone_number: phone.to_owned(),
            ..PairCodeOptions::default()
        };
        match tokio::time::timeout(QUESTION, self.inner.pair_with_code(options)).await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Puts `payload` on the socket under `message_id`; [`Handed::answer`] tells whether the server has it.
    ///
    /// The same id may be sent again: whoever has the message already passes over it.
    pub async fn send(
        &self,
        to: &Address,
        message_id: &str,
        payload: &Payload,
    ) -> Result<Handed<'_>, SendError> {
        let is_channel = matches!(to, Address::Newsletter(_));
        let to = match to {
            // A reaction, which goes to whoever posted; posts have a way of their own.
            Address::Status => Jid::status_broadcast(),
            to => convert::jid(to).ok_or(SendError::Unsupported)?,
        };
        if is_channel {
            return self.publish(to, message_id, payload).await;
        }
        let message = payload.decode().ok_or(SendError::Unsupported)?;
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        self.require_on_whatsapp(&to).await?;
        self.settle().await?;
        let options = SendOptions::default().with_message_id(message_id);
        let waiting = Waiting::on(&self.bridge, message_id);
        let sending = self.inner.send_message_with_options(to, message, options);
        match tokio::time::timeout(QUESTION, sending).await {
            Ok(Ok(_)) => Ok(Handed(waiting)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Shows the chat that something is being typed, or no longer. Worth nothing later, so it may be lost.
    pub async fn show_typing(&self, to: &Address, typing: bool) {
        // Nobody is seen typing in a channel.
        let to = convert::jid(to).filter(|_| !matches!(to, Address::Newsletter(_)));
        let Some(to) = to else {
            return;
        };
        let state = if typing {
            ChatStateType::Composing
        } else {
            ChatStateType::Paused
        };
        let chatstate = self.inner.chatstate();
        let shown = tokio::time::timeout(QUESTION, chatstate.send(&to, state)).await;
        if !matches!(shown, Ok(Ok(()))) {
            tracing::debug!("nobody was shown that something is being typed");
        }
    }

    /// How many stanzas have come in. It only grows; a handshake counts for nothing.
    pub fn heard(&self) -> u64 {
        self.inner.stats().frames_received
    }

    /// Asks the server whether it is there; true if it answers within `patience`.
    pub async fn ping(&self, patience: Duration) -> bool {
        let question = KeepaliveSpec::with_timeout(patience);
        self.inner.execute(question).await.is_ok()
    }

    /// Drops the connection and makes a new one at once, over the same device. While the library is about to make one
    /// anyway, nothing is done.
    pub async fn reconnect(&self) {
        if self.inner.is_connected() {
            self.inner.reconnect_immediately().await;
        }
    }

    /// Nobody will answer what is on its way: the connection is gone.
    pub fn cut_off(&self) {
        self.bridge.sends.clear();
    }

    /// Writes what incoming messages have changed in the ratchets.
    ///
    /// A reply is encrypted under a key that the device made on receiving. The library writes that key up to 25 ms
    /// later and lets a send that its counter lease covers go out before; a kill in between would leave the device
    /// unable to read what the phone answers, until it has asked for each message again.
    pub(super) async fn settle(&self) -> Result<(), SendError> {
        if !self.bridge.received.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let settling = self.inner.flush_pending_signal_state();
        let settled = match tokio::time::timeout(QUESTION, settling).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => SendError::Store(Box::new(error)),
            Err(timeout) => SendError::Store(Box::new(timeout)),
        };
        self.bridge.received.store(true, Ordering::Release);
        Err(settled)
    }

    /// A phone number that we have a LID for was seen on WhatsApp before; others are asked for.
    async fn require_on_whatsapp(&self, to: &Jid) -> Result<(), SendError> {
        if !to.is_pn() {
            return Ok(());
        }
        if let Ok(Some(_)) = self.inner.get_lid_pn_entry(to).await {
            return Ok(());
        }
        let jids = [to.clone()];
        let contacts = self.inner.contacts();
        match tokio::time::timeout(QUESTION, contacts.is_on_whatsapp(&jids)).await {
            Ok(Ok(found)) if found.iter().any(|contact| contact.is_registered) => Ok(()),
            Ok(Ok(_)) => Err(SendError::NotOnWhatsApp),
            Ok(Err(error)) => Err(SendError::Refused(Box::new(error))),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Removes this device from the account, then closes.
    pub async fn logout(&self) {
        if tokio::time::timeout(CLOSE, self.inner.logout())
            .await
            .is_err()
        {
            tracing::warn!("the logout was not answered in time");
        }
        self.close().await;
    }

    /// Writes what is open, closes the socket and keeps the pairing.
    ///
    /// The library writes its ratchets last, with what its workers have decrypted and not handed over: WhatsApp's second copy
    /// of such a message passes for one that was seen. So each of them is in the inbox when this returns, or waits in the
    /// store for that copy. The inbox must take messages until then.
    pub async fn close(&self) {
        let Some(handle) = self.handle.lock().await.take() else {
            return;
        };
        self.cut_off();
        if tokio::time::timeout(CLOSE, handle.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("the client did not close in time and was cut off");
        }
        // Who was never paired has no messages, and shows QR codes for a minute more.
        let was_paired = self.inner.pn().is_some();
        if was_paired && tokio::time::timeout(HANDOVER, self.alone()).await.is_err() {
            tracing::debug!("something of the closed client runs on; a timer does no harm");
        }
        if let Err(error) = self.store.land_last().await
            && !store::is_fenced(&error)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "messages that were not handed over could not be kept"
            );
        }
    }

    /// Waits until nothing of the library runs any more. It does not say so, but each of its workers holds the client. So do
    /// some of its timers, for minutes.
    async fn alone(&self) {
        while Arc::strong_count(&self.inner) > 1 {
            tokio::time::sleep(LOOK).await;
        }
    }
}
