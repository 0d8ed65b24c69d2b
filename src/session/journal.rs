//! Everything that a session writes: rows, events and deliveries, in fenced transactions.
//!
//! Owns the queue in front of them. While one transaction is on its way to the disk, what comes in waits and shares the
//! next one: a busy session costs few commits, an idle one no time. [`commit`] owns what stands in a transaction. A
//! write that was begun is ended even when its caller has gone. Must never publish what is not committed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use entity::{
    enums::OutgoingState,
    ids::{MessageRowId, SessionId, UserId},
};
use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use self::error::JournalError;
use self::undelivered::Undelivered;
use crate::{
    db::{
        fence::{Fence, Standing},
        sessions::RunState,
    },
    domain::{
        address::Address,
        clock::SharedClock,
        event::{ContactUpdateData, ErrorData, Event},
        history::Past,
        message::{Ack, Message},
    },
    events::{Bus, Subscription},
    lifecycle::Tasks,
    protocol::Payload,
    seal::SessionKeys,
    webhook::outbox::{Endpoint, Wake},
};

mod about;
mod acks;
mod chats;
mod commit;
mod error;
mod files;
mod labels;
mod past;
mod plan;
mod texts;
mod undelivered;

/// Writes that share one transaction; more wait for the next.
const TOGETHER: usize = 128;

/// A message that is about to be sent, as it is stored first.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Our id of the row.
    pub id: MessageRowId,
    /// Where it goes.
    pub to: Address,
    /// The message.
    pub message: Message,
    /// What is sent, where it cannot be made again from the message.
    pub payload: Option<Payload>,
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
    /// Owns the writes under way.
    pub tasks: Tasks,
    /// Falls at the first write that the fence refuses.
    pub fenced: CancellationToken,
    /// What it seals with.
    pub keys: Arc<SessionKeys>,
}

/// Writes for one session, at one epoch. Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: JournalConfig,
    queue: Mutex<Queue>,
    /// From the last commit, if there was one and nothing went wrong since.
    known: Mutex<Option<Known>>,
    /// Whether stored messages say what they said.
    keeps_words: AtomicBool,
    /// Messages whose words were written since they were last indexed.
    unindexed: AtomicUsize,
}

/// What the fence of the next write proves to be true still.
#[derive(Debug)]
struct Known {
    standing: Standing,
    /// The endpoints that want events of this session.
    endpoints: Arc<[Endpoint]>,
    /// Own messages that an ack may come for.
    undelivered: Undelivered,
    /// When the fence last proved it, in milliseconds since 1970.
    proven_at: i64,
}

impl Known {
    /// After `count` more events, at `now`.
    const fn advanced(mut self, count: i64, now: i64) -> Self {
        self.standing.last_seq += count;
        self.proven_at = now;
        self
    }
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Whether somebody is writing, and will look again.
    writing: bool,
}

#[derive(Debug)]
struct Job {
    write: Write,
    /// Whoever waits may have gone.
    done: oneshot::Sender<Result<(), JournalError>>,
}

/// One thing to be written.
#[derive(Debug)]
enum Write {
    /// How the run is going, with the events that tell it.
    Run(RunState, Vec<Event>),
    /// What happened around people, chats and groups.
    Events(Vec<Event>),
    /// What is newly known about people.
    Contacts(Vec<ContactUpdateData>),
    /// Incoming messages.
    Incoming(Vec<Message>),
    /// Messages of the past.
    Past(Box<Past>),
    /// A message that is about to be sent.
    Outgoing(Box<Outgoing>),
    /// How far own messages have come.
    Acks {
        /// WhatsApp's ids.
        ids: Vec<String>,
        ack: Ack,
        /// Why they failed, if they did.
        error: Option<ErrorData>,
    },
    /// How far own messages have come with single members of their groups; written only if somebody asks for it.
    Receipts(Vec<Event>),
    /// Messages of others were read, by WhatsApp's ids.
    Read(Vec<String>),
    /// A message was handed to the server, which did not answer.
    Unanswered(MessageRowId, OutgoingState),
}

