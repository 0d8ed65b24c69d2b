//! One transaction of the journal: fence, rows, events, deliveries, commit, then the live bus and the dispatcher.
//!
//! Called by the journal's queue alone, never twice at the same time. Must never publish what is not committed.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use entity::{
    events,
    ids::{EventId, MessageRowId},
    messages,
};
use metrics::{counter, histogram};
use sea_orm::{ConnectionTrait as _, DbErr, SqlErr};

use super::{Inner, JournalError, UNKNOWN, Write};
use crate::{
    db::{self, Script, fence::FenceError, messages::Key},
    domain::{
        event::{AckData, Event},
        message::{Ack, Message},
    },
    events::LogEntry,
    webhook::outbox,
};

/// What a transaction is to write besides acks, which are read first.
#[derive(Default)]
struct Plan {
    rows: Vec<messages::Model>,
    events: Vec<Event>,
}

impl Inner {
    /// Writes all of `writes`, or none.
    pub(super) async fn commit(&self, writes: &[Write]) -> Result<(), JournalError> {
        let written = match self.attempt(writes, false).await {
            // A message that came again: most never do, so the question is only asked then.
            Err(error) if is_known_message(&error) => self.attempt(writes, true).await,
            other => other,
        };
        if written.is_err() {
            self.forget_seq();
        }
        written
    }

