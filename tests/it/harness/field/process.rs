//! A process of Wharf without its HTTP face.

use std::{sync::Arc, time::Duration};

use entity::ids::NodeId;
use sea_orm::DatabaseConnection;
use wharf::{
    cluster::Node,
    db::nodes,
    domain::clock::{SharedClock, SystemClock},
    egress::Egress,
    events::Bus,
    lifecycle::{Stop, Tasks},
    media::{Place, Store},
    protocol::{Connector, ConnectorConfig},
    seal::{Master, Sealer},
    service::{
        event_log::EventLog,
        media::{Media, MediaParts},
        messages::{MessageParts, Messages},
        quotas::Quotas,
        revocation::Revocations,
        sessions::Sessions,
    },
    session::{Manager, ManagerConfig, Pacing, ProbeTimes},
    webhook::outbox::Wake,
};

use super::DEADLINE;

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
    _files: tempfile::TempDir,
}

/// What connects to the sandbox, as a client of a known version.
pub(crate) fn connector(whatsapp: &str, tasks: &Tasks) -> Connector {
    let config = ConnectorConfig {
        url: whatsapp.to_owned(),
        version: Some((2, 3000, 1_023_000_000)),
        device_name: "Wharf".into(),
    };
    Connector::new(config, tasks.clone()).unwrap()
}

impl Process {
    /// A process on `db` whose WhatsApp is at `whatsapp`; `previous` is the node that it replaces.
    pub(crate) async fn start(
        db: DatabaseConnection,
        whatsapp: &str,
        previous: Option<NodeId>,
    ) -> Self {
        Self::start_with(db, whatsapp, previous, Tuning::default()).await
    }

    /// The same, with other times.
    pub(super) async fn start_with(
        db: DatabaseConnection,
        whatsapp: &str,
        previous: Option<NodeId>,
        tuning: Tuning,
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let clock: SharedClock = Arc::new(SystemClock);
        let node = joined(&db, previous).await;
        let bus = Bus::default();
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let manager = Manager::new(ManagerConfig {
            db: db.clone(),
            node: node.clone(),
            connector: connector(whatsapp, &tasks),
            egress: egress.clone(),
            master: Arc::new(Master::from_bytes([7; 32])),
            bus: bus.clone(),
            outbox: Wake::default(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            stop: stop.clone(),
            probe: tuning.probe,
            pacing: Arc::new(tuning.pacing),
            history_days: 365,
        });
        manager.start();
        let files = tempfile::tempdir().unwrap();
        let quotas = Quotas::new(db.clone(), Arc::clone(&clock));
        let media = Media::new(MediaParts {
            db: db.clone(),
            clock: Arc::clone(&clock),
            store: Store::open(&Place::Folder(files.path().to_owned())).unwrap(),
            egress,
            manager: manager.clone(),
            scratch: files.path().to_owned(),
            names: Sealer::new(Arc::new(Master::from_bytes([7; 32])), "media.shared"),
            quotas: quotas.clone(),
        });
        Self {
            sessions: Sessions::new(
                db.clone(),
                manager.clone(),
                Arc::clone(&clock),
                Revocations::default(),
            ),
            messages: Messages::new(MessageParts {
                db: db.clone(),
                manager: manager.clone(),
                media,
                clock,
                quotas,
            }),
            log: EventLog::new(db, bus),
            manager,
            node,
            tasks,
            stop,
            _files: files,
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

/// A node whose lease outlasts any test: nothing renews it, and a machine under load must not cost it its sessions.
pub(crate) async fn joined(db: &DatabaseConnection, previous: Option<NodeId>) -> Node {
    let join = Node::join(db.clone(), "test".into(), "test".into(), previous);
    let node = join.await.unwrap();
    let lasting = Duration::from_hours(1);
    assert!(nodes::renew(db, node.id, lasting).await.unwrap());
    node
}
