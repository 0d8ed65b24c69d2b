//! The owner of all live sessions: claims them, starts their actors, and decides what follows when one ends.
//!
//! Owns the registry. Must never let two actors of one session run here, and never run one without a lease.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use dashmap::{DashMap, mapref::entry::Entry};
use entity::{
    enums::{LeaseKind, SessionState},
    ids::{SessionId, UserId},
    sessions,
};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    actor::{Actor, Exit, Inputs, run_state},
    handle::Handle,
    inbox::SessionInbox,
    journal::{Journal, JournalError},
};
use crate::{
    cluster::{CLAIM_GRACE, Node},
    db::{self, fence::Fence, leases},
    domain::{
        clock::SharedClock,
        event::{Event, ReasonData},
        session::{Account, Phase, Reason, Snapshot},
    },
    events::Bus,
    lifecycle::{Stop, Tasks},
    protocol::{Backend, Connector, Inbox, OpenError, store},
    seal::Master,
    webhook::outbox::Wake,
};

/// Commands that wait for one actor; when it is full the caller waits.
const COMMANDS: usize = 8;
/// Reports of one client that wait for its actor; `protocol::bridge` tells what happens when it is full.
const EVENTS: usize = 128;
/// How often unclaimed sessions are looked for, when nobody nudges.
const CLAIM_EVERY: Duration = Duration::from_secs(2);
/// Sessions claimed in one transaction.
const CLAIM_BATCH: u64 = 50;
/// How long a session may take to end.
const CLOSE: Duration = Duration::from_secs(30);
/// The longest wait between two starts of a session that keeps failing.
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// What a manager is made of.
#[derive(Debug, Clone)]
pub struct ManagerConfig {
    /// The pool.
    pub db: DatabaseConnection,
    /// This node.
    pub node: Node,
    /// Opens clients.
    pub connector: Connector,
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
    live: Arc<DashMap<SessionId, Handle>>,
    nudge: Arc<Notify>,
    /// Held while sessions are claimed and started, so that whoever asks for one finds it started.
    claiming: Arc<Mutex<()>>,
}

impl Manager {
    /// A manager with nothing live; [`Manager::start`] lets it claim.
    pub fn new(config: ManagerConfig) -> Self {
        Self {
            parts: Arc::new(config),
            live: Arc::default(),
            nudge: Arc::default(),
            claiming: Arc::default(),
        }
    }