    async fn attempt(&self, writes: &[Write], some_are_known: bool) -> Result<(), JournalError> {
        let begun = Instant::now();
        let tx = self.begin().await?;
        match self.fill(&tx, writes, some_are_known).await {
            Ok(Some(entries)) => {
                tx.commit().await?;
                self.publish(&entries, begun);
                Ok(())
            }
            Ok(None) => Ok(tx.rollback().await?),
            Err(error) => {
                // Waited for, so that its locks are gone when the next begins.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }

    /// Writes what there is to write, and gives the entries of the log; none if there was nothing.
    async fn fill(
        &self,
        tx: &db::Transaction,
        writes: &[Write],
        some_are_known: bool,
    ) -> Result<Option<Vec<Arc<LogEntry>>>, JournalError> {
        let now = self.config.clock.now_ms();
        let acks = acks_of(writes);
        if !acks.is_empty() {
            // What follows is read under the lock.
            self.note(self.config.fence.lock(tx).await)?;
        }
        let mut known = HashSet::new();
        if some_are_known {
            known.extend(self.known(tx, writes).await?);
        }
        let mut plan = self.plan(writes, known, now)?;
        for (ack, ids) in acks {
            plan.events.extend(self.raise(tx, ack, &ids).await?);
        }
        let run = writes.iter().rev().find_map(|write| match write {
            Write::Run(run, _) => Some(run.clone()),
            _ => None,
        });
        if plan.rows.is_empty() && plan.events.is_empty() && run.is_none() {
            return Ok(None);
        }
        let mut script = Script::new(tx.get_database_backend());
        let entries = self.number(tx, &mut script, plan.events, now).await?;
        db::messages::insert(&mut script, plan.rows);
        self.append(tx, &mut script, &entries, now).await?;
        if !script.run(tx).await? {
            // All that can miss a row is the fence.
            self.note(Err::<(), _>(FenceError::Stale))?;
        }
        if let Some(run) = run {
            db::sessions::update_run(tx, self.config.session, run, now).await?;
        }
        Ok(Some(entries))
    }

    /// Who has lost the lease does not wait for a lock that somebody holds on the database.
    async fn begin(&self) -> Result<db::Transaction, JournalError> {
        tokio::select! {
            biased;
            () = self.config.fenced.cancelled() => Err(JournalError::Fenced),
            tx = db::begin(&self.config.db) => Ok(tx?),
        }
    }

    fn note<T>(&self, result: Result<T, FenceError>) -> Result<T, JournalError> {
        if matches!(result, Err(FenceError::Stale)) {
            counter!("wharf_fenced_total").increment(1);
            self.config.fenced.cancel();
        }
        result.map_err(JournalError::from)
    }

    /// The incoming messages of `writes` that are stored already. Nobody else stores any: if another owner did since,
    /// the fence refuses what follows.
    async fn known(
        &self,
        tx: &db::Transaction,
        writes: &[Write],
    ) -> Result<Vec<Key>, JournalError> {
        let incoming = writes.iter().filter_map(|write| match write {
            Write::Incoming(batch) => Some(batch),
            _ => None,
        });
        let ids: Vec<&str> = incoming
            .flatten()
            .map(|message| message.message_id.as_str())
            .collect();
        Ok(db::messages::known(tx, self.config.session, &ids).await?)
    }

    fn plan(
        &self,
        writes: &[Write],
        mut seen: HashSet<Key>,
        now: i64,
    ) -> Result<Plan, JournalError> {
        let mut plan = Plan::default();
        for write in writes {
            match write {
                Write::Run(_, events) => plan.events.extend(events.iter().cloned()),
                Write::Incoming(batch) => {
                    for message in batch {
                        if seen.insert(key(message)) {
                            let id = MessageRowId::new();
                            plan.rows
                                .push(self.row(id, message, now, now, Ack::Device)?);
                            plan.events.push(Event::Message(Box::new(message.clone())));
                        }
                    }
                }
                Write::Outgoing(out) => {
                    let row = self.row(out.id, &out.message, out.sent_at, now, Ack::Pending)?;
                    plan.rows.push(row);
                }
                Write::Acks(..) => {}
            }
        }
        Ok(plan)
    }

    /// Raises the own messages among `ids` to `ack`, and gives the events that tell it.
    async fn raise(
        &self,
        tx: &db::Transaction,
        ack: Ack,
        ids: &[String],
    ) -> Result<Vec<Event>, JournalError> {
        let below = if ack == Ack::Error {
            Ack::Server.number()
        } else {
            ack.number()
        };
        let session = self.config.session;
        let rows = db::messages::below_ack(tx, session, ids, below).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<MessageRowId> = rows.iter().map(|row| row.id).collect();
        db::messages::set_ack(tx, session, &ids, ack.number()).await?;
        let event = |row: messages::Model| {
            Event::MessageAck(AckData {
                message_id: row.message_id,
                chat: row.chat,
                ack: ack.number(),
                ack_name: ack,
            })
        };
        Ok(rows.into_iter().map(event).collect())
    }

    /// Takes the fence and, under it, a number for each event; or has `script` begin with that.
    async fn number(
        &self,
        tx: &db::Transaction,
        script: &mut Script,
        events: Vec<Event>,
        now: i64,
    ) -> Result<Vec<Arc<LogEntry>>, JournalError> {
        let fence = &self.config.fence;
        if events.is_empty() {
            self.note(fence.lock(tx).await)?;
            return Ok(Vec::new());
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let first = match self.last_seq.load(Ordering::Relaxed) {
            UNKNOWN => self.note(fence.advance(tx, count).await)?,
            last => {
                fence.advance_from(script, last, count);
                last + 1
            }
        };
        let entry = |(seq, event): (i64, Event)| {
            Ok(Arc::new(LogEntry {
                session: self.config.session,
                owner: self.config.owner,
                seq,
                id: EventId::new(),
                kind: event.name().into(),
                at: now,
                data: event.data_json()?.into(),
            }))
        };
        (first..).zip(events).map(entry).collect()
    }

    /// Has `script` write the entries, and a delivery of each to every endpoint that wants it.
    async fn append(
        &self,
        tx: &db::Transaction,
        script: &mut Script,
        entries: &[Arc<LogEntry>],
        now: i64,
    ) -> Result<(), DbErr> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(|entry| event_row(entry)).collect();
        db::events::insert(script, rows);
        let owner = self.config.owner;
        let subscriptions = outbox::subscriptions(tx, owner).await?;
        let chats = outbox::chats(&subscriptions, entries.iter().map(|entry| &*entry.data));
        let due: Vec<outbox::Entry<'_>> = entries
            .iter()
            .zip(&chats)
            .map(|(entry, chat)| outbox::Entry {
                event: entry.id,
                session: entry.session,
                seq: entry.seq,
                event_type: &entry.kind,
                chat: chat.as_deref(),
            })
            .collect();
        outbox::enqueue(script, owner, &subscriptions, &due, now);
        Ok(())
    }

    /// After the commit of a transaction that began at `begun`.
    fn publish(&self, entries: &[Arc<LogEntry>], begun: Instant) {
        let Some(last) = entries.last() else {
            return;
        };
        self.last_seq.store(last.seq, Ordering::Relaxed);
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

/// The acks of `writes`, the lowest first.
fn acks_of(writes: &[Write]) -> BTreeMap<Ack, Vec<String>> {
    let mut acks: BTreeMap<Ack, Vec<String>> = BTreeMap::new();
    for write in writes {
        if let Write::Acks(ids, ack) = write {
            acks.entry(*ack).or_default().extend(ids.iter().cloned());
        }
    }
    acks
}

fn is_known_message(error: &JournalError) -> bool {
    let JournalError::Db(error) = error else {
        return false;
    };
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
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
