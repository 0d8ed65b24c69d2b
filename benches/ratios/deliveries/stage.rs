//! An owner with sessions and endpoints, an outbox, and the dispatcher as the service runs it.

use std::{sync::Arc, time::Duration};

use entity::{
    enums::{AttemptTrigger, DeliveryOrdering, DeliveryState, EndpointState},
    events,
    ids::{DeliveryId, EndpointId, EventId, NodeId, SessionId, UserId},
    webhook_deliveries, webhook_endpoints,
};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::json;
use tokio::task::JoinSet;
use wharf::{
    db,
    domain::clock::{Clock, SharedClock, SystemClock},
    egress::Egress,
    events::Bus,
    lifecycle::Stop,
    seal::Master,
    webhook::{
        dispatcher::{Dispatcher, LEASE, Limits, Parts, TICK},
        outbox::{self, Wake},
        render::Native,
        sender::Sender,
        signer::Secret,
        target::Vault,
    },
};

use super::receiver::now_us;

/// Long enough that a silent receiver holds its slots to the end.
const TIMEOUT: Duration = Duration::from_secs(15);
const TEXT: &str = "A message of the usual length, as people write them to each other.";

/// How many events, for how long.
pub(super) struct Plan {
    pub(super) events_a_second: u32,
    pub(super) lasts: Duration,
}

pub(super) struct Stage {
    db: DatabaseConnection,
    owner: UserId,
    endpoints: Vec<EndpointId>,
    sessions: Vec<SessionId>,
    seq: i64,
    vault: Vault,
    wake: Wake,
}

/// A body as it is delivered.
pub(super) fn body() -> String {
    let data = json!({
        "session": "ses_0190a2b4c6d87e6f8a1b2c3d4e5f6071", "seq": 1, "sent_us": now_us(), "text": {"body": TEXT},
    });
    json!({"type": "message", "timestamp": "2026-01-01T00:00:00.000Z", "data": data}).to_string()
}

impl Stage {
    pub(super) async fn new(db: &DatabaseConnection, urls: &[String], sessions: usize) -> Self {
        let vault = Vault::new(&Arc::new(Master::from_bytes([5; 32])));
        let owner = UserId::new();
        let mut endpoints = Vec::new();
        for url in urls {
            let row = endpoint(owner, url, &vault);
            endpoints.push(row.id);
            db::webhook_endpoints::insert(db, row).await.unwrap();
        }
        Self {
            db: db.clone(),
            owner,
            endpoints,
            sessions: (0..sessions).map(|_| SessionId::new()).collect(),
            seq: 0,
            vault,
            wake: Wake::default(),
        }
    }

    pub(super) fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    pub(super) fn dispatcher(&self, at_once: usize) -> Dispatcher {
        let clock: SharedClock = Arc::new(SystemClock);
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        Dispatcher::new(Parts {
            db: self.db.clone(),
            node: NodeId::new(),
            sender: Sender::new(egress, Arc::new(Native), Arc::clone(&clock), TIMEOUT),
            clock,
            vault: self.vault.clone(),
            wake: self.wake.clone(),
            jitter: Arc::new(|| 0.5),
            bus: Bus::default(),
            limits: Limits {
                total: at_once,
                ..Limits::default()
            },
            tick: TICK,
            lease: LEASE,
        })
    }

    /// Writes `count` events, each with a delivery to every endpoint, as the inbox does.
    pub(super) async fn queue(&mut self, count: usize) {
        let now = SystemClock.now_ms();
        let tx = db::begin(&self.db).await.unwrap();
        let rows: Vec<events::Model> = (0..count).map(|_| self.event(now)).collect();
        let due: Vec<outbox::Entry<'_>> = rows
            .iter()
            .map(|row| outbox::Entry {
                event: row.id,
                session: row.session_id,
                seq: row.seq,
                event_type: &row.event_type,
                chat: None,
            })
            .collect();
        let mut script = db::Script::new(tx.get_database_backend());
        for rows in rows.chunks(500) {
            db::events::insert(&mut script, rows.to_vec());
        }
        for session in self.sessions.clone() {
            let endpoints = outbox::endpoints(&tx, self.owner, session).await.unwrap();
            let of_session = due.iter().filter(|entry| entry.session == session);
            let of_session: Vec<outbox::Entry<'_>> = of_session.copied().collect();
            outbox::enqueue(&mut script, self.owner, &endpoints, &of_session, now);
        }
        assert!(script.run(&tx).await.unwrap());
        tx.commit().await.unwrap();
        self.wake.wake();
    }

