//! The owner of all live sessions: claims them, starts their actors, and decides what follows when one ends.
//!
//! Owns the registry. Must never let two actors of one session run here, and never run one without a lease.

use std::{sync::Arc, time::Duration};

use dashmap::DashMap;
use entity::{enums::SessionState, ids::SessionId};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{Mutex, Notify};

use super::{
    handle::Handle, journal::JournalError, pacing::Pacing, probe::ProbeTimes, proxies::Proxies,
    telling,
};
use crate::{
    cluster::Node,
    db::{self, leases},
    domain::{
        clock::SharedClock,
        session::{Phase, Reason},
    },
    egress::{Egress, ProxyError},
    events::Bus,
    lifecycle::{Stop, Tasks},
    protocol::{Connector, OpenError, store},
    seal::Master,
    webhook::outbox::Wake,
};

mod insist;
mod launch;
mod left_over;
mod supervise;

use launch::first_look;

/// How often unclaimed sessions are looked for, when nobody nudges.
const CLAIM_EVERY: Duration = Duration::from_secs(2);
/// How long a session may take to end.
const CLOSE: Duration = Duration::from_secs(30);

/// What a manager is made of.
#[derive(Debug, Clone)]
pub struct ManagerConfig {
    /// The pool.
    pub db: DatabaseConnection,
    /// This node.
    pub node: Node,
    /// Opens clients.
    pub connector: Connector,
    /// The way out to the proxies of sessions.
    pub egress: Egress,
    /// Seals device state.
    pub master: Arc<Master>,
    /// The live bus.
    pub bus: Bus,
    /// Wakes the webhook dispatcher.
    pub outbox: Wake,
    /// Time.
    pub clock: SharedClock,
    /// Owns the actors.
    pub tasks: Tasks,
    /// The stop tokens.
    pub stop: Stop,
    /// How soon a session that hears nothing is found.
    pub probe: ProbeTimes,
    /// How fast sessions with `account_protection` send.
    pub pacing: Arc<Pacing>,
    /// How many days back messages of the past are taken over.
    pub history_days: u32,
}

