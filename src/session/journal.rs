//! Everything that a session writes: rows, events and deliveries, in one fenced transaction.
//!
//! Owns the order: fence, rows, events, deliveries, commit, then the live bus and the wake-up of the dispatcher.
//! Must never publish what is not committed.

use std::{collections::HashSet, sync::Arc, time::Instant};

use entity::{
    events,
    ids::{EventId, MessageRowId, SessionId, UserId},
    messages,
};
use metrics::{counter, histogram};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{
        self,
        fence::{Fence, FenceError},
        messages::Key,
        sessions::RunState,
    },
    domain::{
        clock::SharedClock,
        event::{AckData, Event},
        message::{Ack, Message},
    },
    events::{Bus, LogEntry},
    webhook::outbox::{self, Wake},
};

/// What a session could not write.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another owner has the session now.
    #[error("the session is held by another owner now")]
    Fenced,
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// An event could not be written as JSON.
    #[error("an event could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<FenceError> for JournalError {
    fn from(error: FenceError) -> Self {
        match error {
            FenceError::Stale => Self::Fenced,
            FenceError::Db(error) => Self::Db(error),
        }
    }
}

/// A message that is about to be sent, as it is stored first.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Our id of the row.
    pub id: MessageRowId,
    /// The message.
    pub message: Message,
    /// When it was written, in milliseconds since 1970.
    pub sent_at: i64,
}

/// Where one session writes, and as whom.
#[derive(Debug)]
pub struct JournalConfig {
    /// The one database.
    pub db: DatabaseConnection,
    /// The claim under which it writes.
    pub fence: Fence,
    /// Whose session it is.
    pub owner: UserId,
    /// The session.
    pub session: SessionId,
    /// Hears of events after their commit.
    pub bus: Bus,
    /// Hears of deliveries after their commit.
    pub outbox: Wake,
    /// The time of what is written.
    pub clock: SharedClock,
    /// Falls at the first write that the fence refuses.
    pub fenced: CancellationToken,
}

/// Writes for one session, at one epoch.
#[derive(Debug)]
pub struct Journal {
    config: JournalConfig,
    /// Held from the fence to the publication, so that live readers hear events in the order of their numbers. The
    /// fence's row lock orders the commits anyway; nobody waits here who would not wait there.
    order: Mutex<()>,
}

impl Journal {
    /// A journal; nothing is written yet.
    pub fn new(config: JournalConfig) -> Self {
        Self {
            config,
            order: Mutex::new(()),
        }
    }

    /// The session that it writes for.
    pub fn session(&self) -> SessionId {
        self.config.session
    }

    /// From now on the session counts as another owner's.
    pub(super) fn give_up(&self) {
        self.config.fenced.cancel();
    }

    /// Writes how the run is going, with the events that tell it.
    pub async fn record_run(&self, run: RunState, events: &[Event]) -> Result<(), JournalError> {
        let order = self.order.lock().await;
        let now = self.config.clock.now_ms();
        let begun = Instant::now();
        let tx = self.begin().await?;
        db::sessions::update_run(&tx, self.config.session, run, now).await?;
        let entries = self.append(&tx, events, now).await?;
        tx.commit().await?;
        self.publish(&entries, begun);
        drop(order);
        Ok(())
    }

    /// Writes incoming messages with their events; those that are stored already are passed over.
    pub async fn record_messages(&self, batch: Vec<Message>) -> Result<usize, JournalError> {
        let order = self.order.lock().await;
        let now = self.config.clock.now_ms();
        let begun = Instant::now();
        let tx = self.begin().await?;
        // A look before the lock is safe: if another owner wrote since, the fence refuses what follows.
        let ids: Vec<&str> = batch
            .iter()
            .map(|message| message.message_id.as_str())
            .collect();
        let known = db::messages::known(&tx, self.config.session, &ids).await?;
        let mut seen: HashSet<Key> = known.into_iter().collect();
        let fresh: Vec<Message> = batch
            .into_iter()
            .filter(|message| seen.insert(key(message)))
            .collect();
        if fresh.is_empty() {
            tx.rollback().await?;
            return Ok(0);
        }
        let count = fresh.len();
        let mut rows = Vec::with_capacity(count);
        let mut events = Vec::with_capacity(count);
        for message in fresh {
            rows.push(self.row(MessageRowId::new(), &message, now, now, Ack::Device)?);
            events.push(Event::Message(Box::new(message)));
        }
        let entries = self.append(&tx, &events, now).await?;
        db::messages::insert(&tx, rows).await?;
        tx.commit().await?;
        self.publish(&entries, begun);
        drop(order);
        Ok(count)
    }

