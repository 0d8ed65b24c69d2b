//! Kills of the service and restarts of its database, at moments drawn by lot, in front of ten kinds of receivers.
//!
//! The short form is a test like the others. `make chaos` sets `CHAOS_KILLS`, `CHAOS_RESTARTS` and `CHAOS_SERVICES` for
//! the full one, which restarts the databases as well; `CHAOS_SEED` repeats a run. Judged are what the receivers have
//! synced to their own files, the event log, the outbox, and what the sandbox has counted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use entity::{enums::DeliveryState, ids::EndpointId, nodes, webhook_deliveries, webhook_endpoints};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use wharf::db;

use crate::harness::{
    databases::{Engine, TestDb},
    processes::{DEADLINE, SandboxProcess, Wharf},
    receiver::{Receiver, Reply},
};

mod kinds;

use kinds::{Kind, Stand};

const OWNERS: [&str; 2] = ["491700000101", "491700000303"];
const WRITER: &str = "491700000202";
/// Posts of one lane whose result may not be written yet: a run posts on while it is being written.
const IN_FLIGHT: usize = 64;

/// A number from the environment.
fn from_env(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    from_env("CHAOS_SEED", 20_261_121)
}

macro_rules! chaos {
    ($($name:ident, $engine:ident, $kills:literal;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                println!("CHAOS_SEED={}", seed());
                run(Engine::$engine, $kills).await;
            }
        )+
    };
}

chaos! {
    nothing_is_lost_doubled_or_overtaken_on_sqlite, Sqlite, 7;
    nothing_is_lost_doubled_or_overtaken_on_postgres, Postgres, 7;
    nothing_is_lost_doubled_or_overtaken_on_mariadb, MariaDb, 6;
}

/// Everything that takes part.
struct Chaos {
    sandbox: SandboxProcess,
    wharf: Wharf,
    test: TestDb,
    db: DatabaseConnection,
    sessions: Vec<String>,
    stands: Vec<Stand>,
    /// What was written to each session.
    written: BTreeMap<String, BTreeSet<String>>,
    /// WhatsApp's ids of what the service has taken to be sent.
    taken: BTreeSet<String>,
    count: usize,
}

async fn run(engine: Engine, kills: u64) {
    let kills = from_env("CHAOS_KILLS", kills);
    let services = std::env::var("CHAOS_SERVICES").ok();
    let can_restart = services.is_some() && engine != Engine::Sqlite;
    let restarts = if can_restart {
        from_env("CHAOS_RESTARTS", 0)
    } else {
        0
    };
    let mut rng = StdRng::seed_from_u64(seed());
    let folder = tempfile::tempdir().unwrap();
    let mut chaos = Chaos::set_up(engine, folder.path()).await;
    let mut left = (kills, restarts);
    while left != (0, 0) {
        chaos
            .work(Duration::from_millis(rng.random_range(30..350)))
            .await;
        if rng.random_range(0..left.0 + left.1) < left.0 {
            left.0 -= 1;
            chaos.wharf.kill_and_start().await;
        } else {
            left.1 -= 1;
            restart(services.as_deref().unwrap(), engine);
            chaos.wharf.ready().await;
        }
    }
    let incidents = usize::try_from(kills + restarts).unwrap();
    chaos.judge(incidents).await;
}

