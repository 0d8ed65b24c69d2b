//! One transaction of the journal: fence, rows, events, deliveries, commit, then the live bus and the dispatcher.
//!
//! Called by the journal's queue alone, never twice at the same time. Must never publish what is not committed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use entity::ids::{EventId, MessageRowId};
use metrics::{counter, histogram};
use sea_orm::SqlErr;

use super::{
    Inner, JournalError, Known, Write,
    about::{Targets, mark},
    acks::Acks,
    chats::Standing,
    past::Untold,
    plan::{Before, Plan, Told},
    texts,
    undelivered::Undelivered,
};
use crate::{
    db::{
        self, Committed, Script,
        fence::FenceError,
        messages::{Key, Own},
    },
    domain::message::{Ack, Content, Message},
    events::LogEntry,
    webhook::outbox,
};

/// Attempts of one write that may find what they go by outdated. Each stands for something that somebody else has changed
/// in between: an endpoint, or the log, whose numbers the webhook dispatcher takes now and then.
const OUTDATED_MAX: u32 = 8;

/// Messages whose words wait for the index of words, at most, unless somebody searches: that brings it up to date, too.
const INDEXED_TOGETHER: usize = 64;

/// The event that is told only to whoever names it.
const RECEIPT: &str = "message.receipt";

/// How long it may take until a session hears that somebody asks for it now.
const DOUBTED_AFTER_MS: i64 = 5_000;

/// Why an attempt came to nothing.
enum Refused {
    /// What was read before does not hold any more.
    Outdated,
    For(JournalError),
}

impl<E: Into<JournalError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

impl Inner {
    /// Writes all of `writes`, or none.
    pub(super) async fn commit(&self, writes: &[Write]) -> Result<(), JournalError> {
        // What is told of the past was often heard before.
        let mut some_are_known = writes.iter().any(|write| matches!(write, Write::Past(_)));
        let mut outdated = 0;
        loop {
            match self.attempt(writes, some_are_known).await {
                Ok(()) => return Ok(()),
                // The next attempt reads it under the lock; whoever has lost the lease learns it there.
                Err(Refused::Outdated) if outdated < OUTDATED_MAX => outdated += 1,
                Err(Refused::Outdated) => return self.note(Err(FenceError::Stale)),
                // A message that came again: most never do, so the question is only asked then.
                Err(Refused::For(error)) if !some_are_known && is_known_message(&error) => {
                    some_are_known = true;
                }
                Err(Refused::For(error)) => return Err(error),
            }
        }
    }

    async fn attempt(&self, writes: &[Write], some_are_known: bool) -> Result<(), Refused> {
        let config = &self.config;
        let begun = Instant::now();
        // It comes back with the commit; whatever happens instead, the next attempt reads anew.
        let now = config.clock.now_ms();
        let remembered = self.known().take();
        let mut known = match remembered {
            Some(known) if !leaves_receipts_untold(&known, writes, now) => known,
            _ => self.unless_fenced(self.look(now)).await?,
        };
        // Nobody else writes messages of this session at this epoch. If another owner has it, what is read here is
        // outdated, and the fence refuses what is made of it.
        let plan = self
            .unless_fenced(self.plan(writes, &known, some_are_known, now))
            .await?;
        let run = writes.iter().rev().find_map(|write| match write {
            Write::Run(run, _) => Some(run.clone()),
            _ => None,
        });
        if plan.is_empty() && run.is_none() {
            *self.known() = Some(known);
            return Ok(());
        }
        // Of use only if the commit succeeds: otherwise nothing is remembered.
        known.undelivered.follow(&plan);
        let (mut plan, entries) = self.number(plan, known.standing.last_seq, now);
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let backend = config.db.get_database_backend();
        let mut script = config.fence.script(backend, known.standing, count);
        self.files(&mut script, std::mem::take(&mut plan.files), now)?;
        self.script(&mut script, plan, &entries, &known, now);
        if let Some(run) = run {
            db::sessions::record_run(&mut script, config.session, run, now);
        }
        let committing = async { Ok(script.commit(&config.db).await?) };
        match self.unless_fenced(committing).await? {
            Committed::Yes => {
                let is_subscribed = !known.endpoints.is_empty();
                *self.known() = Some(known.advanced(count, now));
                self.publish(&entries, is_subscribed, begun);
                Ok(())
            }
            Committed::Refused => Err(Refused::Outdated),
        }
    }