    /// Claims wanted sessions until the soft stop, and drops all of them when the node's lease is lost.
    pub fn start(&self) {
        let manager = self.clone();
        let soft = self.parts.stop.soft_token();
        let lost = self.parts.node.lost();
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
                        () = lost.cancelled() => {
                            manager.abandon();
                            return;
                        }
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

    /// How many sessions run here.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether none runs here.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
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
            entry.value().journal.fenced.cancel();
        }
    }

    /// Claims due sessions, all or one, and starts them.
    pub async fn claim_due(&self, only: Option<SessionId>) -> Result<usize, ManagerError> {
        let mut started = 0;
        let claiming = self.claiming.lock().await;
        loop {
            if self.parts.stop.is_stopping() || self.parts.node.lost().is_cancelled() {
                return Ok(started);
            }
            let tx = db::begin(&self.parts.db).await?;
            let claimed =
                leases::claim(&tx, self.parts.node.id, only, CLAIM_BATCH, CLAIM_GRACE).await?;
            tx.commit().await?;
            let full = u64::try_from(claimed.len()).unwrap_or(0) == CLAIM_BATCH;
            for claim in claimed {
                match self.launch(claim).await {
                    Ok(()) => started += 1,
                    Err(error) => self.launch_failed(claim, &error).await,
                }
            }
            if !full || only.is_some() {
                drop(claiming);
                return Ok(started);
            }
        }
    }

    async fn launch_failed(&self, claim: leases::Claimed, error: &ManagerError) {
        tracing::error!(
            session.id = %claim.session,
            error = error as &dyn std::error::Error,
            "the session could not be started"
        );
        self.retry_later(claim, backoff(claim.fail_count)).await;
    }

    async fn retry_later(&self, claim: leases::Claimed, delay: Duration) {
        let db = &self.parts.db;
        let held = leases::hold_back(db, claim.session, delay).await;
        let freed = leases::release(db, claim.session, self.parts.node.id, claim.epoch).await;
        if let Err(error) = held.and(freed) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %claim.session, error, "the session's lease could not be given free");
        }
        // The claim loop would find it at its next look anyway.
        let nudge = Arc::clone(&self.nudge);
        self.parts.tasks.spawn("session.retry", async move {
            tokio::time::sleep(delay + Duration::from_millis(50)).await;
            nudge.notify_one();
        });
    }

    async fn launch(&self, claim: leases::Claimed) -> Result<(), ManagerError> {
        let parts = &self.parts;
        let session = claim.session;
        let Some(row) = db::sessions::find_claimed(&parts.db, session).await? else {
            leases::delete(&parts.db, session).await?;
            return Ok(());
        };
        let fence = Fence {
            kind: LeaseKind::Session,
            key: session.uuid(),
            epoch: claim.epoch,
            node: parts.node.id,
        };
        let device = store::Store::open(
            parts.db.clone(),
            fence,
            Arc::clone(&parts.master),
            Arc::clone(&parts.clock),
        )
        .await
        .map_err(ManagerError::Store)?;
        let device = Arc::new(device);
        let fenced = device.fenced().clone();
        let journal = Arc::new(Journal {
            db: parts.db.clone(),
            fence,
            owner: row.owner_id,
            session,
            bus: parts.bus.clone(),
            outbox: parts.outbox.clone(),
            clock: Arc::clone(&parts.clock),
            fenced: fenced.clone(),
            order: Mutex::new(()),
        });
        let snapshot = first_look(&row);
        journal.record_run(run_state(&snapshot), &[]).await?;

        let (state_in, state) = watch::channel(snapshot);
        let (inbox, commands) = mpsc::channel(COMMANDS);
        let (event_in, events) = mpsc::channel(EVENTS);
        let overflow = CancellationToken::new();
        let handle = Handle {
            session,
            owner: row.owner_id,
            journal: Arc::clone(&journal),
            state,
            inbox,
            client: Arc::new(ArcSwapOption::empty()),
            stop: CancellationToken::new(),
            stop_reason: Arc::new(OnceLock::new()),
            ending: CancellationToken::new(),
            done: CancellationToken::new(),
        };
        match self.live.entry(session) {
            // A former actor of ours has not ended yet. Its writes are refused from now on, so it will.
            Entry::Occupied(old) => {
                old.get().journal.fenced.cancel();
                drop(old);
                self.retry_later(claim, Duration::from_millis(200)).await;
                return Ok(());
            }
            Entry::Vacant(place) => drop(place.insert(handle.clone())),
        }
        let incoming = Arc::new(SessionInbox(Arc::clone(&journal))) as Arc<dyn Inbox>;
        let backend = Arc::clone(&device) as Arc<dyn Backend>;
        let opened = parts
            .connector
            .open(backend, incoming, event_in, overflow.clone())
            .await;
        let client = match opened {
            Ok(client) => Arc::new(client),
            Err(error) => {
                self.live.remove(&session);
                handle.done.cancel();
                return Err(error.into());
            }
        };
        let actor = Actor {
            journal,
            clock: Arc::clone(&parts.clock),
            client,
            slot: Arc::clone(&handle.client),
            state: state_in,
            qr_index: 0,
            ending: handle.ending.clone(),
        };
        let inputs = Inputs {
            commands,
            events,
            overflow,
            stop: handle.stop.clone(),
            stop_reason: Arc::clone(&handle.stop_reason),
            fenced,
        };
        self.supervise(claim, handle, device, actor, inputs);
        Ok(())
    }

    /// Runs the actor in a root span of its own, else it would carry the span of whoever woke it first.
    fn supervise(
        &self,
        claim: leases::Claimed,
        handle: Handle,
        device: Arc<store::Store>,
        actor: Actor,
        inputs: Inputs,
    ) {
        use tracing::Instrument as _;
        let manager = self.clone();
        let span = tracing::info_span!(parent: None, "session.run", session.id = %claim.session, epoch = claim.epoch);
        let mut state = handle.watch();
        self.parts.tasks.spawn(
            "session.run",
            async move {
                let guard = Gone {
                    manager: manager.clone(),
                    handle: handle.clone(),
                };
                let running = actor.run(inputs);
                let healthy = manager.note_health(claim, &mut state);
                let exit = {
                    tokio::pin!(running, healthy);
                    tokio::select! {
                        exit = &mut running => exit,
                        () = &mut healthy => running.await,
                    }
                };
                manager.after(claim, &handle, &device, exit).await;
                drop(guard);
            }
            .instrument(span),
        );
    }

    /// Forgets earlier failures once the session is connected.
    async fn note_health(&self, claim: leases::Claimed, state: &mut watch::Receiver<Snapshot>) {
        if claim.fail_count == 0 {
            return;
        }
        if state
            .wait_for(|state| state.phase == Phase::Connected)
            .await
            .is_ok()
            && let Err(error) = leases::reset_failures(&self.parts.db, claim.session).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "the count of failures stays");
        }
    }

    async fn after(
        &self,
        claim: leases::Claimed,
        handle: &Handle,
        device: &store::Store,
        exit: Exit,
    ) {
        let parts = &self.parts;
        let session = claim.session;
        tracing::info!("the session's run has ended: {exit:?}");
        // It stays in the registry until this is written, so that a connect in between waits for it.
        let result = match exit {
            Exit::Fenced => Ok(()),
            Exit::Stopped => self.release(claim).await,
            Exit::Finished { wipe } => {
                let wiped = if wipe {
                    device.clear().await.map_err(ManagerError::Store)
                } else {
                    Ok(())
                };
                let unwanted = leases::set_desired(&parts.db, session, false).await;
                let released = self.release(claim).await;
                let unwanted = unwanted.map_err(ManagerError::Db);
                wiped.and(unwanted).and(released)
            }
            Exit::RetryAfter(delay) => {
                self.retry_later(claim, delay).await;
                Ok(())
            }
            Exit::Failed(why) => {
                let told = self.tell_restart(handle, why).await;
                self.retry_later(claim, backoff(claim.fail_count)).await;
                told
            }
        };
        if let Err(error) = result {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the end of the session's run could not be written");
        }
    }

    async fn tell_restart(&self, handle: &Handle, why: &str) -> Result<(), ManagerError> {
        let mut snapshot = handle.snapshot();
        snapshot.phase = Phase::Degraded(Reason::Restarting);
        snapshot.connected_at = None;
        let data = ReasonData {
            reason: Reason::Restarting,
            detail: Some(why.to_owned()),
        };
        let event = Event::Degraded(data);
        Ok(handle
            .journal
            .record_run(run_state(&snapshot), &[event])
            .await?)
    }

    async fn release(&self, claim: leases::Claimed) -> Result<(), ManagerError> {
        leases::release(
            &self.parts.db,
            claim.session,
            self.parts.node.id,
            claim.epoch,
        )
        .await?;
        Ok(())
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
            run_state(&snapshot),
            self.parts.clock.now_ms(),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Whose live session this is, for the count of a user's sockets and the like.
    pub fn owner_of(&self, session: SessionId) -> Option<UserId> {
        self.live.get(&session).map(|handle| handle.owner)
    }
}

/// Takes the session out of the registry even when its actor panicked.
struct Gone {
    manager: Manager,
    handle: Handle,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let handle = &self.handle;
        self.manager
            .live
            .remove_if(&handle.session, |_, live| live.done_is(handle));
        handle.done.cancel();
    }
}

fn first_look(row: &sessions::Model) -> Snapshot {
    let account = Account {
        phone: row.phone.clone(),
        lid: row.lid.clone(),
        push_name: row.push_name.clone(),
    };
    // The number of an account that was removed must not stick to what is paired next.
    let gone = matches!(row.state, SessionState::LoggedOut | SessionState::Expired);
    Snapshot {
        phase: Phase::Connecting,
        pair_code: None,
        account: if gone { Account::default() } else { account },
        connected_at: None,
    }
}

/// 1 s, doubling, with a fifth of jitter.
fn backoff(failures: i32) -> Duration {
    let base =
        Duration::from_secs(1) * 2_u32.saturating_pow(u32::try_from(failures).unwrap_or(0).min(16));
    base.min(BACKOFF_MAX).mul_f64(rand::random_range(0.8..1.2))
}
