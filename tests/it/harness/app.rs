//! The service with its HTTP face on a port of its own, a database of its own and a clock that is moved by hand.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use entity::{enums::LeaseKind, events, ids::EventId, leases};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, header::HeaderMap};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseConnection, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use wharf::{
    cluster::Node,
    db,
    domain::clock::{Clock, SharedClock},
    events::{Bus, LogEntry},
    http::{self, Api, Build, Info, Parts, Settings},
    lifecycle::{Stop, Tasks},
    protocol::{Connector, ConnectorConfig},
    seal::Master,
    service::{
        auth::AuthParts,
        event_log::EventLog,
        messages::Messages,
        passwords::Passwords,
        revocation::Revocations,
        sessions::Sessions,
        tokens::Tokens,
        users::{Bootstrap, bootstrap},
        webhooks::WebhookParts,
    },
    session::{Manager, ManagerConfig, ProbeTimes},
    webhook::{egress::Egress, outbox::Wake, render::Native, sender::Sender, target::Vault},
};
use wharf_sandbox::Sandbox;

use crate::harness::{clock::HandClock, field::PACING};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running service.
pub(crate) struct TestApp {
    pub(crate) addr: SocketAddr,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) db: DatabaseConnection,
    pub(crate) api: Api,
    pub(crate) bus: Bus,
    pub(crate) stop: Stop,
    phones: Option<(Sandbox, tempfile::TempDir)>,
    folder: Arc<tempfile::TempDir>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// As if it listened for everybody, where documented passwords are refused.
    pub(crate) async fn start_public() -> Self {
        Self::start_as(Settings::default(), false).await
    }

    /// With settings of the operator; no user yet.
    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self::start_as(settings, true).await
    }

    /// With a sandbox to connect to.
    pub(crate) async fn start_with_phones() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = wharf_sandbox::Config {
            seed: Some(1),
            data: Some(folder.path().join("sandbox")),
            ..wharf_sandbox::Config::default()
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let url = sandbox.ws_url();
        let mut app = Self::start_on(Settings::default(), true, &url).await;
        app.phones = Some((sandbox, folder));
        app
    }

    async fn start_as(settings: Settings, loopback: bool) -> Self {
        // Nothing listens there: these tests need no WhatsApp.
        Self::start_on(settings, loopback, "ws://127.0.0.1:9/ws/chat").await
    }

    /// Another process on the same database; its clock stands where this one's does.
    pub(crate) async fn beside(&self) -> Self {
        let folder = Arc::clone(&self.folder);
        let other = Self::start_in(
            folder,
            Settings::default(),
            true,
            "ws://127.0.0.1:9/ws/chat",
        );
        let other = other.await;
        other.clock.set(self.clock.now_ms());
        other
    }

    async fn start_on(settings: Settings, loopback: bool, whatsapp: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::start_in(folder, settings, loopback, whatsapp).await
    }

    async fn start_in(
        folder: Arc<tempfile::TempDir>,
        mut settings: Settings,
        loopback: bool,
        whatsapp: &str,
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = format!("sqlite://{}", folder.path().join("wharf.db").display());
        let db = db::connect(&url, 5).await.unwrap();
        db::migrate::migrate(&db).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        settings.public_url = format!("http://{addr}");

        let clock = Arc::new(HandClock::default());
        let shared: SharedClock = clock.clone();
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let bus = Bus::default();
        let node = Node::join(db.clone(), "test".into(), "test".into(), None)
            .await
            .unwrap();
        let connector = ConnectorConfig {
            url: whatsapp.into(),
            version: Some((2, 3000, 1_023_000_000)),
            device_name: "Wharf".into(),
        };
        let manager = Manager::new(ManagerConfig {
            db: db.clone(),
            node,
            connector: Connector::new(connector, tasks.clone()).unwrap(),
            master: Arc::new(Master::from_bytes([7; 32])),
            bus: bus.clone(),
            outbox: Wake::default(),
            clock: shared.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            probe: ProbeTimes::default(),
            pacing: Arc::new(PACING),
        });
        manager.start();
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let master = Arc::new(Master::from_bytes([7; 32]));
        let webhooks = WebhookParts {
            db: db.clone(),
            clock: shared.clone(),
            vault: Vault::new(&master),
            sender: Sender::new(
                egress.clone(),
                Arc::new(Native),
                shared.clone(),
                Duration::from_secs(2),
            ),
            egress,
            wake: Wake::default(),
        };
        let tokens = Tokens::new(&SecretString::from("k".repeat(43)), None);
        let revocations = Revocations::default();
        let api = Api::new(Parts {
            auth: AuthParts {
                db: db.clone(),
                clock: shared.clone(),
                tokens,
                passwords: Passwords::new().unwrap(),
                revocations: revocations.clone(),
                loopback,
            },
            sessions: Sessions::new(db.clone(), manager.clone(), shared.clone(), revocations),
            messages: Messages::new(db.clone(), manager, shared.clone()),
            log: EventLog::new(db.clone(), bus.clone()),
            webhooks,
            stop: stop.clone(),
            tasks: tasks.clone(),
            scrape: wharf::telemetry::metrics::recorder().unwrap(),
            about: Info {
                version: "test".into(),
                build: Build::THIS,
                whatsapp_url: whatsapp.into(),
                node: "nod_test".into(),
            },
            settings,
        });
        let router = http::router(api.clone());
        let soft = stop.soft_token();
        tasks.spawn("test.http", async move {
            axum::serve(
                listener,
                router.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .with_graceful_shutdown(soft.cancelled_owned())
            .await
            .unwrap();
        });
        Self {
            addr,
            clock,
            db,
            api,
            bus,
            stop,
            phones: None,
            folder,
        }
    }

    /// A caller without a credential.
    pub(crate) fn stranger(&self) -> Caller {
        Caller {
            addr: self.addr,
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            headers: HeaderMap::new(),
        }
    }

    /// The administrator, made if there is none, signed in.
    pub(crate) async fn admin(&self) -> Caller {
        let made = bootstrap(&self.api.users, "admin", Some(PASSWORD))
            .await
            .unwrap();
        assert!(!matches!(made, Bootstrap::NeedsSetup));
        self.sign_in("admin").await
    }

    /// A user of this name, made and signed in.
    pub(crate) async fn user(&self, name: &str) -> Caller {
        let admin = self.admin().await;
        let body = json!({"username": name, "password": PASSWORD});
        admin.post("/v1/users", body).await.expect(201);
        self.sign_in(name).await
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Caller {
        let tokens = self.log_in(name).await;
        self.stranger()
            .bearer(tokens["access_token"].as_str().unwrap())
    }

    /// What a sign-in answers.
    pub(crate) async fn log_in(&self, name: &str) -> Value {
        let body = json!({"username": name, "password": PASSWORD});
        self.stranger()
            .post("/v1/auth/login", body)
            .await
            .expect(200)
    }

    /// Asks the sandbox's control; for apps with phones.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let (sandbox, _) = self.phones.as_ref().expect("an app with phones");
        let caller = Caller {
            addr: sandbox.addr(),
            ..self.stranger()
        };
        let body = (!body.is_null()).then(|| body.to_string());
        let path = format!("/sandbox{path}");
        let answer = caller.send(method.parse().unwrap(), &path, body).await;
        assert!(
            answer.status.is_success(),
            "{method} {path}: {}",
            answer.json()
        );
        answer.json()
    }

    /// Waits until so many sockets are open.
    pub(crate) async fn until_sockets(&self, count: usize) {
        let reached = async {
            while self.api.live.len() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(DEADLINE, reached).await;
        assert!(reached.is_ok(), "{} sockets are open", self.api.live.len());
    }

    /// Drops the events before `seq`, as retention does.
    pub(crate) async fn forget_before(&self, session: &str, seq: i64) {
        let session: entity::ids::SessionId = session.parse().unwrap();
        events::Entity::delete_many()
            .filter(events::Column::SessionId.eq(session))
            .filter(events::Column::Seq.lt(seq))
            .exec(&self.db)
            .await
            .unwrap();
    }

    /// Writes an event to the log of a session and tells the live readers, as the session itself does.
    pub(crate) async fn emit(&self, session: &str, kind: &str, data: Value) -> i64 {
        let entry = self.write(session, kind, data).await;
        self.bus.publish(std::slice::from_ref(&entry));
        entry.seq
    }

    /// Writes an event to the log of a session and tells nobody, as another node does.
    pub(crate) async fn write(&self, session: &str, kind: &str, data: Value) -> Arc<LogEntry> {
        // Its methods would stand in the way of `bool`'s elsewhere.
        use sea_orm::sea_query::ExprTrait as _;

        let session: entity::ids::SessionId = session.parse().unwrap();
        let tx = db::begin(&self.db).await.unwrap();
        leases::Entity::update_many()
            .col_expr(
                leases::Column::LastSeq,
                Expr::col(leases::Column::LastSeq).add(1),
            )
            .filter(leases::Column::Kind.eq(LeaseKind::Session))
            .filter(leases::Column::LeaseKey.eq(session.uuid()))
            .exec(&tx)
            .await
            .unwrap();
        let seq = db::leases::find(&tx, session)
            .await
            .unwrap()
            .unwrap()
            .last_seq;
        let owner = entity::sessions::Entity::find_by_id(session)
            .one(&tx)
            .await
            .unwrap()
            .unwrap()
            .owner_id;
        let row = events::Model {
            session_id: session,
            seq,
            id: EventId::new(),
            owner_id: owner,
            event_type: kind.into(),
            payload: data.to_string(),
            dedupe_key: None,
            created_at: self.clock.now_ms(),
        };
        let mut script = db::Script::new(tx.get_database_backend());
        db::events::insert(&mut script, vec![row.clone()]);
        assert!(script.run(&tx).await.unwrap());
        tx.commit().await.unwrap();
        Arc::new(row.into())
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.hard();
    }
}

/// Somebody who calls the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    addr: SocketAddr,
    from: IpAddr,
    headers: HeaderMap,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body, after a look at the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.json());
        self.json()
    }

    /// A fault in its documented shape, with this status and this word.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(self.status.as_u16(), status, "{body}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(
            body["request_id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
        assert_eq!(body["type"], format!("urn:wharf:error:{code}"));
        body
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Caller {
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(name, value.parse().unwrap());
        other
    }

    /// The same caller from another loopback address.
    pub(crate) fn from(&self, last: u8) -> Self {
        Self {
            from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)),
            ..self.clone()
        }
    }

    pub(crate) fn token(&self) -> String {
        let value = self.headers["authorization"].to_str().unwrap();
        value.strip_prefix("Bearer ").unwrap().to_owned()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(self.from)
            .build()
            .unwrap();
        let mut request = client
            .request(method, format!("http://{}{path}", self.addr))
            .headers(self.headers.clone());
        if let Some(body) = body {
            if !self.headers.contains_key("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            bytes: response.bytes().await.unwrap().into(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// A session of the caller's; gives its id.
    pub(crate) async fn session(&self, handle: &str) -> String {
        let made = self.post("/v1/sessions", json!({"handle": handle})).await;
        made.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Opens a socket, or gives the HTTP refusal.
    pub(crate) async fn socket(&self, path: &str) -> Result<Socket, Answer> {
        let url = format!("ws://{}{path}", self.addr);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(Answer {
                status: response.status(),
                headers: response.headers().clone(),
                bytes: response.into_body().unwrap_or_default(),
            }),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The next text frame.
pub(crate) async fn frame(socket: &mut Socket) -> Value {
    loop {
        let next = tokio::time::timeout(DEADLINE, socket.next());
        match next.await.expect("a frame comes in time") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The code and the reason of the close that comes next, whatever comes before it.
pub(crate) async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        let next = tokio::time::timeout(DEADLINE, socket.next());
        match next.await.expect("a close comes in time") {
            Some(Ok(Message::Close(Some(close)))) => {
                return (close.code.into(), close.reason.to_string());
            }
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}
