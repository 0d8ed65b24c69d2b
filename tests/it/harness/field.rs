//! A sandbox with people, a database, and a node of Wharf without its HTTP face.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entity::{enums::SessionState, ids::SessionId};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use wharf::{
    cluster::Node,
    db,
    domain::{
        clock::{SharedClock, SystemClock},
        session::{Phase, Snapshot},
    },
    events::{Bus, LogEntry},
    lifecycle::{Stop, Tasks},
    protocol::{Connector, ConnectorConfig},
    seal::Master,
    service::{
        Ctx,
        event_log::EventLog,
        messages::Messages,
        revocation::Revocations,
        sessions::{NewSession, Sessions},
    },
    session::{Handle, Manager, ManagerConfig, Pacing, ProbeTimes},
    webhook::outbox::Wake,
};
use wharf_sandbox::{Config, Sandbox};

use crate::harness::{ctx::ctx_of, rows};

mod messages;

/// How long any condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

pub(crate) const ALICE: &str = "491700000101";
pub(crate) const BOB: &str = "491700000202";

/// The pace of the configuration's defaults.
pub(crate) const PACING: Pacing = Pacing {
    every: Duration::from_secs(3),
    burst: 3,
    per_character: Duration::from_millis(50),
    typing_max: Duration::from_secs(4),
};

/// What a flow may set to other times than the service's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) probe: ProbeTimes,
    pub(crate) pacing: Pacing,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            probe: ProbeTimes::default(),
            pacing: PACING,
        }
    }
}

/// One process of Wharf, as far as sessions go.
pub(crate) struct Process {
    pub(crate) manager: Manager,
    pub(crate) node: Node,
    pub(crate) sessions: Sessions,
    pub(crate) messages: Messages,
    pub(crate) log: EventLog,
    pub(crate) tasks: Tasks,
    pub(crate) stop: Stop,
}

/// Everything a flow needs.
pub(crate) struct Field {
    pub(crate) sandbox: Sandbox,
    pub(crate) db: DatabaseConnection,
    pub(crate) ctx: Ctx,
    pub(crate) process: Process,
    http: reqwest::Client,
    url: String,
    _folder: tempfile::TempDir,
}

fn master() -> Arc<Master> {
    Arc::new(Master::from_bytes([7; 32]))
}

impl Process {
    /// A process on `db` whose WhatsApp is at `whatsapp`; `previous` is the node that it replaces.
    pub(crate) async fn start(
        db: DatabaseConnection,
        whatsapp: &str,
        previous: Option<entity::ids::NodeId>,
    ) -> Self {
        Self::start_with(db, whatsapp, previous, Tuning::default()).await
    }

    /// The same, with other times.
    async fn start_with(
        db: DatabaseConnection,
        whatsapp: &str,
        previous: Option<entity::ids::NodeId>,
        tuning: Tuning,
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let clock: SharedClock = Arc::new(SystemClock);
        let node = Node::join(db.clone(), "test".into(), "test".into(), previous)
            .await
            .unwrap();
        let config = ConnectorConfig {
            url: whatsapp.to_owned(),
            version: Some((2, 3000, 1_023_000_000)),
            device_name: "Wharf".into(),
        };
        let bus = Bus::default();
        let manager = Manager::new(ManagerConfig {
            db: db.clone(),
            node: node.clone(),
            connector: Connector::new(config, tasks.clone()).unwrap(),
            master: master(),
            bus: bus.clone(),
            outbox: Wake::default(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            stop: stop.clone(),
            probe: tuning.probe,
            pacing: Arc::new(tuning.pacing),
        });
        manager.start();
        Self {
            sessions: Sessions::new(
                db.clone(),
                manager.clone(),
                Arc::clone(&clock),
                Revocations::default(),
            ),
            messages: Messages::new(db.clone(), manager.clone(), clock),
            log: EventLog::new(db, bus),
            manager,
            node,
            tasks,
            stop,
        }
    }

    /// An ordered stop: sessions first, then the node's leases.
    pub(crate) async fn stop(&self) {
        self.stop.soft();
        assert_eq!(
            self.manager.stop_all(DEADLINE).await,
            0,
            "every session ends in time"
        );
        self.node.leave().await.unwrap();
        self.stop.hard();
        assert!(self.tasks.join(DEADLINE).await, "every task ends");
    }
}

impl Field {
    pub(crate) async fn start() -> Self {
        Self::start_with(Tuning::default()).await
    }

