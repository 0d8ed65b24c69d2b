//! The verbs of messages.
//!
//! Owns the order: the message is stored under its final id, then sent, then its ack is written. `http` and the
//! dialects call it.

use std::time::Duration;

use entity::{
    ids::{MessageRowId, SessionId},
    messages,
};
use sea_orm::DatabaseConnection;

use super::{
    Ctx, Error, Fault, media::Media, quotas::Quotas, running::Running, shares::Turn,
    upstream::send_error,
};
use crate::{
    db,
    domain::{
        address::{Address, ChatKind},
        clock::SharedClock,
        message::{Message, Private, Status},
        principal::Scope,
        session::Phase,
    },
    protocol::{Payload, SendError, compose},
    session::{Handle, JournalError, Manager, Outgoing, Queued},
};

mod about;
mod became;
mod compose;
mod new;
mod posts;
mod sent;
mod status;
mod stored;

pub use about::Wording;
pub use became::{Answered, Became, Deleted, Pinned, Reacted, Tally};
pub(super) use new::MAX_TEXT;
pub use new::{NewMessage, Shown};
use new::{check_caption, check_text, refused};
pub use sent::Outcome;
pub use stored::{Query, StoredMessage};

const NOT_SENT: &str = "this kind cannot be sent";

/// When to come back after too many messages wait.
const QUEUE_FULL_RETRY: Duration = Duration::from_secs(5);

/// How long a caller may wait for the server's answer.
pub const MAX_WAIT: Duration = Duration::from_secs(10);

/// A repeated key stands for the same message for as long as its answer is kept.
const SAME_KEY_MS: i64 = 24 * 60 * 60 * 1000;

/// What became of a message at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Our id.
    pub id: MessageRowId,
    /// WhatsApp's id.
    pub message_id: String,
    /// Where it is.
    pub status: Status,
    /// The canonical address.
    pub to: String,
}

/// A session that messages can be sent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Whether it sends slowly, for the sake of its account.
    pub is_protected: bool,
}

/// A message that something is written about.
struct Target {
    id: MessageRowId,
    message: Message,
    handle: Handle,
    turn: Turn,
}

/// What the verbs stand on.
#[derive(Debug, Clone)]
pub struct MessageParts {
    /// The one database.
    pub db: DatabaseConnection,
    /// The sessions that run here.
    pub manager: Manager,
    /// Where files come from.
    pub media: Media,
    /// The time.
    pub clock: SharedClock,
    /// How many messages a tenant may send.
    pub quotas: Quotas,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Messages {
    db: DatabaseConnection,
    running: Running,
    media: Media,
    clock: SharedClock,
    quotas: Quotas,
}

impl Messages {
    /// Verbs over `parts`.
    pub fn new(parts: MessageParts) -> Self {
        let running = Running {
            db: parts.db.clone(),
            manager: parts.manager,
        };
        Self {
            db: parts.db,
            running,
            media: parts.media,
            clock: parts.clock,
            quotas: parts.quotas,
        }
    }

    /// Whether the caller may send from `session`.
    pub async fn admit(&self, ctx: &Ctx, session: &str) -> Result<(), Error> {
        self.running.find(ctx, Scope::MessagesSend, session).await?;
        Ok(())
    }

    /// Refuses what no message could be sent from now, or ever by this caller.
    pub async fn require_ready(&self, ctx: &Ctx, session: &str) -> Result<Ready, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        found.client()?;
        let is_protected = found
            .handle
            .is_some_and(|handle| handle.sends.is_protected());
        Ok(Ready { is_protected })
    }