impl Journal {
    /// A journal; nothing is written yet.
    pub fn new(config: JournalConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            queue: Mutex::default(),
            known: Mutex::default(),
            keeps_words: AtomicBool::new(true),
            unindexed: AtomicUsize::new(0),
        }))
    }

    /// The session that it writes for.
    pub fn session(&self) -> SessionId {
        self.0.config.session
    }

    /// Whether both are the same journal.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether messages that are stored from now on say what they said; events always do.
    pub fn keep_words(&self, keep: bool) {
        self.0.keeps_words.store(keep, Ordering::Release);
    }

    /// Whether what is stored says what to send.
    pub fn keeps_words(&self) -> bool {
        self.0.keeps_words.load(Ordering::Acquire)
    }

    /// Hears what is written from now on.
    pub fn listen(&self) -> Subscription {
        self.0.config.bus.session(self.0.config.session)
    }

    /// From now on the session counts as another owner's.
    pub(super) fn give_up(&self) {
        self.0.config.fenced.cancel();
    }

    /// Writes how the run is going, with the events that tell it.
    pub async fn record_run(&self, run: RunState, events: Vec<Event>) -> Result<(), JournalError> {
        self.write(Write::Run(run, events)).await
    }

    /// Writes events that change nothing of the session.
    pub async fn record_events(&self, events: Vec<Event>) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        self.write(Write::Events(events)).await
    }

    /// Keeps by which names people go.
    pub async fn record_contacts(
        &self,
        people: Vec<ContactUpdateData>,
    ) -> Result<(), JournalError> {
        if people.is_empty() {
            return Ok(());
        }
        self.write(Write::Contacts(people)).await
    }

    /// Writes incoming messages with their events; those that are stored already are passed over.
    pub async fn record_messages(&self, batch: Vec<Message>) -> Result<(), JournalError> {
        self.write(Write::Incoming(batch)).await
    }

    /// Writes messages of the past, without events; those that are stored already are passed over.
    pub async fn record_past(&self, past: Past) -> Result<(), JournalError> {
        self.write(Write::Past(Box::new(past))).await
    }

    /// Stores a message that is about to be sent.
    pub async fn record_outgoing(&self, outgoing: Outgoing) -> Result<(), JournalError> {
        self.write(Write::Outgoing(Box::new(outgoing))).await
    }

    /// Raises the ack of own messages; what is not ours, or is there already, is passed over.
    pub async fn record_acks(&self, ids: Vec<String>, ack: Ack) -> Result<(), JournalError> {
        let error = None;
        self.write(Write::Acks { ids, ack, error }).await
    }

    /// Writes `message.receipt` events, if an endpoint names them.
    pub async fn record_receipts(&self, receipts: Vec<Event>) -> Result<(), JournalError> {
        if receipts.is_empty() {
            return Ok(());
        }
        self.write(Write::Receipts(receipts)).await
    }

    /// This account has read messages of others; what is not known, or was read before, is passed over.
    pub async fn record_read(&self, ids: Vec<String>) -> Result<(), JournalError> {
        self.write(Write::Read(ids)).await
    }

    /// An own message has failed for good.
    pub async fn record_failure(
        &self,
        message_id: String,
        error: ErrorData,
    ) -> Result<(), JournalError> {
        let failure = Write::Acks {
            ids: vec![message_id],
            ack: Ack::Error,
            error: Some(error),
        };
        self.write(failure).await
    }

    /// Counts an attempt to send that the server did not answer, and says what follows.
    pub async fn record_unanswered(
        &self,
        id: MessageRowId,
        state: OutgoingState,
    ) -> Result<(), JournalError> {
        self.write(Write::Unanswered(id, state)).await
    }

    async fn write(&self, write: Write) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        if self.0.enqueue(Job { write, done }) {
            // A task of its own: a caller that hangs up must not take the others' writes with it.
            let inner = Arc::clone(&self.0);
            let task = async move { inner.write_all().await };
            self.0.config.tasks.spawn("session.commit", task);
        }
        answer.await.unwrap_or(Err(JournalError::GivenUp))
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether somebody has to start writing.
    fn enqueue(&self, job: Job) -> bool {
        let mut queue = self.queue();
        queue.jobs.push_back(job);
        !std::mem::replace(&mut queue.writing, true)
    }

    /// The next writes; none ends the writing.
    fn next(&self) -> Vec<Job> {
        let mut queue = self.queue();
        let count = queue.jobs.len().min(TOGETHER);
        queue.writing = count > 0;
        queue.jobs.drain(..count).collect()
    }

    async fn write_all(&self) {
        let mut writing = Writing {
            inner: self,
            ended: false,
        };
        loop {
            let jobs = self.next();
            if jobs.is_empty() {
                break;
            }
            let (writes, waiting): (Vec<Write>, Vec<_>) =
                jobs.into_iter().map(|job| (job.write, job.done)).unzip();
            let result = self.commit(&writes).await;
            for done in waiting {
                drop(done.send(result.clone()));
            }
        }
        writing.ended = true;
    }
}

/// Writing under way. If it ends in the middle (a panic, the end of the process), who waits is let go, and the next may
/// write.
struct Writing<'a> {
    inner: &'a Inner,
    ended: bool,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut queue = self.inner.queue();
        queue.writing = false;
        queue.jobs.clear();
    }
}
