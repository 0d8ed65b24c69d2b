//! A database, a clock, an owner, and everything of webhooks on top.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use entity::{
    enums::DeliveryOrdering,
    events,
    ids::{EndpointId, EventId, NodeId, SessionId, UserId},
    sessions, webhook_attempts, webhook_deliveries,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::json;
use wharf::{
    db,
    domain::clock::{Clock, SharedClock, SystemClock},
    egress::{Egress, Lookup, Settings},
    events::Bus,
    seal::Master,
    service::{
        Ctx,
        quotas::Quotas,
        webhooks::{Endpoint, NewEndpoint, WebhookParts, Webhooks},
    },
    webhook::{
        dispatcher::{Dispatcher, LEASE, Limits, Parts, Stats, TICK},
        outbox::{self, Wake},
        render::Native,
        sender::Sender,
        signer::Secret,
        target::Vault,
    },
};

use crate::harness::{
    clock::HandClock,
    ctx::ctx_of,
    databases::{Engine, TestDb},
    rows,
};

/// How long a request may take here: enough for loopback on a busy machine, short enough to wait for.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the requests of [`Desk::another_dispatcher`] may take: longer than its tests need.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names, each with the answers to its first, second, … look-up; the last answer stays.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, Vec<IpAddr>>>);

impl Names {
    pub(crate) fn set(&self, name: &str, answers: &[&str]) {
        let answers = answers.iter().map(|text| text.parse().unwrap()).collect();
        self.0.lock().unwrap().insert(name.to_owned(), answers);
    }
}

impl Lookup for Names {
    fn lookup(
        &self,
        host: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let mut names = self.0.lock().unwrap();
        let answer = names.get_mut(&host).map(|answers| {
            if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0]
            }
        });
        Box::pin(async move {
            answer
                .map(|address| vec![address])
                .ok_or_else(|| io::Error::other("no such name"))
        })
    }
}

/// What every dispatcher of a test stands on.
struct Ground {
    db: DatabaseConnection,
    clock: Arc<HandClock>,
    egress: Egress,
    vault: Vault,
    wake: Wake,
    bus: Bus,
}

impl Ground {
    fn dispatcher(&self, limits: Limits, timeout: Duration) -> Dispatcher {
        let clock: SharedClock = self.clock.clone();
        Dispatcher::new(Parts {
            db: self.db.clone(),
            node: NodeId::new(),
            sender: Sender::new(
                self.egress.clone(),
                Arc::new(Native),
                clock.clone(),
                timeout,
            ),
            clock,
            vault: self.vault.clone(),
            wake: self.wake.clone(),
            jitter: Arc::new(|| 0.5),
            bus: self.bus.clone(),
            limits,
            tick: TICK,
            lease: LEASE,
        })
    }
}

/// Everything that a test of webhooks needs.
pub(crate) struct Desk {
    pub(crate) test: TestDb,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) names: Arc<Names>,
    pub(crate) ctx: Ctx,
    pub(crate) session: SessionId,
    pub(crate) webhooks: Webhooks,
    pub(crate) wake: Wake,
    /// Where the dispatchers tell what they write into the log.
    pub(crate) bus: Bus,
    pub(crate) dispatcher: Dispatcher,
    ground: Ground,
}

impl Desk {
    /// On SQLite.
    pub(crate) async fn start() -> Self {
        Self::on(TestDb::migrated(Engine::Sqlite).await).await
    }

    pub(crate) async fn on(test: TestDb) -> Self {
        // It starts now, because verifiers look at the time.
        let clock = Arc::new(HandClock::at(SystemClock.now_ms()));
        let names = Arc::new(Names::default());
        let egress = Egress::with(Settings {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            connect_timeout: TIMEOUT,
            lookup: names.clone(),
        })
        .unwrap();
        let vault = Vault::new(&Arc::new(Master::from_bytes([5; 32])));
        let wake = Wake::default();
        let shared: SharedClock = clock.clone();
        let sender = Sender::new(egress.clone(), Arc::new(Native), shared.clone(), TIMEOUT);
        let webhooks = Webhooks::new(WebhookParts {
            db: test.db.clone(),
            clock: shared.clone(),
            vault: vault.clone(),
            egress: egress.clone(),
            sender,
            wake: wake.clone(),
            quotas: Quotas::new(test.db.clone(), shared),
        });
        let bus = Bus::default();
        let ground = Ground {
            db: test.db.clone(),
            clock: clock.clone(),
            egress,
            vault,
            wake: wake.clone(),
            bus: bus.clone(),
        };
        let mut desk = Self {
            dispatcher: ground.dispatcher(Limits::default(), TIMEOUT),
            bus,
            ctx: ctx_of(UserId::new()),
            session: SessionId::new(),
            test,
            clock,
            names,
            webhooks,
            wake,
            ground,
        };
        desk.session = desk.new_session("first").await;
        desk
    }

