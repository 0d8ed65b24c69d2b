//! A session that a phone has linked, two friends, a group of the three, and everything that hears of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use buffa::{Message as _, MessageField};
use entity::ids::NodeId;
use serde_json::{Value, json};
use waproto::whatsapp as wa;
use wharf::{
    domain::clock::{Clock as _, SystemClock},
    egress::Egress,
    events::Bus,
    seal::Master,
    webhook::{
        dispatcher::{Dispatcher, LEASE, Limits, Parts, TICK},
        outbox::Wake,
        render::Native,
        sender::Sender,
        target::Vault,
    },
};

use crate::harness::{
    app::{Caller, DEADLINE, Socket, TestApp, frame},
    described,
    field::{ALICE, BOB},
    receiver::{Receiver, Seen},
};

pub(crate) const CAROL: &str = "491700000303";
pub(crate) const MESSAGES: &str = "/v1/sessions/sales/messages";
const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) ann: Caller,
    /// The group of the three; ALICE, who is the session, has made it.
    pub(crate) group: String,
    socket: Socket,
    receiver: Receiver,
    dispatcher: Dispatcher,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let app = TestApp::start_with_phones().await;
        // What phones write has the time of the machine.
        app.clock.set(SystemClock.now_ms());
        let ann = app.user("ann").await;
        ann.session("sales").await;
        let receiver = Receiver::start().await;
        let hook = json!({"url": receiver.url(), "types": ["message", "message.reaction", "message.edit", "message.delete", "poll.vote", "event.response"]});
        ann.post("/v1/webhooks", hook).await.expect(201);
        let mut socket = ann.open("/ws/sales").await;
        ann.post("/v1/sessions/sales/connect", json!({}))
            .await
            .expect(202);
        let code = ann.get("/v1/sessions/sales/qr?wait_ms=30000").await;
        let scan = json!({"qr": code.expect(200)["code"]});
        app.control("POST", &format!("/phones/{ALICE}/scan"), scan)
            .await;
        while frame(&mut socket).await["type"] != "connected" {}
        let members = json!({"subject": "three", "members": [ALICE, BOB, CAROL]});
        let group = app.control("POST", "/groups", members).await;
        let dispatcher = dispatcher(&app);
        Self {
            group: group["id"].as_str().unwrap().to_owned(),
            app,
            ann,
            socket,
            receiver,
            dispatcher,
        }
    }

    /// The chat of the two, and the group, as one writes to them.
    pub(crate) fn chats(&self) -> [String; 2] {
        [BOB.to_owned(), self.group.clone()]
    }

    /// Sends; gives WhatsApp's id.
    #[track_caller]
    pub(crate) fn send(&self, body: Value) -> impl Future<Output = String> {
        let ann = self.ann.clone();
        async move {
            let sent = ann.post(MESSAGES, body).await.expect(202);
            assert_eq!(sent["status"], "sent", "{sent}");
            sent["message_id"].as_str().unwrap().to_owned()
        }
    }

    /// The person behind `from` writes; gives the id.
    pub(crate) async fn write(&self, from: &str, to: &str, kind: Value) -> String {
        // In a chat of two, the other is the session.
        let to = if to == BOB { ALICE } else { to };
        let mut body = kind;
        body["to"] = json!(to);
        let path = format!("/phones/{from}/messages");
        let written = self.app.control("POST", &path, body).await;
        written["message_id"].as_str().unwrap().to_owned()
    }

    /// The phone's copy of a message, once it is there.
    pub(crate) async fn on_phone(&self, number: &str, message_id: &str) -> Value {
        self.until_on_phone(number, message_id, |_| true).await
    }

    /// The phone's copy of a message, once `is_so`.
    pub(crate) async fn until_on_phone(
        &self,
        number: &str,
        message_id: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let started = Instant::now();
        loop {
            let path = format!("/phones/{number}/messages");
            let seen = self.app.control("GET", &path, Value::Null).await;
            let seen = seen["data"].as_array().unwrap().clone();
            let mut found = seen.iter().filter(|one| one["message_id"] == message_id);
            if let Some(found) = found.find(|one| is_so(one)) {
                return found.clone();
            }
            assert!(started.elapsed() < DEADLINE, "{message_id} of {seen:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Reads the socket on until an event of this type about this message; gives its data.
    pub(crate) async fn heard(&mut self, kind: &str, message_id: &str) -> Value {
        loop {
            let frame = frame(&mut self.socket).await;
            described::is("Frame", &frame);
            if frame["data"]["message_id"] == message_id {
                assert_eq!(frame["type"], kind, "{frame}");
                return frame["data"].clone();
            }
        }
    }

    /// What the webhook was told of this message.
    pub(crate) async fn posted(&mut self, message_id: &str) -> Value {
        let started = Instant::now();
        loop {
            self.dispatcher.deliver_due().await.unwrap();
            let told = self.receiver.seen();
            let told = told.iter().map(Seen::json);
            if let Some(found) = told
                .into_iter()
                .find(|one| one["data"]["message_id"] == message_id)
            {
                described::is("WebhookBody", &found);
                return found;
            }
            assert!(started.elapsed() < DEADLINE, "no webhook told {message_id}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The stored message, once `is_so`.
    pub(crate) async fn stored(&self, message_id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let stored = self.ann.get(&format!("{MESSAGES}/{message_id}")).await;
            let stored = stored.expect(200);
            if is_so(&stored) {
                described::is("MessageResponse", &stored);
                return stored;
            }
            assert!(started.elapsed() < DEADLINE, "it stays {stored}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A message that the sandbox's control has no word for.
pub(crate) fn raw(message: &wa::Message) -> Value {
    json!({"raw": STANDARD.encode(message.encode_to_vec())})
}

/// A text that can be opened once.
pub(crate) fn once() -> Value {
    let text = wa::Message {
        conversation: Some("only once".to_owned()),
        ..Default::default()
    };
    raw(&wa::Message {
        view_once_message_v2: MessageField::some(wa::message::FutureProofMessage {
            message: MessageField::some(text),
        }),
        ..Default::default()
    })
}

/// A kind that this version does not type.
pub(crate) fn product() -> Value {
    raw(&wa::Message {
        product_message: MessageField::some(wa::message::ProductMessage {
            body: Some("a boat".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// Whether everything in `part` stands in `whole` as well.
#[track_caller]
pub(crate) fn assert_holds(whole: &Value, part: &Value) {
    if let Err(path) = lacks(whole, part, "") {
        panic!("{path}: {whole:#} does not hold {part:#}");
    }
}

fn lacks(whole: &Value, part: &Value, path: &str) -> Result<(), String> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().try_for_each(|(name, wanted)| {
                let path = format!("{path}/{name}");
                let found = whole.get(name).ok_or_else(|| path.clone())?;
                lacks(found, wanted, &path)
            })
        }
        (Value::Array(whole), Value::Array(part)) if whole.len() == part.len() => {
            let mut pairs = whole.iter().zip(part).enumerate();
            pairs.try_for_each(|(index, (found, wanted))| {
                lacks(found, wanted, &format!("{path}/{index}"))
            })
        }
        (whole, part) if whole == part => Ok(()),
        _ => Err(path.to_owned()),
    }
}

/// Posts what is due when it is asked to.
fn dispatcher(app: &TestApp) -> Dispatcher {
    let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    let timeout = Duration::from_secs(2);
    Dispatcher::new(Parts {
        db: app.db.clone(),
        node: NodeId::new(),
        sender: Sender::new(egress, Arc::new(Native), app.clock.clone(), timeout),
        clock: app.clock.clone(),
        vault: Vault::new(&Arc::new(Master::from_bytes([7; 32]))),
        wake: Wake::default(),
        jitter: Arc::new(|| 0.5),
        bus: Bus::default(),
        limits: Limits::default(),
        tick: TICK,
        lease: LEASE,
    })
}
