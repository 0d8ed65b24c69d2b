//! The yardstick: whatsapp-rust's own client on its in-memory store and its own transport, and nothing else.

use std::{
    io::BufRead as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::{Notify, oneshot, watch};
use wacore::{
    download::MediaType,
    store::InMemoryBackend,
    types::events::{Event, EventHandler},
};
use waproto::whatsapp as wa;
use whatsapp_rust::{
    Jid, SendOptions, TokioRuntime, UploadOptions,
    bot::{Bot, BotHandle},
    http::{HttpClient, HttpRequest, HttpResponse},
    transport::TokioWebSocketTransportFactory,
};

/// How many clients are linked at the same time.
pub(crate) const LINKING: usize = 4;

/// Numbers of the phones behind bare clients.
const FIRST_NUMBER: u64 = 491_800_000_001;

/// What a bare client moves media with: whole bodies, without TLS, as the sandbox on loopback has it.
#[derive(Debug)]
struct Http(reqwest::Client);

#[whatsapp_rust::async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let url = request.url.replacen("https://", "http://", 1);
        let mut call = self.0.request(request.method.parse()?, url);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let answer = call.body(request.body.unwrap_or_default()).send().await?;
        Ok(HttpResponse {
            status_code: answer.status().as_u16(),
            body: answer.bytes().await?.to_vec(),
        })
    }
}

/// What a bare client reports.
struct Ears {
    qr: watch::Sender<Option<String>>,
    connected: Notify,
    messages: AtomicUsize,
    heard: Notify,
    /// Sends that the server has not acked yet, by message id.
    sends: DashMap<String, oneshot::Sender<()>>,
}

struct Listener(Arc<Ears>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::PairingQrCode(qr) => drop(self.0.qr.send_replace(Some(qr.code.clone()))),
            Event::Connected(_) => self.0.connected.notify_one(),
            Event::ServerAck(ack) => {
                if let Some((_, waiting)) = self.0.sends.remove(&ack.id) {
                    waiting.send(()).unwrap();
                }
            }
            Event::Messages(batch) => {
                self.0
                    .messages
                    .fetch_add(batch.messages.len(), Ordering::SeqCst);
                self.0.heard.notify_one();
            }
            _ => {}
        }
    }
}

/// A linked and connected client.
pub(crate) struct Bare {
    handle: BotHandle,
    ears: Arc<Ears>,
}

impl Bare {
    /// A client that the phone of `number` has scanned.
    pub(crate) async fn pair(url: &str, control: &str, number: &str) -> Self {
        let (qr, mut shown) = watch::channel(None);
        let ears = Arc::new(Ears {
            qr,
            connected: Notify::new(),
            messages: AtomicUsize::new(0),
            heard: Notify::new(),
            sends: DashMap::new(),
        });
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(InMemoryBackend::new()))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(Http(crate::processes::client()))
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1_023_000_000))
            .with_event_handler(Listener(Arc::clone(&ears)))
            .skip_history_sync();
        let handle = bot.build().await.unwrap().spawn();
        let code = shown
            .wait_for(Option::is_some)
            .await
            .unwrap()
            .clone()
            .unwrap();
        let scan = crate::processes::client()
            .post(format!("{control}/phones/{number}/scan"))
            .json(&json!({ "qr": code }))
            .send();
        assert!(scan.await.unwrap().status().is_success());
        let connected = ears.connected.notified();
        tokio::time::timeout(Duration::from_mins(1), connected)
            .await
            .expect("a bare client connects");
        Self { handle, ears }
    }

    /// Sends a text and waits until the server has acked it.
    pub(crate) async fn send(&self, to: Jid, text: String) {
        let message = wa::Message {
            conversation: Some(text),
            ..Default::default()
        };
        let id = wharf::protocol::message_id();
        let (tell, acked) = oneshot::channel();
        self.ears.sends.insert(id.clone(), tell);
        let options = SendOptions::default().with_message_id(id);
        let client = self.handle.client();
        client
            .send_message_with_options(to, message, options)
            .await
            .unwrap();
        acked.await.unwrap();
    }

    /// Encrypts a picture and puts it on WhatsApp's servers.
    pub(crate) async fn upload(&self, picture: Vec<u8>) {
        let client = self.handle.client();
        let options = UploadOptions::default();
        let uploaded = client.upload(picture, MediaType::Image, options).await;
        assert!(!uploaded.unwrap().direct_path.is_empty());
    }

    /// Waits until it has heard of `count` messages since its start.
    pub(crate) async fn until_heard(&self, count: usize) {
        while self.ears.messages.load(Ordering::SeqCst) < count {
            self.ears.heard.notified().await;
        }
    }

    pub(crate) fn heard(&self) -> usize {
        self.ears.messages.load(Ordering::SeqCst)
    }
}

/// Holds clients in a process of their own: a number on the input is how many there shall be, `ok` says that they are.
pub(crate) async fn child(url: &str, control: &str) {
    let mut clients = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let wanted: usize = line.unwrap().parse().unwrap();
        let numbers: Vec<u64> = (clients.len()..wanted)
            .map(|index| FIRST_NUMBER + index as u64)
            .collect();
        let linking = stream::iter(numbers)
            .map(|number| async move { Bare::pair(url, control, &number.to_string()).await });
        clients.extend(linking.buffer_unordered(LINKING).collect::<Vec<_>>().await);
        println!("ok");
    }
}