    /// Another process on the same database.
    pub(crate) fn another_dispatcher(&self, limits: Limits) -> Dispatcher {
        self.ground.dispatcher(limits, PATIENCE)
    }

    pub(crate) async fn new_session(&mut self, handle: &str) -> SessionId {
        let row = sessions::Model {
            handle: handle.to_owned(),
            ..rows::session(self.ctx.owner())
        };
        let id = row.id;
        db::sessions::insert(&self.test.db, row).await.unwrap();
        db::leases::insert(&self.test.db, id).await.unwrap();
        id
    }

    pub(crate) async fn endpoint(&self, url: &str) -> (EndpointId, Secret) {
        self.endpoint_ordered(url, DeliveryOrdering::Session).await
    }

    pub(crate) async fn endpoint_ordered(
        &self,
        url: &str,
        ordering: DeliveryOrdering,
    ) -> (EndpointId, Secret) {
        let new = NewEndpoint {
            ordering,
            ..new_endpoint(url)
        };
        let (endpoint, secret) = self.webhooks.create(&self.ctx, new).await.unwrap();
        (endpoint.id, secret)
    }

    /// An endpoint as its owner sees it.
    pub(crate) async fn shown(&self, id: EndpointId) -> Endpoint {
        self.webhooks.get(&self.ctx, id).await.unwrap()
    }

    /// A message event, as the inbox writes it: event and deliveries in one transaction.
    pub(crate) async fn event(&mut self) -> EventId {
        self.event_of(self.session, "message").await
    }

    pub(crate) async fn event_of(&mut self, session: SessionId, event_type: &str) -> EventId {
        self.event_with(session, event_type, |seq| json!({ "n": seq }))
            .await
    }

    /// An event whose `data` is made from its number.
    pub(crate) async fn event_with(
        &mut self,
        session: SessionId,
        event_type: &str,
        data: impl FnOnce(i64) -> serde_json::Value,
    ) -> EventId {
        let (now, id) = (self.clock.now_ms(), EventId::new());
        let owner = self.ctx.owner();
        let tx = db::begin(&self.test.db).await.unwrap();
        let seq = db::leases::take_number(&tx, session).await.unwrap();
        let seq = seq.expect("the session has a lease");
        let payload = data(seq).to_string();
        let row = events::Model {
            session_id: session,
            seq,
            id,
            owner_id: owner,
            event_type: event_type.to_owned(),
            payload: payload.clone(),
            created_at: now,
        };
        let mut script = db::Script::new(tx.get_database_backend());
        db::events::insert(&mut script, vec![row]);
        let endpoints = outbox::endpoints(&tx, owner, session).await.unwrap();
        let chat = outbox::chats(&endpoints, std::iter::once(payload.as_str())).remove(0);
        let entry = outbox::Entry {
            event: id,
            session,
            seq,
            event_type,
            chat: chat.as_deref(),
        };
        outbox::enqueue(&mut script, owner, &endpoints, &[entry], now);
        assert!(script.run(&tx).await.unwrap());
        tx.commit().await.unwrap();
        id
    }

    pub(crate) async fn deliver(&mut self) -> Stats {
        self.dispatcher.deliver_due().await.unwrap()
    }

    /// The only delivery of `event`.
    pub(crate) async fn delivery(&self, event: EventId) -> webhook_deliveries::Model {
        let mut found = webhook_deliveries::Entity::find()
            .filter(webhook_deliveries::Column::EventId.eq(event))
            .all(&self.test.db)
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "one delivery of {event}");
        found.remove(0)
    }

    /// The log of `session`, checked to be without a hole.
    pub(crate) async fn log(&self, session: SessionId) -> Vec<events::Model> {
        let log = db::events::page(&self.test.db, session, 0, &[], 10_000)
            .await
            .unwrap();
        for (seq, event) in (1..).zip(&log) {
            assert_eq!(event.seq, seq, "the log has no hole");
        }
        log
    }

    /// All attempts in the order they were made.
    pub(crate) async fn attempts(&self) -> Vec<webhook_attempts::Model> {
        webhook_attempts::Entity::find()
            .order_by_asc(webhook_attempts::Column::Id)
            .all(&self.test.db)
            .await
            .unwrap()
    }
}

pub(crate) fn new_endpoint(url: &str) -> NewEndpoint {
    NewEndpoint {
        url: url.to_owned(),
        types: vec!["*".to_owned()],
        sessions: None,
        chats: vec!["*".to_owned()],
        ordering: DeliveryOrdering::Session,
        headers: [].into(),
    }
}