/// A session could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// The last event could not be written.
    #[error("the session's state could not be written")]
    Journal(#[from] JournalError),
    /// The device state could not be opened.
    #[error("the session's device state could not be opened")]
    Store(#[source] store::Error),
    /// The client could not be opened.
    #[error("the session's client could not be opened")]
    Open(#[from] OpenError),
    /// The session did not end in time.
    #[error("the session did not end in time")]
    Stuck,
}

/// The owner of all live sessions of this node. Clones are the same manager.
#[derive(Debug, Clone)]
pub struct Manager {
    parts: Arc<ManagerConfig>,
    proxies: Proxies,
    live: Arc<DashMap<SessionId, Handle>>,
    nudge: Arc<Notify>,
    /// Held while sessions are claimed and started, so that whoever asks for one finds it started.
    claiming: Arc<Mutex<()>>,
}

impl Manager {
    /// A manager with nothing live; [`Manager::start`] lets it claim.
    pub fn new(config: ManagerConfig) -> Self {
        Self {
            proxies: Proxies::new(config.egress.clone(), &config.master),
            parts: Arc::new(config),
            live: Arc::default(),
            nudge: Arc::default(),
            claiming: Arc::default(),
        }
    }

    /// What takes in the proxies of sessions.
    pub const fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Whether WhatsApp is reached through the proxy in `text`.
    pub async fn try_proxy(&self, text: &str) -> Result<(), ProxyError> {
        let route = self.proxies.route(text)?;
        self.parts.connector.try_through(&route).await
    }

    /// Claims wanted sessions until the soft stop, and drops all of them when the node's lease is lost: the whole
    /// process is adrift then.
    pub fn start(&self) {
        let manager = self.clone();
        let soft = self.parts.stop.soft_token();
        let lost = self.parts.node.lost();
        let owner = self.clone();
        self.parts.tasks.spawn("session.abandon", async move {
            lost.cancelled().await;
            owner.parts.stop.adrift();
            owner.abandon();
        });
        self.parts
            .tasks
            .spawn_critical("session.claim", &self.parts.stop, async move {
                loop {
                    if let Err(error) = manager.claim_due(None).await {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "sessions could not be claimed");
                    }
                    let jitter = Duration::from_millis(rand::random_range(0..500));
                    tokio::select! {
                        () = soft.cancelled() => return,
                        () = manager.nudge.notified() => {}
                        () = tokio::time::sleep(CLAIM_EVERY + jitter) => {}
                    }
                }
            });
    }

    /// The live session, if it runs here.
    pub fn get(&self, session: SessionId) -> Option<Handle> {
        self.live.get(&session).map(|handle| handle.clone())
    }

    /// Sessions that run here and whose files are to be fetched before somebody asks for them.
    pub fn awaiting_files(&self) -> Vec<Handle> {
        let live = self.live.iter();
        let awaiting = live.filter(|handle| handle.habits.awaits_files());
        awaiting.map(|handle| handle.value().clone()).collect()
    }

    /// How many sessions run here.
    pub fn count(&self) -> usize {
        self.live.len()
    }

    /// The state of each session that runs here.
    pub fn states(&self) -> Vec<SessionState> {
        self.live
            .iter()
            .map(|handle| handle.snapshot().phase.state())
            .collect()
    }

    /// Wants the session to run, and starts it at once when it is free.
    pub async fn connect(&self, session: SessionId) -> Result<(), ManagerError> {
        if let Some(handle) = self.get(session) {
            if !handle.ending.is_cancelled() {
                return Ok(leases::set_desired(&self.parts.db, session, true).await?);
            }
            // It winds up, and would take the wish away with it.
            if !handle.stopped(CLOSE).await {
                return Err(ManagerError::Stuck);
            }
        }
        leases::set_desired(&self.parts.db, session, true).await?;
        self.claim_due(Some(session)).await?;
        Ok(())
    }

    /// Wants the session not to run, and closes it; the pairing stays.
    pub async fn disconnect(&self, session: SessionId) -> Result<(), ManagerError> {
        leases::set_desired(&self.parts.db, session, false).await?;
        self.close(session, Reason::Requested).await
    }

    /// Closes and starts again.
    pub async fn restart(&self, session: SessionId) -> Result<(), ManagerError> {
        self.disconnect(session).await?;
        self.connect(session).await
    }

    /// Removes the device from the account. A session that is not running is only marked as logged out.
    pub async fn logout(&self, session: SessionId) -> Result<(), ManagerError> {
        leases::set_desired(&self.parts.db, session, false).await?;
        match self.get(session) {
            Some(handle) => match tokio::time::timeout(CLOSE, handle.logout()).await {
                Ok(_) => Ok(()),
                Err(_) => Err(ManagerError::Stuck),
            },
            None => self.mark_logged_out(session).await,
        }
    }

    /// Ends the session and forgets its device state; the caller deletes its rows.
    pub async fn forget(&self, session: SessionId) -> Result<(), ManagerError> {
        leases::set_desired(&self.parts.db, session, false).await?;
        self.close(session, Reason::Requested).await?;
        let tx = db::begin(&self.parts.db).await?;
        leases::delete(&tx, session).await?;
        store::delete_all(&tx, session).await?;
        Ok(tx.commit().await?)
    }

    /// Closes every session at once, keeping pairings; tells how many did not end in time.
    pub async fn stop_all(&self, deadline: Duration) -> usize {
        let handles: Vec<Handle> = self
            .live
            .iter()
            .map(|entry| entry.value().clone())
            .collect();
        for handle in &handles {
            handle.stop(Reason::Shutdown);
        }
        let end = tokio::time::Instant::now() + deadline;
        let mut stuck = 0;
        for handle in handles {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            if !handle.stopped(left).await {
                stuck += 1;
            }
        }
        stuck
    }

    async fn close(&self, session: SessionId, reason: Reason) -> Result<(), ManagerError> {
        let Some(handle) = self.get(session) else {
            return Ok(());
        };
        handle.stop(reason);
        if handle.stopped(CLOSE).await {
            Ok(())
        } else {
            Err(ManagerError::Stuck)
        }
    }

    /// The lease is no longer ours to trust: whoever runs must stop without writing.
    fn abandon(&self) {
        for entry in self.live.iter() {
            entry.value().journal.give_up();
        }
    }

    async fn mark_logged_out(&self, session: SessionId) -> Result<(), ManagerError> {
        let tx = db::begin(&self.parts.db).await?;
        // Whoever may still hold the old keys, on a node that we cannot see, writes nothing from here on.
        leases::raise_epoch(&tx, session).await?;
        store::delete_all(&tx, session).await?;
        let Some(row) = db::sessions::find_claimed(&tx, session).await? else {
            return Ok(());
        };
        let mut snapshot = first_look(&row);
        snapshot.phase = Phase::LoggedOut(Reason::Requested);
        db::sessions::update_run(
            &tx,
            session,
            telling::row(&snapshot),
            self.parts.clock.now_ms(),
        )
        .await?;
        Ok(tx.commit().await?)
    }
}