    /// Stores a message, lets it out, and waits a while for the server's answer.
    ///
    /// From the first write on it is sent whatever happens to this process, under the id that is answered.
    pub async fn send(&self, ctx: &Ctx, session: &str, new: NewMessage) -> Result<Sent, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        new.check()?;
        status::check(&new)?;
        self.quotas.may_send(ctx.owner()).await?;
        let handle = able(found.handle)?;
        if let Address::Newsletter(channel) = &new.to {
            posts::check(&new)?;
            posts::require_admin(&handle, channel).await?;
        }
        status::require_known(&handle, &new.recipients).await?;
        let mut outgoing = self.compose(&handle, &new).await?;
        if new.key.is_some()
            && let Some(sent) = self.sent_before(handle.session, &outgoing).await?
        {
            return Ok(sent);
        }
        let message = &mut outgoing.message;
        // Before the message is stored: what WhatsApp does not take is not sent, and what is stored can be sent again.
        let lies_open = message.chat.kind == ChatKind::Newsletter;
        let put_up = self
            .media
            .put_up(&handle, &mut message.content, lies_open, new.thumbnail);
        if let Some(reference) = put_up.await? {
            message.private = Some(Box::new(Private::Media(reference)));
        }
        let not_sent = || refused("kind_not_sent", "/type", NOT_SENT);
        let payload = compose(message).ok_or_else(not_sent)?;
        if !message.is_plain() {
            outgoing.payload = Some(payload.clone());
        }
        self.let_out((&ctx.turn, &handle), outgoing, payload, new.wait)
            .await
    }

    /// Stores what is ready to be sent, lets it out, and waits a while for the server's answer.
    async fn let_out(
        &self,
        (turn, handle): (&Turn, &Handle),
        outgoing: Outgoing,
        payload: Payload,
        wait: Duration,
    ) -> Result<Sent, Error> {
        self.quotas.spend(handle.owner).await?;
        let mut outgoing = outgoing;
        if !handle.journal.keeps_words() {
            // The row does not say what to send.
            outgoing.payload = Some(payload.clone());
        }
        let queued = Queued::of(&outgoing, payload);
        let mut sent = Sent {
            id: queued.id,
            message_id: queued.message_id.clone(),
            status: Status::Queued,
            to: outgoing.to.to_string(),
        };
        let journal = &handle.journal;
        journal
            .record_outgoing(outgoing)
            .await
            .map_err(journal_error)?;
        let outcome = handle.sends.push(queued);
        turn.step_aside();
        sent.status = match tokio::time::timeout(wait, outcome).await {
            Ok(Ok(Ok(()))) => Status::Sent,
            // The server may have it: saying that it failed would make the caller send it twice.
            Ok(Ok(Err(SendError::TimedOut))) => Status::Unknown,
            Ok(Ok(Err(error))) => return Err(send_error(error)),
            Ok(Err(_)) | Err(_) if handle.sends.is_under_way(sent.id) => Status::Sending,
            Ok(Err(_)) | Err(_) => Status::Queued,
        };
        Ok(sent)
    }

    /// What an earlier request with the same key has stored.
    async fn sent_before(
        &self,
        session: SessionId,
        outgoing: &Outgoing,
    ) -> Result<Option<Sent>, Error> {
        let message_id = &outgoing.message.message_id;
        let found = db::messages::find(&self.db, session, message_id).await?;
        let oldest = self.clock.now_ms() - SAME_KEY_MS;
        let Some(row) = found.filter(|row| row.from_me && row.created_at > oldest) else {
            return Ok(None);
        };
        let stored = self.stored(session, vec![row]).await?.into_iter().next();
        Ok(stored.map(|stored| Sent {
            id: stored.id,
            message_id: message_id.clone(),
            status: stored.status.unwrap_or(Status::Unknown),
            to: outgoing.to.to_string(),
        }))
    }
}

/// The running session, if it can send now or soon.
fn able(running: Option<Handle>) -> Result<Handle, Error> {
    let not_connected = || send_error(SendError::NotConnected);
    let handle = running.ok_or_else(not_connected)?;
    let can_send = match handle.snapshot().phase {
        Phase::Connected => handle.client().is_some(),
        // Cut off for now: it goes out at the next login.
        Phase::Connecting | Phase::Degraded(_) => handle.snapshot().account.phone.is_some(),
        _ => false,
    };
    if !can_send {
        return Err(not_connected());
    }
    if !handle.sends.has_room() {
        return Err(Error::Limited {
            code: "send_queue_full",
            detail: "too many messages of this session wait to be sent".to_owned(),
            retry_after: QUEUE_FULL_RETRY,
        });
    }
    Ok(handle)
}

fn read(row: &messages::Model) -> Result<Message, Error> {
    serde_json::from_str(&row.body).map_err(Error::internal)
}

fn journal_error(error: JournalError) -> Error {
    match error {
        JournalError::Fenced => Error::Unavailable {
            code: "session_moved",
            detail: "another node has taken this session over; try again",
        },
        JournalError::Db(_)
        | JournalError::Json(_)
        | JournalError::Seal(_)
        | JournalError::GivenUp => Error::internal(error),
    }
}