    /// With other times than the service's own.
    pub(crate) async fn start_with(tuning: Tuning) -> Self {
        // `RUST_LOG=debug cargo test …` shows what the service says.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        drop(
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_test_writer()
                .try_init(),
        );
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            seed: Some(1),
            data: Some(folder.path().join("sandbox")),
            ..Config::default()
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let url = format!("sqlite://{}", folder.path().join("wharf.db").display());
        let db = db::connect(&url, 5).await.unwrap();
        db::migrate::migrate(&db).await.unwrap();
        let owner = rows::user();
        let ctx = ctx_of(owner.id);
        db::users::insert(&db, owner).await.unwrap();
        let process = Process::start_with(db.clone(), &sandbox.ws_url(), None, tuning).await;
        Self {
            sandbox,
            db,
            ctx,
            process,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url,
            _folder: folder,
        }
    }

    /// Another connection to the same database, as a second process has one.
    pub(crate) async fn connect_again(&self) -> DatabaseConnection {
        db::connect(&self.url, 5).await.unwrap()
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("http://{}/sandbox{path}", self.sandbox.addr());
        let mut call = self.http.request(method.parse().unwrap(), url);
        if !body.is_null() {
            call = call.json(&body);
        }
        let answer = call.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or(Value::Null);
        assert!(status.is_success(), "{method} {path}: {status} {body}");
        body
    }

    /// A session that has not been connected.
    pub(crate) async fn session(&self) -> SessionId {
        let new = NewSession::default();
        self.process
            .sessions
            .create(&self.ctx, new)
            .await
            .unwrap()
            .id
    }

    /// A session that the phone of `number` has scanned and that is logged in.
    pub(crate) async fn pair(&self, number: &str) -> SessionId {
        let session = self.session().await;
        self.process
            .sessions
            .connect(&self.ctx, &session.to_string())
            .await
            .unwrap();
        let qr = self.qr(session).await;
        self.control(
            "POST",
            &format!("/phones/{number}/scan"),
            json!({ "qr": qr }),
        )
        .await;
        self.until(session, |state| state.phase == Phase::Connected)
            .await;
        session
    }

    pub(crate) fn handle(&self, session: SessionId) -> Handle {
        self.process.manager.get(session).expect("the session runs")
    }

    /// The QR code that the session shows.
    pub(crate) async fn qr(&self, session: SessionId) -> String {
        let state = self
            .until(session, |state| state.phase.qr().is_some())
            .await;
        state.phase.qr().unwrap().code.clone()
    }

    /// Waits for a look at the running session.
    pub(crate) async fn until(
        &self,
        session: SessionId,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> Snapshot {
        let mut watch = self.handle(session).watch();
        let waiting = watch.wait_for(|state| wanted(state));
        let Ok(seen) = tokio::time::timeout(DEADLINE, waiting).await else {
            panic!("it stays {:?}", self.handle(session).snapshot())
        };
        seen.expect("the session still runs").clone()
    }

    /// Waits for the state that the API shows.
    pub(crate) async fn until_shown(
        &self,
        session: SessionId,
        state: SessionState,
        reason: Option<&str>,
    ) {
        let reference = session.to_string();
        let started = Instant::now();
        loop {
            let view = self
                .process
                .sessions
                .get(&self.ctx, &reference)
                .await
                .unwrap();
            if view.state == state && view.reason.as_deref() == reason {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "it stays {} {:?}",
                view.state,
                view.reason
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// All events of the session's log, checked to be without a hole.
    pub(crate) async fn events(&self, session: SessionId) -> Vec<Arc<LogEntry>> {
        let page = self
            .process
            .log
            .page(&self.ctx, &session.to_string(), 0, &[], 10_000)
            .await;
        let page = page.unwrap().entries;
        for (index, entry) in page.iter().enumerate() {
            assert_eq!(
                entry.seq,
                i64::try_from(index).unwrap() + 1,
                "the log has no hole"
            );
        }
        page
    }

    /// The names of the events of the session's log.
    pub(crate) async fn event_names(&self, session: SessionId) -> Vec<String> {
        self.events(session)
            .await
            .iter()
            .map(|entry| entry.kind.to_string())
            .collect()
    }

    /// Waits until the log holds `count` events of `kind`, and gives their data.
    pub(crate) async fn until_logged(
        &self,
        session: SessionId,
        kind: &str,
        count: usize,
    ) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let events = self.events(session).await;
            let found: Vec<Value> = events
                .iter()
                .filter(|entry| &*entry.kind == kind)
                .map(|entry| serde_json::from_str(&entry.data).unwrap())
                .collect();
            if found.len() >= count {
                return found;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{} of {count} {kind} events",
                found.len()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}
