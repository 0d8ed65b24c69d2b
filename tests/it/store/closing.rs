//! A client that is closed while a message is between its decryption and its commit: the message is not lost.
//!
//! The library writes its ratchets as the last thing, and with them that of such a message.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use entity::{
    ids::{NodeId, SessionId},
    wa_signal_sessions,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use wharf::{
    db::fence::Fence,
    domain::{
        clock::{Clock, SystemClock},
        event::ChatUpdateData,
        message::{Content, Message},
    },
    lifecycle::{Stop, Tasks},
    protocol::{Client, Event, Inbox, InboxError, Told, Way, store::Store},
};
use wharf_sandbox::{Config, Sandbox};

use super::{
    claim,
    client::{ALICE, BOB, DEADLINE, control, phone_says},
    leased, master,
};
use crate::harness::{
    databases::{TestDb, on_each_engine},
    field::connector,
    processes::POLL,
};

on_each_engine!(
    (flavor = "multi_thread", worker_threads = 4)
    a_close_waits_for_a_message_that_is_decrypted,
    a_message_that_was_decrypted_and_not_taken_comes_again,
    a_message_that_was_not_taken_in_a_spoiled_store_comes_again,
);

/// Longer than a close takes that waits for nothing.
const A_WHILE: Duration = Duration::from_millis(300);

/// A clock that can be held: whoever asks for the time waits. The store asks when a message is handed to it.
#[derive(Debug, Default)]
struct Held {
    is_held: watch::Sender<bool>,
    /// Whether somebody waits.
    waits: watch::Sender<bool>,
}

impl Held {
    async fn until_somebody_waits(&self) {
        let mut waits = self.waits.subscribe();
        let waits = tokio::time::timeout(DEADLINE, waits.wait_for(|waits| *waits));
        waits.await.expect("nobody asks for the time").unwrap();
    }
}

impl Clock for Held {
    fn now_ms(&self) -> i64 {
        let mut is_held = self.is_held.subscribe();
        if *is_held.borrow() {
            self.waits.send_replace(true);
            tokio::task::block_in_place(|| {
                let freed = is_held.wait_for(|is_held| !is_held);
                tokio::runtime::Handle::current().block_on(freed).unwrap();
            });
        }
        SystemClock.now_ms()
    }
}

/// Lets the clock go at the end: a thread that waits would hold up the end of a test that fails.
struct Hand(Arc<Held>);

impl Hand {
    fn holds(&self, held: bool) {
        self.0.is_held.send_replace(held);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.holds(false);
    }
}

/// What was taken, in its order.
#[derive(Default)]
struct Desk {
    texts: Mutex<Vec<String>>,
    refuses: AtomicBool,
}

