//! The verbs of messages.
//!
//! Owns the order: the message is stored under its final id, then sent, then its ack is written. `http` and the
//! dialects call it.

use std::{collections::HashMap, time::Duration};

use entity::{
    enums::OutgoingState,
    ids::{MediaId, MessageRowId, SessionId},
    messages,
};
use sea_orm::DatabaseConnection;
use sha2::{Digest, Sha256};

use super::{Ctx, Error, Fault, media::Media, sessions::find, upstream::send_error};
use crate::{
    db,
    domain::{
        address::{Address, Chat, Party},
        clock::{SharedClock, rfc3339},
        message::{Ack, Context, Message, Private, ReplyTo, Status},
        principal::Scope,
        session::Phase,
    },
    protocol::{SendError, compose, message_id},
    session::{Handle, JournalError, Manager, Outgoing, Queued},
};

mod new;

pub use new::NewMessage;
use new::refused;

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

/// A stored message with our id and its ack.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// Our id.
    pub id: MessageRowId,
    /// The message.
    pub message: Message,
    /// How far it has come.
    pub ack: Ack,
    /// Where it is, of one's own.
    pub status: Option<Status>,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Messages {
    db: DatabaseConnection,
    manager: Manager,
    media: Media,
    clock: SharedClock,
}

impl Messages {
    /// Verbs over `manager`; files come from `media`.
    pub const fn new(
        db: DatabaseConnection,
        manager: Manager,
        media: Media,
        clock: SharedClock,
    ) -> Self {
        Self {
            db,
            manager,
            media,
            clock,
        }
    }

    /// Whether the caller may send from `session`.
    pub async fn admit(&self, ctx: &Ctx, session: &str) -> Result<(), Error> {
        ctx.require(Scope::MessagesSend)?;
        self.running(ctx, session).await.map(|_| ())
    }

    /// Refuses what no message could be sent from now, or ever by this caller.
    pub async fn require_ready(&self, ctx: &Ctx, session: &str) -> Result<(), Error> {
        ctx.require(Scope::MessagesSend)?;
        let running = self.running(ctx, session).await?;
        let ready = running.and_then(|handle| handle.client());
        match ready.filter(|client| client.is_ready()) {
            Some(_) => Ok(()),
            None => Err(send_error(SendError::NotConnected)),
        }
    }

    /// Stores a message, lets it out, and waits a while for the server's answer.
    ///
    /// From the first write on it is sent whatever happens to this process, under the id that is answered.
    pub async fn send(&self, ctx: &Ctx, session: &str, new: NewMessage) -> Result<Sent, Error> {
        ctx.require(Scope::MessagesSend)?;
        let running = self.running(ctx, session).await?;
        new.check()?;
        if matches!(new.to, Address::Newsletter(_) | Address::Status) {
            return Err(send_error(SendError::Unsupported));
        }
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
        let mut outgoing = self.compose(&handle, &new).await?;
        if new.key.is_some()
            && let Some(sent) = self.sent_before(handle.session, &outgoing).await?
        {
            return Ok(sent);
        }
        let message = &mut outgoing.message;
        // Before the message is stored: what WhatsApp does not take is not sent, and what is stored can be sent again.
        if let Some(reference) = self.media.put_up(&handle, &mut message.content).await? {
            message.private = Some(Box::new(Private::Media(reference)));
        }
        let payload = compose(message).ok_or_else(|| Error::invalid("/type", NOT_SENT))?;
        if !message.is_plain() {
            outgoing.payload = Some(payload.clone());
        }
        let queued = Queued {
            id: outgoing.id,
            message_id: outgoing.message.message_id.clone(),
            to: new.to.clone(),
            content: outgoing.message.content.clone(),
            payload,
            attempts: 0,
        };
        let mut sent = Sent {
            id: queued.id,
            message_id: queued.message_id.clone(),
            status: Status::Queued,
            to: new.to.to_string(),
        };
        let journal = &handle.journal;
        journal
            .record_outgoing(outgoing)
            .await
            .map_err(journal_error)?;
        let outcome = handle.sends.push(queued);
        sent.status = match tokio::time::timeout(new.wait, outcome).await {
            Ok(Ok(Ok(()))) => Status::Sent,
            // The server may have it: saying that it failed would make the caller send it twice.
            Ok(Ok(Err(SendError::TimedOut))) => Status::Unknown,
            Ok(Ok(Err(error))) => return Err(send_error(error)),
            Ok(Err(_)) | Err(_) if handle.sends.is_under_way(sent.id) => Status::Sending,
            Ok(Err(_)) | Err(_) => Status::Queued,
        };
        Ok(sent)
    }

    /// A session of the caller's, if it runs here. The registry knows its owner, so a busy sender costs no read.
    async fn running(&self, ctx: &Ctx, reference: &str) -> Result<Option<Handle>, Error> {
        if let Ok(id) = reference.parse::<SessionId>()
            && let Some(handle) = self.manager.get(id)
            && handle.owner == ctx.owner()
        {
            ctx.require_session(id)?;
            return Ok(Some(handle));
        }
        let row = find(&self.db, ctx, reference).await?;
        Ok(self.manager.get(row.id))
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

    /// A page of stored messages, newest first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: Option<&Address>,
        cursor: Option<MessageRowId>,
        limit: u64,
    ) -> Result<Vec<StoredMessage>, Error> {
        ctx.require(Scope::MessagesRead)?;
        let row = find(&self.db, ctx, session).await?;
        let chat = chat.map(ToString::to_string);
        let rows = db::messages::page(&self.db, row.id, chat.as_deref(), cursor, limit).await?;
        self.stored(row.id, rows).await
    }