    /// Who has lost the lease does not wait for a lock that somebody holds on the database.
    async fn unless_fenced<T>(
        &self,
        work: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        tokio::select! {
            biased;
            () = self.config.fenced.cancelled() => Err(JournalError::Fenced),
            done = work => done,
        }
    }

    /// What `writes` come to.
    async fn plan(
        &self,
        writes: &[Write],
        known: &Known,
        some_are_known: bool,
        now: i64,
    ) -> Result<Plan, JournalError> {
        let (db, session) = (&self.config.db, self.config.session);
        let mut before = Before {
            targets: Targets::of(db, (session, &self.config.keys), writes).await?,
            chats: Standing::of(db, session, writes).await?,
            wants_receipts: wants_receipts(known),
            ..Before::default()
        };
        if some_are_known {
            before.seen.extend(self.stored(writes).await?);
        }
        let keeps_words = self.keeps_words.load(Ordering::Acquire);
        let mut plan = Plan::of((session, keeps_words), writes, before, now)?;
        let acks = Acks::of_writes(writes);
        if !acks.is_empty() {
            let ids = acks.ids();
            let rows = match known.undelivered.all(&ids) {
                Some(rows) => rows,
                None => db::messages::below_ack(db, session, &ids, acks.highest()).await?,
            };
            plan.raise(&rows, &acks)?;
            self.mark(&mut plan, &rows, now).await?;
        }
        self.seal(&mut plan)?;
        Ok(plan)
    }

    /// Seals what nobody who reads the database alone may use: the keys of polls, of events and of files.
    fn seal(&self, plan: &mut Plan) -> Result<(), JournalError> {
        let keys = &self.config.keys;
        for row in &mut plan.secrets {
            row.secret = keys.seal(db::message_secrets::TABLE, row.id.0.as_bytes(), &row.secret)?;
        }
        for row in &mut plan.outgoing {
            if let Some(payload) = &mut row.payload {
                *payload = keys.seal(db::outgoing::TABLE, row.id.0.as_bytes(), payload)?;
            }
        }
        Ok(())
    }

    /// An own reaction, edit, … shows from the server's ack on.
    async fn mark(&self, plan: &mut Plan, rows: &[Own], now: i64) -> Result<(), JournalError> {
        let (db, session) = (&self.config.db, self.config.session);
        let taken = rows.iter().filter(|row| {
            row.ack < Ack::Server.number() && Content::ABOUT_OTHERS.contains(&row.kind.as_str())
        });
        let taken = taken.map(|row| row.id).filter(|id| {
            let mut acks = plan.acks.iter();
            acks.any(|(ack, rows)| *ack >= Ack::Server.number() && rows.contains(id))
        });
        let taken: Vec<MessageRowId> = taken.collect();
        if taken.is_empty() {
            return Ok(());
        }
        for row in db::messages::with_row_ids(db, session, &taken).await? {
            let message: Message = serde_json::from_str(&row.body)?;
            if let Content::Edit { .. } | Content::Revoke { .. } = &message.content {
                let about: Vec<&str> = message.content.target().into_iter().collect();
                let targets = Targets::stored(db, (session, &self.config.keys), &about).await?;
                plan.reword(session, &message, &targets);
            }
            plan.marks.extend(mark(session, &message, row.body, now));
        }
        Ok(())
    }

    /// Reads under the lock what the journal then remembers.
    async fn look(&self, now: i64) -> Result<Known, JournalError> {
        let config = &self.config;
        let tx = db::begin(&config.db).await?;
        // Whoever changes an endpoint holds this too: they find our lease row, or we find their change.
        db::users::lock(&tx, config.owner).await?;
        let standing = self.note(config.fence.lock(&tx).await)?;
        let endpoints = outbox::endpoints(&tx, config.owner, config.session).await?;
        tx.rollback().await?;
        Ok(Known {
            standing,
            endpoints: endpoints.into(),
            undelivered: Undelivered::default(),
            proven_at: now,
        })
    }

    fn note<T>(&self, result: Result<T, FenceError>) -> Result<T, JournalError> {
        if matches!(result, Err(FenceError::Stale)) {
            counter!("wharf_fenced_total").increment(1);
            self.config.fenced.cancel();
        }
        result.map_err(JournalError::from)
    }