    fn event(&mut self, now: i64) -> events::Model {
        self.seq += 1;
        let turn = usize::try_from(self.seq).unwrap() % self.sessions.len();
        events::Model {
            session_id: self.sessions[turn],
            seq: self.seq,
            id: EventId::new(),
            owner_id: self.owner,
            event_type: "message".to_owned(),
            payload: json!({"sent_us": now_us(), "text": {"body": TEXT}}).to_string(),
            created_at: now,
        }
    }

    /// Events at a steady pace to a running dispatcher.
    pub(super) async fn play(&mut self, plan: &Plan) {
        let stop = Stop::default();
        let dispatcher = self.dispatcher(Limits::default().total);
        let mut serving = JoinSet::new();
        serving.spawn(dispatcher.serve(stop.clone(), Duration::from_secs(1)));
        let mut pace = tokio::time::interval(Duration::from_secs(1) / plan.events_a_second);
        let events = u64::from(plan.events_a_second) * plan.lasts.as_secs();
        for _ in 0..events {
            pace.tick().await;
            self.queue(1).await;
        }
        // The last ones arrive.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.soft();
        serving.join_all().await;
    }

    /// Rows that were given up, as many for each endpoint.
    pub(super) async fn bury(&self, count: usize) {
        let tx = db::begin(&self.db).await.unwrap();
        let numbers: Vec<usize> = (0..count).collect();
        for numbers in numbers.chunks(1_000) {
            let rows = numbers.iter().map(|number| self.dead(*number)).collect();
            let mut script = db::Script::new(tx.get_database_backend());
            db::webhook_deliveries::insert(&mut script, rows);
            assert!(script.run(&tx).await.unwrap());
        }
        tx.commit().await.unwrap();
    }

    fn dead(&self, number: usize) -> webhook_deliveries::Model {
        webhook_deliveries::Model {
            id: DeliveryId::new(),
            owner_id: self.owner,
            endpoint_id: self.endpoints[number % self.endpoints.len()],
            session_id: self.sessions[number % self.sessions.len()],
            event_id: EventId::new(),
            seq: i64::try_from(number).unwrap(),
            state: DeliveryState::Dead,
            attempt: 13,
            triggered_by: AttemptTrigger::Auto,
            next_at: None,
            lease_node: None,
            last_error: Some("status: the receiver answered 500".to_owned()),
            created_at: 0,
            updated_at: 0,
        }
    }
}

fn endpoint(owner: UserId, url: &str, vault: &Vault) -> webhook_endpoints::Model {
    let id = EndpointId::new();
    let secret = Secret::from_bytes([9; 32]);
    webhook_endpoints::Model {
        id,
        owner_id: owner,
        url: url.to_owned(),
        secret_sealed: vault.seal_secret(id, &secret).unwrap(),
        prev_secret_sealed: None,
        prev_until: None,
        types: r#"["*"]"#.to_owned(),
        sessions: r#"["*"]"#.to_owned(),
        headers_sealed: None,
        ordering: DeliveryOrdering::Session,
        rate_limit: None,
        state: EndpointState::Active,
        first_failure_at: None,
        disabled_reason: None,
        created_at: 0,
        updated_at: 0,
        chats: None,
        failed_attempts: 0,
        exhausted_events: 0,
        failures_in_a_row: 0,
        breaker_opens: 0,
        breaker_until: None,
        warned_at: None,
        shape: wharf::webhook::render::NATIVE.to_owned(),
        variant: String::new(),
    }
}
