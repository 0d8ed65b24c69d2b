//! The verbs of messages.
//!
//! Owns the order: the message is stored under its final id, then sent, then its ack is written. `http` and the
//! dialects call it.

use entity::ids::MessageRowId;
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, Fault, sessions::find, upstream::send_error};
use crate::{
    db,
    domain::{
        address::{Address, Chat, ChatKind, Party},
        clock::{SharedClock, rfc3339},
        message::{Ack, Content, Message, Text},
        principal::Scope,
    },
    protocol::{SendError, message_id},
    session::{Handle, JournalError, Manager, Outgoing},
};

/// The longest text, in characters: WhatsApp's own limit.
const MAX_TEXT: usize = 65_536;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Where to.
    pub to: Address,
    /// The text.
    pub text: String,
}

/// What became of a message at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Our id.
    pub id: MessageRowId,
    /// WhatsApp's id.
    pub message_id: String,
    /// `sent` when the server has it, `unknown` when it did not say so in time.
    pub status: &'static str,
    /// The canonical address.
    pub to: String,
}

/// A stored message with our id and its ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Our id.
    pub id: MessageRowId,
    /// The message.
    pub message: Message,
    /// How far it has come.
    pub ack: Ack,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Messages {
    db: DatabaseConnection,
    manager: Manager,
    clock: SharedClock,
}

impl Messages {
    /// Verbs over `manager`.
    pub const fn new(db: DatabaseConnection, manager: Manager, clock: SharedClock) -> Self {
        Self { db, manager, clock }
    }

    /// Sends a text.
    pub async fn send(&self, ctx: &Ctx, session: &str, new: NewMessage) -> Result<Sent, Error> {
        ctx.require(Scope::MessagesSend)?;
        let row = find(&self.db, ctx, session).await?;
        check_text(&new.text)?;
        if matches!(new.to, Address::Newsletter(_) | Address::Status) {
            return Err(send_error(SendError::Unsupported));
        }
        let not_connected = || send_error(SendError::NotConnected);
        let handle = self.manager.get(row.id).ok_or_else(not_connected)?;
        let client = handle.client().ok_or_else(not_connected)?;

        let outgoing = self.compose(&handle, &new);
        let (row_id, id) = (outgoing.id, outgoing.message.message_id.clone());
        handle
            .journal
            .record_outgoing(outgoing)
            .await
            .map_err(journal_error)?;
        let status = match client.send_text(&new.to, &id, &new.text).await {
            Ok(sent) => {
                if !sent.written {
                    let acked = handle
                        .journal
                        .record_acks(vec![id.clone()], Ack::Server)
                        .await;
                    acked.map_err(journal_error)?;
                }
                "sent"
            }
            // The server may have it: saying that it failed would make the caller send it twice.
            Err(SendError::TimedOut) => "unknown",
            Err(error) => {
                let acked = handle.journal.record_acks(vec![id], Ack::Error).await;
                acked.map_err(journal_error)?;
                return Err(send_error(error));
            }
        };
        Ok(Sent {
            id: row_id,
            message_id: id,
            status,
            to: new.to.to_string(),
        })
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
        rows.into_iter().map(stored).collect()
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
        stored(found.ok_or(Error::NotFound { what: "message" })?)
    }

    fn compose(&self, handle: &Handle, new: &NewMessage) -> Outgoing {
        let now = self.clock.now_ms();
        let account = handle.snapshot().account;
        let party = match &new.to {
            Address::Phone(digits) => Party::person(Some(digits.clone()), None),
            Address::Lid(_) => Party::person(None, Some(new.to.to_string())),
            Address::Group(_) | Address::Newsletter(_) | Address::Status => Party {
                id: new.to.to_string(),
                phone: None,
                lid: None,
            },
        };
        let kind = match new.to.kind() {
            ChatKind::Group => ChatKind::Group,
            ChatKind::User | ChatKind::Newsletter | ChatKind::Status => new.to.kind(),
        };
        let message = Message {
            message_id: message_id(),
            chat: Chat { party, kind },
            sender: Party::person(account.phone, account.lid),
            from_me: true,
            push_name: account.push_name,
            timestamp: rfc3339(now),
            content: Content::Text {
                text: Text {
                    body: new.text.clone(),
                },
            },
        };
        Outgoing {
            id: MessageRowId::new(),
            message,
            sent_at: now,
        }
    }
}

fn check_text(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::invalid("/text/body", "a text must not be empty"));
    }
    if text.chars().count() > MAX_TEXT {
        let detail = format!("a text may have {MAX_TEXT} characters");
        return Err(Error::Invalid {
            code: "text_too_long",
            faults: vec![Fault::new("/text/body", detail)],
        });
    }
    Ok(())
}

fn stored(row: entity::messages::Model) -> Result<StoredMessage, Error> {
    Ok(StoredMessage {
        id: row.id,
        message: serde_json::from_str(&row.body).map_err(Error::internal)?,
        ack: Ack::from_number(row.ack).unwrap_or(Ack::Error),
    })
}

fn journal_error(error: JournalError) -> Error {
    match error {
        JournalError::Fenced => Error::Unavailable {
            code: "session_moved",
            detail: "another node has taken this session over; try again",
        },
        JournalError::Db(_) | JournalError::Json(_) | JournalError::GivenUp => {
            Error::internal(error)
        }
    }
}