fn restart(services: &str, engine: Engine) {
    let server = if engine == Engine::Postgres {
        "postgres"
    } else {
        "mariadb"
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/services.sh");
    let done = Command::new(script)
        .args(["restart", services, server])
        .status();
    assert!(done.unwrap().success(), "{server} does not come back");
}

impl Chaos {
    async fn set_up(engine: Engine, folder: &Path) -> Self {
        let test = TestDb::empty(engine).await;
        let sandbox = SandboxProcess::start(folder).await;
        let mut wharf = Wharf::at(folder, &sandbox.url)
            .env("DATABASE_URL", &test.url)
            .env(
                "RUST_LOG",
                "wharf=debug,whatsapp_rust=debug,wacore=debug,info",
            )
            .env("WHARF_WEBHOOKS__TIMEOUT_MS", "1000");
        wharf.up().await;
        let mut stands = Vec::new();
        for kind in Kind::ALL {
            let stand = Stand::start(kind, folder).await;
            let new = json!({ "url": stand.url(), "types": ["message"], "ordering": "strict" });
            let made = wharf.call("POST", "/v1/webhooks", new).await;
            stands.push(stand.known_as(made["id"].as_str().unwrap()));
        }
        let moved = stands
            .iter()
            .find(|one| one.kind == Kind::TurnsPrivate)
            .unwrap();
        // The name was fine when the webhook was made, and leads to a private address from now on.
        webhook_endpoints::Entity::update_many()
            .col_expr(
                webhook_endpoints::Column::Url,
                Expr::value("http://10.255.255.1/hook"),
            )
            .filter(webhook_endpoints::Column::Id.eq(moved.endpoint()))
            .exec(&test.db)
            .await
            .unwrap();
        let mut sessions = Vec::new();
        for owner in OWNERS {
            sessions.push(wharf.pair(&sandbox, owner).await);
        }
        Self {
            sandbox,
            wharf,
            db: test.db.clone(),
            test,
            sessions,
            stands,
            written: BTreeMap::new(),
            taken: BTreeSet::new(),
            count: 0,
        }
    }

    /// Phones write and the service sends, for so long.
    async fn work(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            for (owner, session) in OWNERS.iter().zip(&self.sessions) {
                self.count += 1;
                let text = format!("in {}", self.count);
                self.sandbox.write(WRITER, owner, &text).await;
                self.written
                    .entry(session.clone())
                    .or_default()
                    .insert(text);
                let text = format!("out {}", self.count);
                // A session that is on its way back refuses, and that is fine.
                if let Some((202, sent)) = self.wharf.send(session, WRITER, &text).await {
                    self.taken
                        .insert(sent["message_id"].as_str().unwrap().to_owned());
                }
            }
        }
    }

    /// What the dead have leased is theirs for a minute: it passes here.
    async fn a_minute_passes(&self) {
        let nodes = nodes::Entity::find().all(&self.db).await.unwrap();
        let lives = nodes.iter().map(|node| node.id).max().unwrap();
        webhook_deliveries::Entity::update_many()
            .col_expr(webhook_deliveries::Column::NextAt, Expr::value(0_i64))
            .filter(webhook_deliveries::Column::State.eq(DeliveryState::Inflight))
            .filter(webhook_deliveries::Column::LeaseNode.ne(lives))
            .exec(&self.db)
            .await
            .unwrap();
    }

    async fn judge(mut self, incidents: usize) {
        // The connections of before may have been cut by a restart.
        self.db = db::connect(&self.test.url, 2).await.unwrap();
        self.a_minute_passes().await;
        let mut events = HashMap::new();
        for session in &self.sessions {
            self.wharf.until_state(session, "connected").await;
            events.extend(self.logged(session).await);
        }
        self.until_sent().await;
        for stand in &self.stands {
            let total = self.until_settled(stand, events.len()).await;
            assert_eq!(
                total,
                events.len(),
                "{:?}: one delivery of each",
                stand.kind
            );
            stand.judge(&events, incidents * OWNERS.len() * IN_FLIGHT);
        }
        let state = self.sandbox.call("GET", "/state", Value::Null).await;
        assert_eq!(
            state["counters"]["counter_reuse"], 0,
            "no Signal counter was used twice"
        );
    }

    /// The incoming messages in the log of `session` by the id of their event, each of them there once.
    async fn logged(&self, session: &str) -> HashMap<String, String> {
        let written = &self.written[session];
        let started = Instant::now();
        loop {
            let log = self.wharf.log(session).await;
            let of = |kind: &'static str| log.iter().filter(move |event| event["type"] == kind);
            let texts: Vec<(String, String)> = of("message")
                .map(|event| {
                    let text = event["data"]["text"]["body"].as_str().unwrap();
                    (event["id"].as_str().unwrap().to_owned(), text.to_owned())
                })
                .collect();
            if texts.len() >= written.len() {
                assert_eq!(texts.len(), written.len(), "each message is logged once");
                let seen: BTreeSet<String> = texts.iter().map(|(_, text)| text.clone()).collect();
                assert_eq!(&seen, written);
                assert_eq!(of("success").count(), 1, "no session needed a new pairing");
                return texts.into_iter().collect();
            }
            let seen: BTreeSet<String> = texts.into_iter().map(|(_, text)| text).collect();
            assert!(
                started.elapsed() < DEADLINE,
                "not in the log: {:?}",
                written.difference(&seen)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the phone has each message that was taken, and checks that it has each once.
    async fn until_sent(&self) {
        let started = Instant::now();
        loop {
            let path = format!("/phones/{WRITER}/messages");
            let seen = self.sandbox.call("GET", &path, Value::Null).await;
            let ids: Vec<&str> = seen["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["from"] != WRITER)
                .map(|one| one["message_id"].as_str().unwrap())
                .collect();
            let distinct: BTreeSet<&str> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len(), "the phone has none twice");
            let missing: Vec<&String> = self
                .taken
                .iter()
                .filter(|id| !distinct.contains(id.as_str()))
                .collect();
            if missing.is_empty() {
                return;
            }
            if started.elapsed() >= DEADLINE {
                let shown = self.shown(&missing).await;
                assert_eq!(shown, Vec::<Value>::new(), "not on the phone");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the service says of these messages.
    async fn shown(&self, message_ids: &[&String]) -> Vec<Value> {
        let mut shown = Vec::new();
        for (session, id) in self
            .sessions
            .iter()
            .flat_map(|session| message_ids.iter().map(move |id| (session, id)))
        {
            let path = format!("/v1/sessions/{session}/messages/{id}");
            let found = self.wharf.try_call("GET", &path, Value::Null).await;
            shown.extend(
                found
                    .filter(|(status, _)| *status == 200)
                    .map(|(_, body)| body),
            );
        }
        shown
    }

    /// Waits until a well receiver has all; none is given up, and nothing that is refused counts as delivered.
    async fn until_settled(&self, stand: &Stand, events: usize) -> usize {
        let started = Instant::now();
        loop {
            let rows = webhook_deliveries::Entity::find()
                .filter(webhook_deliveries::Column::EndpointId.eq(stand.endpoint()))
                .all(&self.db)
                .await
                .unwrap();
            let count = |state| rows.iter().filter(|row| row.state == state).count();
            assert_eq!(
                count(DeliveryState::Dead),
                0,
                "{:?}: none is given up",
                stand.kind
            );
            let delivered = count(DeliveryState::Delivered);
            if !stand.kind.is_well() {
                assert_eq!(delivered, 0, "{:?}", stand.kind);
                return rows.len();
            }
            if delivered == events {
                return rows.len();
            }
            assert!(
                started.elapsed() < 2 * DEADLINE,
                "{:?}: {delivered} of {events}",
                stand.kind
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The id of an endpoint as the database has it.
fn endpoint_id(text: &str) -> EndpointId {
    text.parse().unwrap()
}