    /// Which of the messages of `writes` are stored already. Nobody else stores any of this session.
    async fn stored(&self, writes: &[Write]) -> Result<Vec<(Key, Untold)>, JournalError> {
        let mut ids: Vec<&str> = Vec::new();
        for write in writes {
            let (said, past) = match write {
                Write::Incoming(batch) => (batch.as_slice(), &[][..]),
                Write::Outgoing(out) => (std::slice::from_ref(&out.message), &[][..]),
                Write::Past(past) => (&[][..], past.messages.as_slice()),
                _ => continue,
            };
            let past = past.iter().map(|past| &past.message);
            ids.extend(said.iter().chain(past).map(|message| &*message.message_id));
        }
        Ok(db::messages::known(&self.config.db, self.config.session, &ids).await?)
    }

    /// Gives each event of `plan` its place in the log.
    fn number(&self, mut plan: Plan, last_seq: i64, now: i64) -> (Plan, Vec<Arc<LogEntry>>) {
        let entry = |(seq, told): (i64, Told)| {
            Arc::new(LogEntry {
                session: self.config.session,
                owner: self.config.owner,
                seq,
                id: EventId::new(),
                kind: told.kind.into(),
                at: now,
                data: told.data.into(),
            })
        };
        let told = std::mem::take(&mut plan.told);
        let entries = (last_seq + 1..).zip(told).map(entry).collect();
        (plan, entries)
    }

    /// Has `script` write the rows of `plan`, the entries, and a delivery of each to every endpoint that wants it.
    fn script(
        &self,
        script: &mut Script,
        plan: Plan,
        entries: &[Arc<LogEntry>],
        known: &Known,
        now: i64,
    ) {
        let (session, owner) = (self.config.session, self.config.owner);
        db::messages::insert(script, plan.messages);
        db::outgoing::insert(script, plan.outgoing);
        db::messages::set_told(script, session, &plan.heard);
        db::message_secrets::insert(script, plan.secrets);
        let said = texts::write(script, session, plan.texts, plan.reworded);
        // The count may run ahead of what is committed: then words are indexed a little early.
        if said > 0 && self.unindexed.fetch_add(said, Ordering::Relaxed) + said >= INDEXED_TOGETHER
        {
            self.unindexed.store(0, Ordering::Relaxed);
            db::message_texts::index(script);
        }
        for mark in plan.marks {
            db::message_marks::put(script, mark);
        }
        plan.chats.write(script);
        plan.labels.write(script, session, now);
        db::contacts::upsert(script, plan.contacts.into_values().collect());
        for (ack, rows) in plan.acks {
            db::messages::set_ack(script, session, &rows, ack);
        }
        db::outgoing::remove(script, session, &plan.answered);
        for (id, state) in plan.unanswered {
            db::outgoing::unanswered(script, session, id, state);
        }
        let rows = entries.iter().map(|entry| (&**entry).into()).collect();
        db::events::insert(script, rows);
        let chats = outbox::chats(&known.endpoints, entries.iter().map(|entry| &*entry.data));
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
        outbox::enqueue(script, owner, &known.endpoints, &due, now);
    }

    /// After the commit of a transaction that began at `begun`.
    fn publish(&self, entries: &[Arc<LogEntry>], is_subscribed: bool, begun: Instant) {
        if entries.is_empty() {
            return;
        }
        histogram!("wharf_event_commit_seconds").record(begun.elapsed());
        for entry in entries {
            counter!("wharf_events_total", "type" => entry.kind.to_string()).increment(1);
        }
        self.config.bus.publish(entries);
        if is_subscribed {
            self.config.outbox.wake();
        }
    }
}

fn wants_receipts(known: &Known) -> bool {
    known.endpoints.iter().any(|one| one.names(RECEIPT))
}

/// Whether `writes` would pass over receipts because of endpoints that may have changed since: what is not written, no fence proves.
fn leaves_receipts_untold(known: &Known, writes: &[Write], now: i64) -> bool {
    now - known.proven_at > DOUBTED_AFTER_MS
        && !wants_receipts(known)
        && writes
            .iter()
            .any(|write| matches!(write, Write::Receipts(_)))
}

fn is_known_message(error: &JournalError) -> bool {
    let JournalError::Db(error) = error else {
        return false;
    };
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