    /// Stores a message that is about to be sent.
    pub async fn record_outgoing(&self, outgoing: &Outgoing) -> Result<(), JournalError> {
        let now = self.config.clock.now_ms();
        let row = self.row(
            outgoing.id,
            &outgoing.message,
            outgoing.sent_at,
            now,
            Ack::Pending,
        )?;
        let tx = self.begin().await?;
        self.lock(&tx).await?;
        db::messages::insert(&tx, vec![row]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Raises the ack of own messages; what is not ours, or is there already, is passed over.
    pub async fn record_acks(&self, ids: &[String], ack: Ack) -> Result<(), JournalError> {
        let order = self.order.lock().await;
        let now = self.config.clock.now_ms();
        let begun = Instant::now();
        let tx = self.begin().await?;
        self.lock(&tx).await?;
        let below = if ack == Ack::Error {
            Ack::Server.number()
        } else {
            ack.number()
        };
        let rows = db::messages::below_ack(&tx, self.config.session, ids, below).await?;
        if rows.is_empty() {
            tx.rollback().await?;
            return Ok(());
        }
        let ids: Vec<MessageRowId> = rows.iter().map(|row| row.id).collect();
        db::messages::set_ack(&tx, self.config.session, &ids, ack.number()).await?;
        let event = |row: messages::Model| {
            Event::MessageAck(AckData {
                message_id: row.message_id,
                chat: row.chat,
                ack: ack.number(),
                ack_name: ack,
            })
        };
        let events: Vec<Event> = rows.into_iter().map(event).collect();
        let entries = self.append(&tx, &events, now).await?;
        tx.commit().await?;
        self.publish(&entries, begun);
        drop(order);
        Ok(())
    }

    /// Who has lost the lease does not wait for a lock that somebody holds on the database.
    async fn begin(&self) -> Result<DatabaseTransaction, JournalError> {
        tokio::select! {
            biased;
            () = self.config.fenced.cancelled() => Err(JournalError::Fenced),
            tx = db::begin(&self.config.db) => Ok(tx?),
        }
    }

    async fn lock(&self, tx: &DatabaseTransaction) -> Result<(), JournalError> {
        self.note(self.config.fence.lock(tx).await)
    }

    fn note<T>(&self, result: Result<T, FenceError>) -> Result<T, JournalError> {
        if matches!(result, Err(FenceError::Stale)) {
            metrics::counter!("wharf_fenced_total").increment(1);
            self.config.fenced.cancel();
        }
        result.map_err(JournalError::from)
    }

    /// Takes numbers from the fence and writes events and deliveries under them.
    async fn append(
        &self,
        tx: &DatabaseTransaction,
        events: &[Event],
        now: i64,
    ) -> Result<Vec<Arc<LogEntry>>, JournalError> {
        if events.is_empty() {
            self.lock(tx).await?;
            return Ok(Vec::new());
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let first = self.note(self.config.fence.advance(tx, count).await)?;
        let mut entries = Vec::with_capacity(events.len());
        for (seq, event) in (first..).zip(events) {
            entries.push(Arc::new(LogEntry {
                session: self.config.session,
                owner: self.config.owner,
                seq,
                id: EventId::new(),
                kind: event.name().into(),
                at: now,
                data: event.data_json()?.into(),
            }));
        }
        db::events::insert(tx, entries.iter().map(|entry| event_row(entry)).collect()).await?;
        let due: Vec<outbox::Entry<'_>> = entries
            .iter()
            .map(|entry| outbox::Entry {
                event: entry.id,
                session: entry.session,
                seq: entry.seq,
                event_type: &entry.kind,
            })
            .collect();
        outbox::enqueue(tx, self.config.owner, &due, now).await?;
        Ok(entries)
    }

    /// After the commit of a transaction that began at `begun`.
    fn publish(&self, entries: &[Arc<LogEntry>], begun: Instant) {
        if entries.is_empty() {
            return;
        }
        histogram!("wharf_event_commit_seconds").record(begun.elapsed());
        for entry in entries {
            counter!("wharf_events_total", "type" => entry.kind.to_string()).increment(1);
        }
        self.config.bus.publish(entries);
        self.config.outbox.wake();
    }

    fn row(
        &self,
        id: MessageRowId,
        message: &Message,
        sent_at: i64,
        now: i64,
        ack: Ack,
    ) -> Result<messages::Model, serde_json::Error> {
        let Key {
            chat,
            sender,
            message_id,
        } = key(message);
        Ok(messages::Model {
            session_id: self.config.session,
            chat,
            sender,
            message_id,
            id,
            from_me: message.from_me,
            kind: message.content.kind().to_owned(),
            body: serde_json::to_string(message)?,
            ack: ack.number(),
            sent_at,
            created_at: now,
        })
    }
}

fn key(message: &Message) -> Key {
    Key {
        chat: message.chat.party.id.clone(),
        sender: message.sender.id.clone(),
        message_id: message.message_id.clone(),
    }
}

fn event_row(entry: &LogEntry) -> events::Model {
    events::Model {
        session_id: entry.session,
        seq: entry.seq,
        id: entry.id,
        owner_id: entry.owner,
        event_type: entry.kind.to_string(),
        payload: entry.data.to_string(),
        dedupe_key: None,
        created_at: entry.at,
    }
}