    /// One stored message, by WhatsApp's id or ours.
    pub async fn get(
        &self,
        ctx: &Ctx,
        session: &str,
        reference: &str,
    ) -> Result<StoredMessage, Error> {
        ctx.require(Scope::MessagesRead)?;
        let row = find(&self.db, ctx, session).await?;
        let found = db::messages::find(&self.db, row.id, reference).await?;
        let found = found.ok_or(Error::NotFound { what: "message" })?;
        let mut stored = self.stored(row.id, vec![found]).await?;
        stored.pop().ok_or(Error::NotFound { what: "message" })
    }

    async fn stored(
        &self,
        session: SessionId,
        rows: Vec<messages::Model>,
    ) -> Result<Vec<StoredMessage>, Error> {
        let pending = |row: &&messages::Model| row.from_me && row.ack == Ack::Pending.number();
        let pending: Vec<_> = rows.iter().filter(pending).map(|row| row.id).collect();
        let states: HashMap<_, _> = if pending.is_empty() {
            HashMap::new()
        } else {
            let states = db::outgoing::states(&self.db, session, &pending).await?;
            states.into_iter().collect()
        };
        let handle = self.manager.get(session);
        let sends = handle.as_ref().map(|handle| &handle.sends);
        let is_under_way = |id| sends.is_some_and(|sends| sends.is_under_way(id));
        // Told to its sender already, and about to be written.
        let is_taken = |id: &str| sends.is_some_and(|sends| sends.is_taken(id));
        let status = |row: &messages::Model, ack: Ack| match (ack.status(), states.get(&row.id)) {
            (Some(status), _) => status,
            (None, Some(OutgoingState::Queued)) if is_under_way(row.id) => Status::Sending,
            (None, Some(OutgoingState::Queued)) => Status::Queued,
            (None, Some(OutgoingState::Unknown) | None) => Status::Unknown,
        };
        let stored = |row: messages::Model| {
            let ack = match Ack::from_number(row.ack).unwrap_or(Ack::Error) {
                Ack::Pending if is_taken(&row.message_id) => Ack::Server,
                ack => ack,
            };
            Ok(StoredMessage {
                id: row.id,
                message: read(&row)?,
                ack,
                status: row.from_me.then(|| status(&row, ack)),
            })
        };
        rows.into_iter().map(stored).collect()
    }

    /// The message as it is stored first.
    async fn compose(&self, handle: &Handle, new: &NewMessage) -> Result<Outgoing, Error> {
        let now = self.clock.now_ms();
        let account = handle.snapshot().account;
        let chat = chat_of(&new.to);
        let reply_to = match &new.reply_to {
            Some(reference) => Some(self.answered(handle.session, reference, &chat).await?),
            None => None,
        };
        let message = Message {
            message_id: new
                .key
                .as_deref()
                .map_or_else(message_id, |key| keyed_id(handle.session, key, new)),
            chat,
            sender: Party::person(account.phone, account.lid),
            from_me: true,
            push_name: account.push_name,
            timestamp: rfc3339(now),
            content: new.content.clone(),
            context: Context {
                reply_to: reply_to.map(Box::new),
                mentions: new.mentions.iter().map(party_of).collect(),
                link_preview: new.link_preview.clone(),
                forwarded: new.forwarded,
                expires_in_s: new.expires_in_s,
                view_once: new.view_once,
            },
            private: None,
        };
        Ok(Outgoing {
            id: MessageRowId::new(),
            to: new.to.clone(),
            message,
            payload: None,
            sent_at: now,
        })
    }

    /// The message of `chat` that is answered.
    async fn answered(
        &self,
        session: SessionId,
        reference: &str,
        chat: &Chat,
    ) -> Result<ReplyTo, Error> {
        let unknown = || {
            let detail = "this chat has no such message";
            refused("reply_to_unknown", "/reply_to", detail)
        };
        let found = db::messages::find(&self.db, session, reference).await?;
        let answered = read(&found.ok_or_else(unknown)?)?;
        if answered.content.target().is_some() || !answered.chat.party.is(&chat.party) {
            return Err(unknown());
        }
        Ok(ReplyTo {
            message_id: answered.message_id,
            sender: Some(answered.sender),
            content: Some(Box::new(answered.content)),
        })
    }
}

fn read(row: &messages::Model) -> Result<Message, Error> {
    serde_json::from_str(&row.body).map_err(Error::internal)
}

fn party_of(address: &Address) -> Party {
    match address {
        Address::Phone(digits) => Party::person(Some(digits.clone()), None),
        Address::Lid(_) => Party::person(None, Some(address.to_string())),
        Address::Group(_) | Address::Newsletter(_) | Address::Status => Party {
            id: address.to_string(),
            phone: None,
            lid: None,
        },
    }
}

fn chat_of(address: &Address) -> Chat {
    Chat {
        party: party_of(address),
        kind: address.kind(),
    }
}

/// An id in the shape of WhatsApp's own that is the same for the same key and message.
fn keyed_id(session: SessionId, key: &str, new: &NewMessage) -> String {
    let mut hash = Sha256::new();
    let mut content = new.content.clone();
    if let Some(media) = content.media_mut() {
        // The same file may have been taken in twice.
        media.id = MediaId(uuid::Uuid::nil());
        media.url.clear();
    }
    let said = serde_json::to_string(&(&content, &new.reply_to)).unwrap_or_default();
    for part in [&session.to_string(), key, &new.to.to_string(), &said] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("3EB0{}", hex::encode_upper(&hash.finalize()[..9]))
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
