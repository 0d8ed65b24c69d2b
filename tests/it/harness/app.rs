//! The service with its HTTP face on a port of its own, a database of its own and a clock that is moved by hand.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entity::{enums::Role, users};
use sea_orm::DatabaseConnection;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wharf::{
    db::{self, users::Inserted},
    domain::clock::{Clock, SharedClock},
    egress::Egress,
    events::Bus,
    http::{self, Api, Build, Info, Parts, Settings, compat},
    lifecycle::{Stop, Tasks},
    media::{Place, Store},
    seal::{Master, Sealer},
    service::{
        auth::AuthParts,
        credentials::SessionCredentials,
        event_log::EventLog,
        media::{Media, MediaParts},
        messages::{MessageParts, Messages},
        passwords::Passwords,
        quotas::Quotas,
        revocation::Revocations,
        sessions::Sessions,
        tokens::Tokens,
        webhooks::WebhookParts,
    },
    session::{Manager, ManagerConfig, ProbeTimes},
    webhook::{outbox::Wake, render::Native, sender::Sender, target::Vault},
};
use wharf_sandbox::Sandbox;

use crate::harness::{
    clock::HandClock,
    databases::{migrated_file, sqlite_url},
    field::{PACING, connector, joined},
    rows,
};

mod caller;
mod log;
pub(crate) mod phones;

pub(crate) use caller::{Answer, Caller, Socket, closed, frame, frame_of, say};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const PASSWORD: &str = "correct horse battery";

/// [`PASSWORD`] at the lowest cost that argon2id has: a check costs what the hash says, and most tests sign in.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$LVTE8sBNedS4txUrkTv7ug$VOqjmMnsBMAs/VsoowYK1riiZOYS0rhNcajzbqMKW5s";

/// The operator's one token.
pub(crate) const OPERATOR: &str = "the-operators-own-token";

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
        super::show_logs();
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
        let file = folder.path().join("wharf.db");
        let url = if file.exists() {
            sqlite_url(&file)
        } else {
            migrated_file(&file)
        };
        let db = db::connect(&url, 5).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        settings.public_url = format!("http://{addr}");

        let clock = Arc::new(HandClock::default());
        let shared: SharedClock = clock.clone();
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let bus = Bus::default();
        let node = joined(&db, None).await;
        let master = Arc::new(Master::from_bytes([7; 32]));
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let manager = Manager::new(ManagerConfig {
            db: db.clone(),
            node,
            connector: connector(whatsapp, &tasks),
            egress: egress.clone(),
            master: Arc::clone(&master),
            bus: bus.clone(),
            outbox: Wake::default(),
            clock: shared.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
            probe: ProbeTimes::default(),
            pacing: Arc::new(PACING),
            history_days: 365,
        });
        manager.start();
        let place = Place::Folder(folder.path().join("media"));
        let quotas = Quotas::new(db.clone(), shared.clone());
        let media = Media::new(MediaParts {
            db: db.clone(),
            clock: shared.clone(),
            store: Store::open(&place).unwrap(),
            egress: egress.clone(),
            manager: manager.clone(),
            scratch: folder.path().to_owned(),
            names: Sealer::new(Arc::clone(&master), "media.shared"),
            quotas: quotas.clone(),
        });
        let access = compat::Access {
            token: Some(SecretString::from(OPERATOR)),
            is_open: false,
        };
        let dialects = [
            compat::header_session::dialect(Some(access)),
            compat::wasender::dialect((Some(vec!["*".to_owned()]), settings.public_url.clone())),
            compat::multisession::dialect(Some(vec!["*".to_owned()])),
        ];
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
            quotas: quotas.clone(),
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
                outer: None,
                loopback,
            },
            credentials: SessionCredentials::new(
                db.clone(),
                shared.clone(),
                master,
                revocations.clone(),
            ),
            sessions: Sessions::new(db.clone(), manager.clone(), shared.clone(), revocations),
            messages: Messages::new(MessageParts {
                db: db.clone(),
                manager,
                media: media.clone(),
                clock: shared.clone(),
                quotas: quotas.clone(),
            }),
            log: EventLog::new(db.clone(), bus.clone()),
            webhooks,
            media,
            quotas,
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
        let router = http::router(api.clone(), dialects);
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

    /// Where the files are.
    pub(crate) fn media_folder(&self) -> PathBuf {
        self.folder.path().join("media")
    }

    /// How many files there are, halves included.
    pub(crate) fn stored_files(&self) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap();
            let paths = entries.map(|entry| entry.unwrap().path());
            paths
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(&self.media_folder())
    }

    /// Where it listens, for bytes that no client would send.
    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }

    /// A caller without a credential.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::stranger(self.addr)
    }

    /// The administrator, made if there is none, signed in.
    pub(crate) async fn admin(&self) -> Caller {
        self.enrol("admin", Role::Admin).await;
        self.sign_in("admin").await
    }

    /// A user of this name, made after the administrator, and signed in.
    pub(crate) async fn user(&self, name: &str) -> Caller {
        self.enrol("admin", Role::Admin).await;
        let made = self.enrol(name, Role::User).await;
        assert!(matches!(made, Inserted::Done(_)), "{name} is taken");
        self.sign_in(name).await
    }

    /// Writes a user as the service does.
    async fn enrol(&self, name: &str, role: Role) -> Inserted {
        let user = users::Model {
            username: name.to_owned(),
            password_hash: PASSWORD_HASH.to_owned(),
            role,
            created_at: self.clock.now_ms(),
            updated_at: self.clock.now_ms(),
            ..rows::user()
        };
        db::users::insert(&self.db, user).await.unwrap()
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

    /// The administrator deactivates a user.
    pub(crate) async fn shut_out(&self, user: &Caller) {
        let path = format!("/v1/users/{}", user.id().await);
        let admin = self.admin().await;
        let off = json!({"is_active": false});
        admin.patch(&path, off).await.expect(200);
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
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.hard();
    }
}
