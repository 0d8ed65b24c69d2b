//! What the durability of an incoming message costs: message, event and delivery in one fenced transaction, against a
//! fenced transaction that writes nothing else; and what three endpoints add to one that has none.
//!
//! The bare transaction is written as anybody would write it, a statement at a time. Ours goes through a queue and as few
//! ways to the database as there can be; a yardstick that did too would hide what they gain.

use std::{sync::Arc, time::Instant};

use entity::{
    enums::{DeliveryOrdering, EndpointState},
    ids::{EndpointId, NodeId, SessionId, UserId},
    leases, webhook_endpoints,
};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, EntityTrait as _, QueryFilter as _, sea_query::Expr,
};
use tokio_util::sync::CancellationToken;
use wharf::{
    db::{self, fence::Fence},
    domain::{
        address::{Chat, ChatKind, Party},
        clock::SystemClock,
        message::{Content, Context, Message},
    },
    events::Bus,
    lifecycle::{Stop, Tasks},
    seal::Master,
    session::{Journal, JournalConfig},
    webhook::outbox::Wake,
};

use crate::{
    databases::{Engine, TestDb, leased},
    report::{Bound, Report, median},
};

const COMMITS: usize = 200;
const ROUNDS: usize = 7;

pub(crate) async fn run(report: &mut Report) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
        let test = TestDb::migrated(engine).await;
        let none = Bench::new(&test.db, 0).await;
        let one = Bench::new(&test.db, 1).await;
        let three = Bench::new(&test.db, 3).await;
        let mut rounds = Vec::new();
        // The first warms up.
        for _ in 0..=ROUNDS {
            rounds.push([
                one.bare().await,
                one.inbound().await,
                none.inbound().await,
                three.inbound().await,
            ]);
        }
        let rounds = &rounds[1..];
        let what = format!("inbound commits a second ÷ a bare fenced transaction, {engine:?}");
        tell(
            report,
            &what,
            0.6,
            rounds.iter().map(|round| (round[1], round[0])),
        );
        let what = format!("inbound commits a second with 3 endpoints ÷ with none, {engine:?}");
        tell(
            report,
            &what,
            0.7,
            rounds.iter().map(|round| (round[3], round[2])),
        );
    }
}

fn tell(report: &mut Report, what: &str, bound: f64, rounds: impl Iterator<Item = (f64, f64)>) {
    let (ours, bare): (Vec<f64>, Vec<f64>) = rounds.unzip();
    let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare);
    let ratio = median(ratios.collect());
    let how = format!(
        "{:.0} ÷ {:.0} a second, one after the other, every commit synced, median of {ROUNDS}",
        median(ours),
        median(bare)
    );
    report.add(what, ratio, Bound::AtLeast(bound), &how);
}

/// A session with its journal, endpoints that want every event, and another session's lease for the bare loop.
struct Bench {
    db: DatabaseConnection,
    bare: Fence,
    journal: Journal,
}

impl Bench {
    async fn new(db: &DatabaseConnection, endpoints: usize) -> Self {
        let owner = UserId::new();
        for _ in 0..endpoints {
            db::webhook_endpoints::insert(db, endpoint(owner))
                .await
                .unwrap();
        }
        let session = SessionId::new();
        let fence = leased(db, session, NodeId::new()).await;
        let journal = Journal::new(JournalConfig {
            db: db.clone(),
            fence,
            owner,
            session,
            bus: Bus::default(),
            outbox: Wake::default(),
            clock: Arc::new(SystemClock),
            tasks: Tasks::new(&Stop::default()),
            fenced: CancellationToken::new(),
            keys: Arc::new(
                Master::from_bytes([7; 32])
                    .new_session_keys(session)
                    .unwrap()
                    .0,
            ),
        });
        Self {
            db: db.clone(),
            bare: leased(db, SessionId::new(), NodeId::new()).await,
            journal,
        }
    }

    /// Transactions a second that lock the lease at its epoch, take a number, and commit.
    async fn bare(&self) -> f64 {
        let begun = Instant::now();
        for _ in 0..COMMITS {
            let tx = db::begin(&self.db).await.unwrap();
            let standing = self.bare.lock(&tx).await.unwrap();
            let taken = leases::Entity::update_many()
                .col_expr(leases::Column::LastSeq, Expr::value(standing.last_seq + 1))
                .filter(leases::Column::Kind.eq(self.bare.kind))
                .filter(leases::Column::LeaseKey.eq(self.bare.key))
                .exec(&*tx)
                .await
                .unwrap();
            assert_eq!(taken.rows_affected, 1);
            tx.commit().await.unwrap();
        }
        COMMITS as f64 / begun.elapsed().as_secs_f64()
    }

    /// Incoming messages a second, each in a transaction of its own.
    async fn inbound(&self) -> f64 {
        let begun = Instant::now();
        for _ in 0..COMMITS {
            self.journal.record_messages(vec![message()]).await.unwrap();
        }
        COMMITS as f64 / begun.elapsed().as_secs_f64()
    }
}

fn endpoint(owner: UserId) -> webhook_endpoints::Model {
    webhook_endpoints::Model {
        id: EndpointId::new(),
        owner_id: owner,
        url: "https://hooks.example/".to_owned(),
        secret_sealed: Vec::new(),
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

fn message() -> Message {
    let sender = Party::person(Some("491700300001".to_owned()), None);
    Message {
        message_id: wharf::protocol::message_id(),
        chat: Chat {
            party: sender.clone(),
            kind: ChatKind::User,
        },
        sender,
        from_me: false,
        push_name: Some("Friend".to_owned()),
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        content: Content::text(
            "A message of the usual length, as people write them to each other.".to_owned(),
        ),
        context: Context::default(),
        private: None,
    }
}
