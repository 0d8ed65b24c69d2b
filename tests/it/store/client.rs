//! An unmodified whatsapp-rust client lives on the store: it pairs, dies, comes back and loses its lease.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entity::ids::{NodeId, SessionId};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};
use wacore::types::events::{Event, EventHandler};
use waproto::whatsapp as wa;
use wharf::{db::fence::Fence, protocol::store::Store};
use wharf_sandbox::{Config, Sandbox};
use whatsapp_rust::{
    Jid, TokioRuntime,
    bot::{Bot, BotHandle},
    http::{HttpClient, HttpRequest, HttpResponse},
    transport::TokioWebSocketTransportFactory,
};

use super::{claim, leased, open};
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    a_client_pairs_and_comes_back_on_the_store,
    a_client_that_lost_its_lease_sends_no_more_than_it_had_reserved,
);

pub(super) const ALICE: &str = "491700000101";
pub(super) const BOB: &str = "491700000202";
/// How many keys of a chain whatsapp-rust reserves ahead.
const RESERVED: u32 = 64;
pub(super) const DEADLINE: Duration = Duration::from_mins(1);

/// The client's events, in order.
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

/// Nothing here is uploaded or downloaded.
struct NoHttp;

#[whatsapp_rust::async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _: HttpRequest) -> anyhow::Result<HttpResponse> {
        Err(anyhow::anyhow!("no HTTP here"))
    }
}

struct Client {
    bot: BotHandle,
    events: Arc<Recorder>,
}

impl Client {
    async fn start(sandbox: &Sandbox, store: Arc<Store>) -> Self {
        let events = Arc::new(Recorder::default());
        let transport = TokioWebSocketTransportFactory::new().with_url(sandbox.ws_url());
        let bot = Bot::builder()
            .with_backend_arc(store)
            .with_transport_factory(transport)
            .with_http_client(NoHttp)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1_023_000_000))
            .with_push_name("Desk")
            .with_event_handler(Record(Arc::clone(&events)))
            .build()
            .await
            .unwrap();
        Self {
            bot: bot.spawn(),
            events,
        }
    }

    async fn wait<T>(&self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let more = self.events.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let found = self
                    .events
                    .seen
                    .lock()
                    .unwrap()
                    .iter()
                    .find_map(|event| pick(event));
                if let Some(found) = found {
                    return found;
                }
                more.await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    async fn connected(&self) {
        let is_connected = |event: &Event| matches!(event, Event::Connected(_)).then_some(());
        self.wait("connection", is_connected).await;
    }

    async fn hears(&self, text: &str) {
        self.wait(text, |event| match event {
            Event::Messages(batch) => batch
                .iter()
                .any(|message| message.message.conversation.as_deref() == Some(text))
                .then_some(()),
            _ => None,
        })
        .await;
    }

    async fn says(&self, to: &str, text: &str) -> anyhow::Result<()> {
        let message = wa::Message {
            conversation: Some(text.to_owned()),
            ..wa::Message::default()
        };
        let to: Jid = format!("{to}@s.whatsapp.net").parse()?;
        self.bot.client().send_message(to, message).await?;
        Ok(())
    }
}

/// One call of the sandbox's control API.
pub(super) async fn control(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> Value {
    let body = body.to_string();
    let head = format!(
        "{method} /sandbox{path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

pub(super) async fn phone_says(sandbox: &Sandbox, from: &str, to: &str, text: &str) {
    let body = json!({ "to": to, "text": text });
    control(sandbox, "POST", &format!("/phones/{from}/messages"), body).await;
}

/// Wait until a phone has decrypted `text`.
async fn phone_hears(sandbox: &Sandbox, number: &str, text: &str) {
    let end = tokio::time::Instant::now() + DEADLINE;
    loop {
        let log = control(
            sandbox,
            "GET",
            &format!("/phones/{number}/messages"),
            Value::Null,
        )
        .await;
        let entries = log["data"].as_array().unwrap();
        if entries.iter().any(|entry| entry["text"] == text) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "not in time: {log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Field {
    test: TestDb,
    sandbox: Sandbox,
    fence: Fence,
}

impl Field {
    /// A sandbox, and a client on a new session that Alice's phone has linked.
    async fn paired(test: TestDb) -> (Self, Client, Arc<Store>) {
        let config = Config {
            seed: Some(1),
            ..Config::default()
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
        let store = Arc::new(open(&test.db, fence).await);
        let client = Client::start(&sandbox, Arc::clone(&store)).await;
        let qr = client
            .wait("QR code", |event| match event {
                Event::PairingQrCode(qr) => Some(qr.code.clone()),
                _ => None,
            })
            .await;
        let scan = format!("/phones/{ALICE}/scan");
        control(&sandbox, "POST", &scan, json!({ "qr": qr })).await;
        client.connected().await;
        let field = Self {
            test,
            sandbox,
            fence,
        };
        (field, client, store)
    }

    /// A client on the same session, for the owner of `fence`.
    async fn resumed(&self, fence: Fence) -> Client {
        let store = Arc::new(open(&self.test.db, fence).await);
        let client = Client::start(&self.sandbox, store).await;
        client.connected().await;
        client
    }
}

async fn a_client_pairs_and_comes_back_on_the_store(test: TestDb) {
    let (field, client, store) = Field::paired(test).await;
    phone_says(&field.sandbox, BOB, ALICE, "hello").await;
    client.hears("hello").await;
    client.says(BOB, "hello back").await.unwrap();
    phone_hears(&field.sandbox, BOB, "hello back").await;
    client.bot.shutdown().await;
    assert!(!store.fenced().is_cancelled());
    drop(store);

    phone_says(&field.sandbox, BOB, ALICE, "while you were away").await;
    let taken = claim(&field.test.db, field.fence, NodeId::new()).await;
    let client = field.resumed(taken).await;
    client.hears("while you were away").await;
    client.says(BOB, "I am back").await.unwrap();
    phone_hears(&field.sandbox, BOB, "I am back").await;
    client.bot.shutdown().await;
}

async fn a_client_that_lost_its_lease_sends_no_more_than_it_had_reserved(test: TestDb) {
    let (field, old, store) = Field::paired(test).await;
    old.says(BOB, "first").await.unwrap();
    phone_hears(&field.sandbox, BOB, "first").await;

    let taken = claim(&field.test.db, field.fence, NodeId::new()).await;
    // The old one is still connected. What it has reserved it may use up; then it has to write, and cannot.
    let mut late = 0;
    while old.says(BOB, &format!("late {late}")).await.is_ok() {
        late += 1;
        assert!(late <= RESERVED, "it goes on without its lease");
    }
    assert!(store.fenced().is_cancelled());

    // Its successor burns what was reserved: no key is used twice, or Bob's phone could not read this.
    let new = field.resumed(taken).await;
    new.says(BOB, "still here").await.unwrap();
    phone_hears(&field.sandbox, BOB, "still here").await;
    phone_says(&field.sandbox, BOB, ALICE, "good").await;
    new.hears("good").await;
    new.bot.shutdown().await;
    old.bot.shutdown().await;
}
