//! A sandbox with people, a database, and a process of Wharf without its HTTP face.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entity::{enums::SessionState, ids::SessionId};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use wharf::{
    db,
    domain::session::{Phase, Snapshot},
    events::LogEntry,
    service::{Ctx, sessions::NewSession},
    session::Handle,
};
use wharf_sandbox::{Config, Sandbox};

use crate::harness::{ctx::ctx_of, databases::migrated_file, http_client, rows};

mod messages;
mod process;

pub(crate) use process::{PACING, Process, Tuning, connector, joined};

/// How long any condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

pub(crate) const ALICE: &str = "491700000101";
pub(crate) const BOB: &str = "491700000202";

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

impl Field {
    pub(crate) async fn start() -> Self {
        Self::start_with(Tuning::default()).await
    }

    /// With other times than the service's own.
    pub(crate) async fn start_with(tuning: Tuning) -> Self {
        super::show_logs();
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            seed: Some(1),
            data: Some(folder.path().join("sandbox")),
            ..Config::default()
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let url = migrated_file(&folder.path().join("wharf.db"));
        let db = db::connect(&url, 5).await.unwrap();
        let owner = rows::user();
        let ctx = ctx_of(owner.id);
        db::users::insert(&db, owner).await.unwrap();
        let process = Process::start_with(db.clone(), &sandbox.ws_url(), None, tuning).await;
        Self {
            sandbox,
            db,
            ctx,
            process,
            http: http_client().build().unwrap(),
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
        self.connect(session).await;
        let qr = self.qr(session).await;
        self.scan(number, &qr).await;
        self.until_connected(session).await;
        session
    }

    pub(crate) async fn connect(&self, session: SessionId) {
        let (sessions, reference) = (&self.process.sessions, session.to_string());
        sessions.connect(&self.ctx, &reference).await.unwrap();
    }

    /// The phone of `number` scans a QR code.
    pub(crate) async fn scan(&self, number: &str, qr: &str) {
        let path = format!("/phones/{number}/scan");
        self.control("POST", &path, json!({ "qr": qr })).await;
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

    pub(crate) async fn until_connected(&self, session: SessionId) {
        self.until(session, |state| state.phase == Phase::Connected)
            .await;
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
