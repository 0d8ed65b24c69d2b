//! A client that is closed while a message is between its decryption and its commit: the message is not lost.
//!
//! The library writes its ratchets as the last thing, and with them that of such a message.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use entity::{
    ids::{NodeId, SessionId},
    wa_sender_keys, wa_signal_sessions,
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
        address::ChatKind,
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
    a_message_whose_ratchet_alone_outlives_a_kill_is_asked_for_again,
    so_is_one_in_a_group,
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

/// Where messages are taken.
#[derive(Default)]
struct Desk {
    /// Ids and texts, in their order.
    taken: Mutex<Vec<(String, String)>>,
    refuses: AtomicBool,
    /// How often it was asked whether it has a message.
    asked: AtomicUsize,
}

impl Desk {
    fn texts(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(_, text)| text.clone()).collect()
    }

    /// Waits until `text` is the last of `count`.
    async fn until(&self, text: &str, count: usize) {
        let end = Instant::now() + DEADLINE;
        loop {
            let texts = self.texts();
            if texts.len() >= count {
                assert_eq!(texts[count - 1], text, "{texts:?}");
                return;
            }
            assert!(Instant::now() < end, "{text} does not come: {texts:?}");
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
                let taken = (message.message_id, text.body);
                self.taken.lock().unwrap().push(taken);
            }
        }
        Ok(())
    }

    async fn has(&self, _: ChatKind, message_id: &str) -> Result<bool, InboxError> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        let taken = self.taken.lock().unwrap();
        Ok(taken.iter().any(|(id, _)| id == message_id))
    }
}

/// A session whose phone is Alice's, and what its client works with.
struct Stage {
    test: TestDb,
    sandbox: Sandbox,
    fence: Fence,
    /// Both are in it.
    group: String,
    /// Where Bob writes.
    chat: String,
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
        // Before the session is linked: it hears of no group that is made, which somebody would have to write down.
        let group = json!({ "subject": "Crew", "members": [BOB, ALICE] });
        let group = control(&sandbox, "POST", "/groups", group).await;
        let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
        let tasks = Tasks::new(&Stop::default());
        let mut stage = Self::open(test, sandbox, fence, tasks, Arc::default()).await;
        stage.group = group["id"].as_str().unwrap().to_owned();
        let code = stage.hears(|event| match event {
            Event::Qr { code, .. } => Some(code),
            _ => None,
        });
        let code = code.await;
        let scan = format!("/phones/{ALICE}/scan");
        control(&stage.sandbox, "POST", &scan, json!({ "qr": code })).await;
        stage.is_connected().await;
        stage.bob_says_one().await;
        stage
    }

    /// The same in a group.
    async fn set_in_a_group(test: TestDb) -> Self {
        let mut stage = Self::set(test).await;
        stage.chat.clone_from(&stage.group);
        stage.bob_says_one().await;
        stage
    }

    async fn bob_says_one(&self) {
        let before = self.ratchets().await;
        let taken = self.desk.texts().len();
        self.bob_says("one").await;
        self.desk.until("one", taken + 1).await;
        self.until_ratchets_are_not(&before).await;
    }

    async fn open(
        test: TestDb,
        sandbox: Sandbox,
        fence: Fence,
        tasks: Tasks,
        desk: Arc<Desk>,
    ) -> Self {
        let clock = Arc::new(Held::default());
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
            group: String::new(),
            chat: ALICE.to_owned(),
            clock: Hand(clock),
            desk,
            store,
            client: Arc::new(opened.unwrap()),
            events,
            tasks,
        }
    }

    /// The session goes to another node, which takes messages at `desk`.
    async fn resumed(self, desk: Arc<Desk>) -> Self {
        let fence = claim(&self.test.db, self.fence, NodeId::new()).await;
        let mut next = Self::open(self.test, self.sandbox, fence, self.tasks, desk).await;
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
        phone_says(&self.sandbox, BOB, &self.chat, text).await;
    }

    /// Those of sessions and of groups.
    async fn ratchets(&self) -> [Vec<Vec<u8>>; 2] {
        let session = self.store.session();
        let sessions = wa_signal_sessions::Entity::find()
            .filter(wa_signal_sessions::Column::SessionId.eq(session));
        let groups =
            wa_sender_keys::Entity::find().filter(wa_sender_keys::Column::SessionId.eq(session));
        let sessions = sessions.all(&self.test.db).await.unwrap();
        let groups = groups.all(&self.test.db).await.unwrap();
        [
            sessions.into_iter().map(|row| row.sealed).collect(),
            groups.into_iter().map(|row| row.sealed).collect(),
        ]
    }

    async fn until_ratchets_are_not(&self, before: &[Vec<Vec<u8>>; 2]) {
        let end = Instant::now() + DEADLINE;
        while self.ratchets().await == *before {
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

    // WhatsApp was not told any more. It sends it again, and it is not asked for.
    let desk = Arc::clone(&stage.desk);
    let next = stage.resumed(desk).await;
    next.bob_says("three").await;
    next.desk.until("three", 3).await;
    assert_eq!(next.desk.asked.load(Ordering::Acquire), 1);
    next.client.close().await;
    assert_eq!(next.desk.texts(), ["one", "two", "three"]);
}

async fn a_message_that_was_decrypted_and_not_taken_comes_again(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.desk.refuses.store(true, Ordering::Release);
    let closing = stage.closing_around_two().await;
    stage.goes_on(closing).await;
    assert_eq!(stage.desk.texts(), ["one"]);

    let next = stage.resumed(Arc::default()).await;
    next.desk.until("two", 1).await;
    assert_eq!(next.desk.asked.load(Ordering::Acquire), 0);
    next.client.close().await;
}

async fn a_message_that_was_not_taken_in_a_spoiled_store_comes_again(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.desk.refuses.store(true, Ordering::Release);
    let closing = stage.closing_around_two().await;
    stage.store.spoiled().cancel();
    stage.goes_on(closing).await;

    let next = stage.resumed(Arc::default()).await;
    next.desk.until("two", 1).await;
    assert_eq!(next.desk.asked.load(Ordering::Acquire), 0);
    next.client.close().await;
}

async fn a_message_whose_ratchet_alone_outlives_a_kill_is_asked_for_again(test: TestDb) {
    is_asked_for_again(Stage::set(test).await).await;
}

async fn so_is_one_in_a_group(test: TestDb) {
    is_asked_for_again(Stage::set_in_a_group(test).await).await;
}

async fn is_asked_for_again(stage: Stage) {
    let closing = stage.closing_around_two().await;

    // To the database it is as if the process had ended here: what is still in it may write nothing any more.
    let desk = Desk {
        taken: Mutex::new(stage.desk.taken.lock().unwrap().clone()),
        ..Desk::default()
    };
    let before = desk.texts().len();
    let next = stage.resumed(Arc::new(desk)).await;
    next.desk.until("two", before + 1).await;
    next.client.close().await;
    let closed = tokio::time::timeout(DEADLINE, closing).await;
    closed.expect("it does not close").unwrap();
}
