//! The composition root: from a configuration to a running service, and back down in order.
//!
//! The only file that knows every part. Owns the order of the start and of the stop. Must never hold policy: it
//! hands parts to each other. `cli` calls [`App::start`] and [`App::run`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{Node, SELF_FENCE_AFTER},
    config::{Config, DataDir},
    db,
    domain::clock::{SharedClock, SystemClock},
    egress::{self, Egress},
    events::{self, Bus},
    http::{
        self, Api, Build, Info,
        compat::{self, Dialect},
        server::{self, Entrance, tls::Tls},
    },
    lifecycle::{Stop, Tasks},
    media::{self, Store},
    protocol::{Connector, ConnectorConfig, trust},
    seal::{self, Sealer},
    service::{
        auth::AuthParts,
        credentials::SessionCredentials,
        event_log::EventLog,
        media::{Eager, Media, MediaParts},
        messages::{MessageParts, Messages},
        passwords::Passwords,
        quotas::Quotas,
        revocation::Revocations,
        sessions::Sessions,
        users::Users,
        webhooks::WebhookParts,
    },
    session::{Manager, ManagerConfig, ProbeTimes},
    telemetry,
    webhook::{
        dispatcher::{self, Dispatcher, Limits},
        outbox::Wake,
        render::Shapes,
        retention::Retention,
        sender::Sender,
        target::Vault,
    },
};

mod background;
mod error;
mod greeting;
mod parts;
mod previous;
mod whatsapp;

use background::{change_keys, fold, serve_http};
pub use error::Error;
use greeting::{announce, first_user, public_url};
use parts::{
    header_session, key_source, multisession, outer, pacing, place, settings, tls, tokens, wasender,
};

/// How long an ordered stop may take before the rest is cut off.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// Of that, how long the dispatcher may finish what it is posting.
const POSTS_WITHIN: Duration = Duration::from_secs(10);
/// Of that, how long requests may finish.
const REQUESTS_WITHIN: Duration = Duration::from_secs(8);
/// Of that, how long sessions may close.
const SESSIONS_WITHIN: Duration = Duration::from_secs(15);

/// A started service.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    manager: Manager,
    node: Node,
    tasks: Tasks,
    stop: Stop,
    whatsapp: whatsapp::WhatsApp,
    /// Falls when the last connection has ended.
    drained: CancellationToken,
    // Held until the very end: a second process must not open what this one still writes.
    _data: DataDir,
}

