//! A database, a clock, an owner, and everything of webhooks on top.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use entity::{
    enums::{DeliveryOrdering, Role, SessionState},
    events,
    ids::{EndpointId, EventId, NodeId, SessionId, UserId},
    sessions, webhook_attempts, webhook_deliveries,
};
use sea_orm::{ColumnTrait, ConnectionTrait as _, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use wharf::{
    db,
    domain::{
        clock::{Clock, SharedClock, SystemClock},
        principal::{Credential, Principal, Scope},
    },
    seal::Master,
    service::{
        Ctx,
        webhooks::{NewEndpoint, WebhookParts, Webhooks},
    },
    webhook::{
        dispatcher::{Dispatcher, LEASE, Limits, Parts, Stats, TICK},
        egress::{Egress, Lookup, Settings},
        outbox::{self, Wake},
        render::Native,
        sender::Sender,
        signer::Secret,
        target::Vault,
    },
};

use crate::harness::databases::{Engine, TestDb};

/// How long a request may take here: enough for loopback on a busy machine, short enough to wait for.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the requests of [`Desk::another_dispatcher`] may take: longer than its tests need.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that is moved by hand; it starts now, because verifiers look at the time.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

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

/// Everything that a test of webhooks needs.
pub(crate) struct Desk {
    pub(crate) test: TestDb,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) names: Arc<Names>,
    pub(crate) ctx: Ctx,
    pub(crate) session: SessionId,
    pub(crate) webhooks: Webhooks,
    pub(crate) wake: Wake,
    pub(crate) dispatcher: Dispatcher,
    egress: Egress,
    vault: Vault,
    seqs: HashMap<SessionId, i64>,
}

impl Desk {
    /// On SQLite.
    pub(crate) async fn start() -> Self {
        Self::on(TestDb::migrated(Engine::Sqlite).await).await
    }

    pub(crate) async fn on(test: TestDb) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(SystemClock.now_ms())));
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
            clock: shared,
            vault: vault.clone(),
            egress: egress.clone(),
            sender,
            wake: wake.clone(),
        });
        let mut desk = Self {
            dispatcher: Self::dispatcher(
                &test,
                &clock,
                &egress,
                &vault,
                &wake,
                Limits::default(),
                TIMEOUT,
            ),
            ctx: caller(UserId::new()),
            session: SessionId::new(),
            test,
            clock,
            names,
            webhooks,
            wake,
            egress,
            vault,
            seqs: HashMap::new(),
        };
        desk.session = desk.new_session("first").await;
        desk
    }

    fn dispatcher(
        test: &TestDb,
        clock: &Arc<HandClock>,
        egress: &Egress,
        vault: &Vault,
        wake: &Wake,
        limits: Limits,
        timeout: Duration,
    ) -> Dispatcher {
        let clock: SharedClock = clock.clone();
        Dispatcher::new(Parts {
            db: test.db.clone(),
            node: NodeId::new(),
            sender: Sender::new(egress.clone(), Arc::new(Native), clock.clone(), timeout),
            clock,
            vault: vault.clone(),
            wake: wake.clone(),
            jitter: Arc::new(|| 0.5),
            limits,
            tick: TICK,
            lease: LEASE,
        })
    }

    /// Another process on the same database.
    pub(crate) fn another_dispatcher(&self, limits: Limits) -> Dispatcher {
        let Self {
            test,
            clock,
            egress,
            vault,
            wake,
            ..
        } = self;
        Self::dispatcher(test, clock, egress, vault, wake, limits, PATIENCE)
    }

    pub(crate) async fn new_session(&mut self, handle: &str) -> SessionId {
        let id = SessionId::new();
        let row = sessions::Model {
            id,
            owner_id: self.ctx.owner(),
            handle: handle.to_owned(),
            name: None,
            phone: None,
            lid: None,
            push_name: None,
            state: SessionState::Disconnected,
            reason: None,
            metadata: "{}".into(),
            settings: "{}".into(),
            created_at: 0,
            updated_at: 0,
            connected_at: None,
        };
        db::sessions::insert(&self.test.db, row).await.unwrap();
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

    /// A message event, as the inbox writes it: event and deliveries in one transaction.
    pub(crate) async fn event(&mut self) -> EventId {
        self.event_of(self.session, "message").await
    }

    pub(crate) async fn event_of(&mut self, session: SessionId, event_type: &str) -> EventId {
        let seq = self.seqs.entry(session).or_default();
        *seq += 1;
        let (seq, now, id) = (*seq, self.clock.now_ms(), EventId::new());
        let owner = self.ctx.owner();
        let tx = db::begin(&self.test.db).await.unwrap();
        let row = events::Model {
            session_id: session,
            seq,
            id,
            owner_id: owner,
            event_type: event_type.to_owned(),
            payload: json!({"n": seq}).to_string(),
            dedupe_key: None,
            created_at: now,
        };
        let mut script = db::Script::new(tx.get_database_backend());
        db::events::insert(&mut script, vec![row]);
        let entry = outbox::Entry {
            event: id,
            session,
            seq,
            event_type,
        };
        let endpoints = outbox::endpoints(&tx, owner, session).await.unwrap();
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
        ordering: DeliveryOrdering::Session,
        headers: [].into(),
    }
}

pub(crate) fn caller(user: UserId) -> Ctx {
    Ctx {
        principal: Arc::new(Principal {
            user,
            role: Role::User,
            scopes: Scope::ALL.to_vec(),
            session: None,
            credential: Credential::AccessToken,
            expires_at: None,
        }),
        request_id: "req_test".into(),
    }
}
