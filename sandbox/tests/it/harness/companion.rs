//! An unmodified client with its events recorded, so that a test can wait for one.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use wacore::store::InMemoryBackend;
use wacore::types::events::{Event, EventHandler, InboundMessage};
use wacore::types::presence::ReceiptType;
use waproto::whatsapp as wa;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::{Client, InboundDurabilityHook, TokioRuntime};

use super::DEADLINE;
use super::http::Loopback;

/// A linked device (or one that wants to be).
pub(crate) struct Companion {
    handle: BotHandle,
    pub(crate) backend: Arc<InMemoryBackend>,
    events: Arc<Recorder>,
}

#[derive(Default)]
struct Recorder {
    seen: Mutex<Vec<Arc<Event>>>,
    more: Notify,
}

struct Record(Arc<Recorder>);

impl EventHandler for Record {
    fn handle_event(&self, event: Arc<Event>) {
        self.0.seen.lock().unwrap().push(event);
        self.0.more.notify_waiters();
    }
}

/// A store, and the name of the device before it is linked.
struct Named<'a> {
    backend: Arc<InMemoryBackend>,
    name: &'a str,
}

/// For clients without a hook.
struct NoHook;

#[whatsapp_rust::async_trait]
impl InboundDurabilityHook for NoHook {
    async fn on_messages(&self, _: Arc<Client>, _: &[InboundMessage]) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Companion {
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_on(url, Arc::new(InMemoryBackend::new()), None).await
    }

    pub(crate) async fn start_with_code(url: &str, number: &str) -> Self {
        let code = PairCodeOptions {
            phone_number: number.to_owned(),
            ..Default::default()
        };
        Self::start_on(url, Arc::new(InMemoryBackend::new()), Some(code)).await
    }

    /// A client over this store: a login if the store is linked.
    pub(crate) async fn start_on(
        url: &str,
        backend: Arc<InMemoryBackend>,
        code: Option<PairCodeOptions>,
    ) -> Self {
        let client = Named {
            backend,
            name: "Desk",
        };
        Self::build(url, client, code, None::<NoHook>).await
    }

    /// A client whose device has this name before it is linked.
    pub(crate) async fn start_named(url: &str, name: &str) -> Self {
        let client = Named {
            backend: Arc::new(InMemoryBackend::new()),
            name,
        };
        Self::build(url, client, None, None::<NoHook>).await
    }

    /// A client that acknowledges only what this hook has stored.
    pub(crate) async fn start_with_hook(
        url: &str,
        backend: Arc<InMemoryBackend>,
        hook: impl InboundDurabilityHook + 'static,
    ) -> Self {
        let client = Named {
            backend,
            name: "Desk",
        };
        Self::build(url, client, None, Some(hook)).await
    }

    async fn build(
        url: &str,
        client: Named<'_>,
        code: Option<PairCodeOptions>,
        hook: Option<impl InboundDurabilityHook + 'static>,
    ) -> Self {
        let Named { backend, name } = client;
        let events = Arc::new(Recorder::default());
        let mut builder = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(Loopback)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1_023_000_000))
            .with_push_name(name)
            .with_wanted_pre_key_count(30)
            .with_event_handler(Record(Arc::clone(&events)));
        if let Some(code) = code {
            builder = builder.with_pair_code(code);
        }
        if let Some(hook) = hook {
            builder = builder.with_inbound_durability_hook(hook);
        }
        let handle = builder.build().await.unwrap().spawn();
        Self {
            handle,
            backend,
            events,
        }
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        self.handle.client()
    }

    /// Waits for an event that was seen or will be.
    pub(crate) async fn wait<T>(&self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        self.wait_all(what, |events| events.iter().find_map(|event| pick(event)))
            .await
    }

    /// Waits until all events so far satisfy something.
    pub(crate) async fn wait_all<T>(
        &self,
        what: &str,
        pick: impl Fn(&[Arc<Event>]) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let more = self.events.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(found) = pick(&self.events.seen.lock().unwrap()) {
                    return found;
                }
                more.await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await.ok();
        found.unwrap_or_else(|| panic!("no {what} in time; saw {}", self.seen()))
    }

    fn seen(&self) -> String {
        let seen = self.events.seen.lock().unwrap();
        let names: Vec<String> = seen
            .iter()
            .map(|event| {
                let text = format!("{event:?}");
                text.chars().take(60).collect()
            })
            .collect();
        names.join("; ")
    }

    pub(crate) async fn qr(&self) -> String {
        self.wait("QR code", |event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn pair_code(&self) -> String {
        self.wait("pair code", |event| match event {
            Event::PairingCode(code) => Some(code.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&self) {
        self.wait("connection", |event| {
            matches!(event, Event::Connected(_)).then_some(())
        })
        .await;
    }

    pub(crate) async fn logged_out(&self) {
        self.wait("logout", |event| {
            matches!(event, Event::LoggedOut(_)).then_some(())
        })
        .await;
    }

    /// The message with this id, once it is decrypted.
    pub(crate) async fn message(&self, id: &str) -> Arc<wa::Message> {
        self.wait("message", |event| match event {
            Event::Messages(batch) => batch
                .iter()
                .find(|m| m.info.id == id)
                .map(|m| Arc::clone(&m.message)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn text(&self, id: &str) -> String {
        self.message(id)
            .await
            .conversation
            .clone()
            .unwrap_or_default()
    }

    /// The ids of the first chat messages, in the order in which they came.
    pub(crate) async fn message_ids(&self, count: usize) -> Vec<String> {
        self.wait_all("messages", |events| {
            let ids: Vec<String> = events
                .iter()
                .filter_map(|event| match &**event {
                    Event::Messages(batch) => Some(batch),
                    _ => None,
                })
                .flat_map(|batch| batch.iter())
                .filter(|m| m.message.conversation.is_some())
                .map(|m| m.info.id.clone())
                .collect();
            (ids.len() >= count).then_some(ids)
        })
        .await
    }

    /// A receipt of this kind for a message that was sent.
    pub(crate) async fn receipt(&self, id: &str, kind: ReceiptType) {
        self.wait("receipt", |event| match event {
            Event::Receipt(r) if r.r#type == kind => {
                r.message_ids.iter().any(|m| m == id).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Ends the client in order; its store stays.
    pub(crate) async fn shutdown(self) -> Arc<InMemoryBackend> {
        self.handle.shutdown().await;
        self.backend
    }
}