impl App {
    /// Starts every part; the service answers once this returns.
    pub async fn start(mut config: Config, stop: Stop) -> Result<Self, Error> {
        egress::install_crypto();
        if Build::THIS == Build::Live && trust::accepts_forged_chain() {
            return Err(Error::Untrusted);
        }
        let data = DataDir::open(&config.data.dir)?;
        data.fill_secrets(&mut config)?;
        // Bound first: a port that is taken is the commonest fault, and nothing has happened yet.
        let listener = server::bind(config.listen()).await?;
        let tls = tls(&config)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let db = db::connect(
            config.database_url().expose_secret(),
            config.database.max_connections,
        )
        .await
        .map_err(Error::Database)?;
        db::migrate::migrate(&db).await?;
        let other = config.auth.other_master_key.as_ref();
        let master = seal::unlock(&db, &key_source(&config), other).await?;

        let tasks = Tasks::new(&stop);
        let scrape = telemetry::metrics::recorder().map_err(Error::Metrics)?;
        fold(&scrape, &tasks, &stop);
        let clock: SharedClock = Arc::new(SystemClock);
        let whatsapp = whatsapp::WhatsApp::start(&config).await?;
        let previous = previous::take(data.path())?;
        let host = crate::config::host_name();
        // A row that is written later than that belongs to a node which may not trust it any more.
        let joined = Node::join(db.clone(), host, address.to_string(), previous);
        let node = tokio::time::timeout(SELF_FENCE_AFTER, joined)
            .await
            .map_err(|_| Error::Locked)?
            .map_err(Error::Database)?;
        previous::put(data.path(), node.id)?;
        node.start(&tasks, &stop);

        if master.is_changing() {
            tasks.spawn("seal.anew", change_keys(db.clone(), Arc::clone(&master)));
        }
        let (bus, wake) = (Bus::default(), Wake::default());
        let connector = ConnectorConfig {
            url: whatsapp.url().to_owned(),
            version: whatsapp.version(),
            device_name: config.sessions.device_name.clone(),
        };
        let egress = Egress::new(config.egress_allow()).map_err(Error::Egress)?;
        let manager = Manager::new(ManagerConfig {
            db: db.clone(),
            node: node.clone(),
            connector: Connector::new(connector, tasks.clone())?,
            egress: egress.clone(),
            master: Arc::clone(&master),
            bus: bus.clone(),
            outbox: wake.clone(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            stop: stop.clone(),
            probe: ProbeTimes::default(),
            pacing: Arc::new(pacing(&config.pacing)),
            history_days: config.sessions.history_days,
        });
        let public_url = public_url(&config, address);
        let dialects = [
            compat::header_session::dialect(header_session(&config)),
            compat::wasender::dialect(wasender(&config, &public_url)),
            compat::multisession::dialect(multisession(&config)),
        ];
        let shapes = dialects.iter().flat_map(Dialect::shapes);
        let sender = Sender::new(
            egress.clone(),
            Arc::new(Shapes::with(shapes)),
            Arc::clone(&clock),
            Duration::from_millis(config.webhooks.timeout_ms),
        );
        let vault = Vault::new(&master);
        let files = Store::open(&place(&config, data.path())).map_err(Error::Media)?;
        let quotas = Quotas::new(db.clone(), Arc::clone(&clock));
        let media = Media::new(MediaParts {
            db: db.clone(),
            clock: Arc::clone(&clock),
            store: files.clone(),
            egress: egress.clone(),
            manager: manager.clone(),
            scratch: data.path().to_owned(),
            names: Sealer::new(Arc::clone(&master), "media.shared"),
            quotas: quotas.clone(),
        });
        let eager = Eager::new(media.clone());
        let unused = media::retention::Retention::new(
            db.clone(),
            Arc::clone(&clock),
            files,
            config.media.retention_days,
        );
        let webhooks = WebhookParts {
            db: db.clone(),
            clock: Arc::clone(&clock),
            vault: vault.clone(),
            egress,
            sender: sender.clone(),
            wake: wake.clone(),
            quotas: quotas.clone(),
        };
        let retention = Retention::new(
            db.clone(),
            Arc::clone(&clock),
            config.webhooks.retention_days,
        );
        let keep = events::retention::Keep {
            days: config.events.retention_days,
            count: config.events.retention_count,
        };
        let logs = events::retention::Retention::new(db.clone(), Arc::clone(&clock), keep);
        let dispatcher = Dispatcher::new(dispatcher::Parts {
            db: db.clone(),
            node: node.id,
            clock: Arc::clone(&clock),
            vault,
            sender,
            wake,
            jitter: Arc::new(rand::random::<f64>),
            bus: bus.clone(),
            limits: Limits {
                total: usize::try_from(config.webhooks.concurrency).unwrap_or(usize::MAX),
                ..Limits::default()
            },
            tick: dispatcher::TICK,
            lease: dispatcher::LEASE,
        });

        let auth = AuthParts {
            db: db.clone(),
            clock: Arc::clone(&clock),
            tokens: tokens(&config)?,
            passwords: Passwords::new().map_err(Error::Passwords)?,
            revocations: Revocations::default(),
            outer: outer(&config, &clock)?,
            loopback: config.is_loopback(),
        };
        let users = Users::new(&auth);
        let sessions = Sessions::new(
            db.clone(),
            manager.clone(),
            Arc::clone(&clock),
            auth.revocations.clone(),
        );
        let credentials = SessionCredentials::new(
            db.clone(),
            Arc::clone(&clock),
            master,
            auth.revocations.clone(),
        );
        let api = Api::new(http::Parts {
            auth,
            sessions,
            credentials,
            messages: Messages::new(MessageParts {
                db: db.clone(),
                manager: manager.clone(),
                media: media.clone(),
                clock,
                quotas: quotas.clone(),
            }),
            log: EventLog::new(db, bus),
            webhooks,
            media,
            quotas,
            stop: stop.clone(),
            tasks: tasks.clone(),
            scrape,
            about: Info {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                build: Build::THIS,
                whatsapp_url: whatsapp.url().to_owned(),
                node: node.id.to_string(),
            },
            settings: settings(&config, &public_url, whatsapp.control_url()),
        });
        let setup = first_user(&config, &users)
            .await?
            .then(|| api.setup.issue());
        announce(&config, &whatsapp, &public_url, setup.as_deref());

        tasks.spawn("auth.watch", api.auth.clone().serve(stop.clone()));
        tasks.spawn("audit.retention", api.audit.clone().serve(stop.clone()));
        let router = http::router(api, dialects);
        let entrance = Entrance {
            listener,
            limits: server::Limits::from(&config.http),
            tls: tls
                .as_ref()
                .map(Tls::acceptor)
                .transpose()
                .map_err(Error::Tls)?,
        };
        let drained = serve_http(entrance, router, &tasks, &stop);
        if let Some(tls) = tls {
            tasks.spawn("http.certificate", tls.serve(stop.clone()));
        }
        let dispatching = dispatcher.serve(stop.clone(), POSTS_WITHIN);
        tasks.spawn_critical("webhook.dispatch", &stop, dispatching);
        tasks.spawn("webhook.retention", retention.serve(stop.clone()));
        tasks.spawn("events.retention", logs.serve(stop.clone()));
        tasks.spawn("media.retention", unused.serve(stop.clone()));
        tasks.spawn("media.eager", eager.serve(stop.clone()));
        manager.start();
        Ok(Self {
            address,
            manager,
            node,
            tasks,
            stop,
            whatsapp,
            drained,
            _data: data,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the stop, then stops in order: no new work, sessions closed with their pairings kept, posts
    /// finished, leases given back.
    pub async fn run(self) -> Result<(), Error> {
        let soft = self.stop.soft_token();
        let died = self.tasks.died();
        let adrift = self.stop.adrift_token();
        let fault = tokio::select! {
            biased;
            () = adrift.cancelled() => Some(Error::Adrift),
            () = soft.cancelled() => None,
            () = died.cancelled() => Some(Error::Crashed),
        };
        self.stop.soft();
        tracing::info!("stopping: no new work is taken");
        let stop = self.stop.clone();
        let ended = tokio::time::timeout(STOP_WITHIN, self.wind_down()).await;
        stop.hard();
        match ended {
            Ok(()) => fault.map_or(Ok(()), Err),
            Err(_) => Err(Error::StopTookTooLong),
        }
    }

    async fn wind_down(self) {
        let hard = self.stop.hard_token();
        let orderly = async {
            // Requests first: one that is under way may need its session.
            let requests = self.drained.cancelled();
            if tokio::time::timeout(REQUESTS_WITHIN, requests)
                .await
                .is_err()
            {
                tracing::warn!("some requests did not end in time and are cut off");
            }
            let stuck = self.manager.stop_all(SESSIONS_WITHIN).await;
            if stuck > 0 {
                tracing::warn!("{stuck} sessions did not close in time");
            }
            if self.stop.adrift_token().is_cancelled() {
                // They run out by themselves; another node may have them already.
                return;
            }
            if let Err(error) = self.node.leave().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "the leases could not be given back; they run out by themselves"
                );
            }
        };
        tokio::select! {
            () = orderly => {}
            () = hard.cancelled() => tracing::warn!("stopped at once, as asked twice"),
        }
        // What is left only waits for the hard token: the renewal of the lease, and sockets that do not answer.
        self.stop.hard();
        if !self.tasks.join(Duration::from_secs(5)).await {
            tracing::warn!("{} tasks did not end", self.tasks.len());
        }
        self.whatsapp.stop().await;
    }
}
