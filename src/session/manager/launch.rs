//! From a claim to a running session: the store, the journal, the client, the actor.
//!
//! Called by the manager alone. Must never start what is in the registry already.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use dashmap::mapref::entry::Entry;
use entity::{
    enums::{LeaseKind, SessionState},
    ids::SessionId,
    sessions,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Manager, ManagerError};
use crate::{
    cluster::CLAIM_GRACE,
    db::{self, fence::Fence, leases},
    domain::session::{Account, Phase, Settings, Snapshot},
    protocol::{Inbox, Told, history, store},
    session::{
        actor::{Actor, Inputs},
        habits::Habits,
        handle::Handle,
        history::Historian,
        inbox::SessionInbox,
        journal::{Journal, JournalConfig},
        names::Names,
        news::Newsreader,
        pacing::Pace,
        probe::Probe,
        replies::Replies,
        sends::Sends,
        telling,
    },
};

/// Commands that wait for one actor; when it is full the caller waits.
const COMMANDS: usize = 8;
/// Reports of one client that wait for its actor; `protocol::bridge` tells what happens when it is full.
const EVENTS: usize = 128;
/// News of others that wait to be written; what is more is counted, and lost unless it comes again (`protocol::bridge`). An
/// address book has to fit: it comes at once.
const NEWS: usize = 16_384;
/// Sessions claimed in one transaction.
const CLAIM_BATCH: u64 = 50;

impl Manager {
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
        let keys = device.keys();
        let journal = Journal::new(JournalConfig {
            db: parts.db.clone(),
            fence,
            owner: row.owner_id,
            session,
            bus: parts.bus.clone(),
            outbox: parts.outbox.clone(),
            clock: Arc::clone(&parts.clock),
            tasks: parts.tasks.clone(),
            fenced: fenced.clone(),
            keys: Arc::clone(&keys),
        });
        let snapshot = first_look(&row);
        journal
            .record_run(telling::row(&snapshot), Vec::new())
            .await?;

        let client_slot = Arc::new(ArcSwapOption::empty());
        let settings = settings_of(&row);
        let way = self.proxies.way(&row, &settings);
        let sends = Sends::new(
            Arc::clone(&client_slot),
            journal.clone(),
            parts.tasks.clone(),
            Pace::new(Arc::clone(&parts.pacing), settings.account_protection),
            self.left_over(&journal, &keys).await?,
        );
        let habits = Habits::new(
            settings,
            Arc::clone(&client_slot),
            journal.clone(),
            parts.tasks.clone(),
        );
        let (state_in, state) = watch::channel(snapshot);
        let (inbox, commands) = mpsc::channel(COMMANDS);
        let (event_in, events) = mpsc::channel(EVENTS);
        let (news_in, news) = mpsc::channel(NEWS);
        // Without one nobody asks the phone for it.
        let (past_in, past) = mpsc::channel(history::PIECES);
        let past_in = habits.takes_history().then_some(past_in);
        let overflow = CancellationToken::new();
        let handle = Handle {
            session,
            owner: row.owner_id,
            journal: journal.clone(),
            keys,
            state,
            inbox,
            sends: sends.clone(),
            habits: habits.clone(),
            client: client_slot,
            stop: CancellationToken::new(),
            stop_reason: Arc::new(OnceLock::new()),
            ending: CancellationToken::new(),
            done: CancellationToken::new(),
        };
        match self.live.entry(session) {
            // A former actor of ours has not ended yet. Its writes are refused from now on, so it will.
            Entry::Occupied(old) => {
                old.get().journal.give_up();
                drop(old);
                self.retry_later(claim, Duration::from_millis(200)).await;
                return Ok(());
            }
            Entry::Vacant(place) => drop(place.insert(handle.clone())),
        }
        let spoiled = device.spoiled().clone();
        let incoming = Arc::new(SessionInbox {
            journal: journal.clone(),
            habits: habits.clone(),
            names: Names::default(),
            replies: Replies {
                db: parts.db.clone(),
                owner: row.owner_id,
                journal: journal.clone(),
                sends: sends.clone(),
                state: handle.state.clone(),
                clock: Arc::clone(&parts.clock),
                tasks: parts.tasks.clone(),
                answered: std::sync::Mutex::default(),
            },
            spoiled: spoiled.clone(),
        });
        let incoming = incoming as Arc<dyn Inbox>;
        let opened = parts
            .connector
            .open(
                Arc::clone(&device),
                incoming,
                Told {
                    events: event_in,
                    news: news_in,
                    past: past_in,
                },
                way,
                (overflow.clone(), spoiled.clone()),
            )
            .await;
        let client = match opened {
            Ok(client) => Arc::new(client),
            Err(error) => {
                self.live.remove(&session);
                handle.done.cancel();
                return Err(error.into());
            }
        };
        let historian = Historian {
            journal: journal.clone(),
            client: Arc::clone(&handle.client),
            habits: habits.clone(),
            clock: Arc::clone(&parts.clock),
            days: parts.history_days,
        };
        parts.tasks.spawn("session.history", historian.run(past));
        let newsreader = Newsreader {
            journal: journal.clone(),
            client: Arc::clone(&client),
            habits: habits.clone(),
            spoiled: spoiled.clone(),
            done: handle.done.clone(),
        };
        parts.tasks.spawn("session.news", newsreader.run(news));
        let actor = Actor {
            journal,
            clock: Arc::clone(&parts.clock),
            client,
            slot: Arc::clone(&handle.client),
            sends,
            habits,
            state: state_in,
            qr_index: 0,
            codes_end: None,
            gate_ends: None,
            ending: handle.ending.clone(),
            probe: Probe::new(parts.probe, Instant::now()),
        };
        let inputs = Inputs {
            commands,
            events,
            overflow,
            spoiled,
            stop: handle.stop.clone(),
            stop_reason: Arc::clone(&handle.stop_reason),
            fenced,
        };
        self.supervise(claim, handle, device, actor, inputs);
        Ok(())
    }
}

/// What the owner has set.
fn settings_of(row: &sessions::Model) -> Settings {
    serde_json::from_str(&row.settings).unwrap_or_default()
}

/// What is shown of a session that is being taken up.
pub(super) fn first_look(row: &sessions::Model) -> Snapshot {
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
        passkey: None,
        account: if gone { Account::default() } else { account },
        connected_at: None,
    }
}