impl Desk {
    fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }

    async fn until(&self, text: &str) {
        let end = Instant::now() + DEADLINE;
        while !self.texts().iter().any(|taken| taken == text) {
            assert!(
                Instant::now() < end,
                "{text} is not among {:?}",
                self.texts()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

#[async_trait::async_trait]
impl Inbox for Desk {
    async fn record(&self, batch: Vec<Message>, _: Vec<ChatUpdateData>) -> Result<(), InboxError> {
        if self.refuses.load(Ordering::Acquire) {
            return Err(InboxError("the desk is closed".into()));
        }
        for message in batch {
            if let Content::Text { text } = message.content {
                self.texts.lock().unwrap().push(text.body);
            }
        }
        Ok(())
    }
}

/// A session whose phone is Alice's, and what its client works with.
struct Stage {
    test: TestDb,
    sandbox: Sandbox,
    fence: Fence,
    clock: Hand,
    desk: Arc<Desk>,
    store: Arc<Store>,
    client: Arc<Client>,
    events: mpsc::Receiver<Event>,
    tasks: Tasks,
}

impl Stage {
    /// Bob has written "one", and its ratchet is on the disk.
    async fn set(test: TestDb) -> Self {
        let config = Config {
            seed: Some(1),
            ..Config::default()
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
        let tasks = Tasks::new(&Stop::default());
        let mut stage = Self::open(test, sandbox, fence, tasks).await;
        let code = stage.hears(|event| match event {
            Event::Qr { code, .. } => Some(code),
            _ => None,
        });
        let code = code.await;
        let scan = format!("/phones/{ALICE}/scan");
        control(&stage.sandbox, "POST", &scan, json!({ "qr": code })).await;
        stage.is_connected().await;
        let before = stage.ratchets().await;
        stage.bob_says("one").await;
        stage.desk.until("one").await;
        stage.until_ratchets_are_not(&before).await;
        stage
    }

    async fn open(test: TestDb, sandbox: Sandbox, fence: Fence, tasks: Tasks) -> Self {
        let clock = Arc::new(Held::default());
        let desk = Arc::new(Desk::default());
        let store = Store::open(test.db.clone(), fence, master(), Arc::clone(&clock) as _);
        let store = Arc::new(store.await.unwrap());
        let (told, events) = mpsc::channel(64);
        let (news, _) = mpsc::channel(64);
        let told = Told {
            events: told,
            news,
            past: None,
        };
        let (overflow, silenced) = (CancellationToken::new(), store.spoiled().clone());
        let opened = connector(&sandbox.ws_url(), &tasks)
            .open(
                Arc::clone(&store),
                Arc::clone(&desk) as _,
                told,
                Way::Direct,
                (overflow, silenced),
            )
            .await;
        Self {
            test,
            sandbox,
            fence,
            clock: Hand(clock),
            desk,
            store,
            client: Arc::new(opened.unwrap()),
            events,
            tasks,
        }
    }

    /// The session goes to another node.
    async fn resumed(self) -> Self {
        let fence = claim(&self.test.db, self.fence, NodeId::new()).await;
        let mut next = Self::open(self.test, self.sandbox, fence, self.tasks).await;
        next.is_connected().await;
        next
    }

    async fn hears<T>(&mut self, pick: impl Fn(Event) -> Option<T>) -> T {
        let heard = async {
            loop {
                let event = self.events.recv().await.expect("the client is gone");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        let heard = tokio::time::timeout(DEADLINE, heard).await;
        heard.expect("the client says nothing of it")
    }

    async fn is_connected(&mut self) {
        self.hears(|event| matches!(event, Event::Connected(_)).then_some(()))
            .await;
    }

    async fn bob_says(&self, text: &str) {
        phone_says(&self.sandbox, BOB, ALICE, text).await;
    }

    async fn ratchets(&self) -> Vec<Vec<u8>> {
        use wa_signal_sessions::{Column, Entity};
        let rows = Entity::find().filter(Column::SessionId.eq(self.store.session()));
        let rows = rows.all(&self.test.db).await.unwrap();
        rows.into_iter().map(|row| row.sealed).collect()
    }

    async fn until_ratchets_are_not(&self, before: &[Vec<u8>]) {
        let end = Instant::now() + DEADLINE;
        while self.ratchets().await == before {
            assert!(Instant::now() < end, "no ratchet is written");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The client is being closed while "two" is decrypted and not handed over. Its ratchet is on the disk.
    async fn closing_around_two(&self) -> JoinHandle<()> {
        let before = self.ratchets().await;
        self.clock.holds(true);
        self.bob_says("two").await;
        self.clock.0.until_somebody_waits().await;
        let client = Arc::clone(&self.client);
        let closing = async move { client.close().await };
        let mut closing = self.tasks.spawn("client.close", closing);
        self.until_ratchets_are_not(&before).await;
        let early = tokio::time::timeout(A_WHILE, &mut closing);
        assert!(early.await.is_err(), "it does not wait for the message");
        closing
    }

    /// "two" is handed over, and the client closed.
    async fn goes_on(&self, closing: JoinHandle<()>) {
        self.clock.holds(false);
        let closed = tokio::time::timeout(DEADLINE, closing).await;
        closed.expect("it does not close").unwrap();
    }
}

async fn a_close_waits_for_a_message_that_is_decrypted(test: TestDb) {
    let stage = Stage::set(test).await;
    let closing = stage.closing_around_two().await;
    stage.goes_on(closing).await;
    assert_eq!(stage.desk.texts(), ["one", "two"]);

    let next = stage.resumed().await;
    next.bob_says("three").await;
    next.desk.until("three").await;
    next.client.close().await;
}

async fn a_message_that_was_decrypted_and_not_taken_comes_again(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.desk.refuses.store(true, Ordering::Release);
    let closing = stage.closing_around_two().await;
    stage.goes_on(closing).await;
    assert_eq!(stage.desk.texts(), ["one"]);

    let next = stage.resumed().await;
    next.desk.until("two").await;
    next.client.close().await;
}

async fn a_message_that_was_not_taken_in_a_spoiled_store_comes_again(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.desk.refuses.store(true, Ordering::Release);
    let closing = stage.closing_around_two().await;
    stage.store.spoiled().cancel();
    stage.goes_on(closing).await;

    let next = stage.resumed().await;
    next.desk.until("two").await;
    next.client.close().await;
}
