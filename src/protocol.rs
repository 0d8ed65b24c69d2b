//! The only place that knows whatsapp-rust: it opens clients, turns their events into ours, and stores their state.
//!
//! Owns the transport, the conversion between protobuf and domain, and the device store. Must never decide what a
//! session does next: it reports, and `session` decides. Nobody but `session` and `app` calls it.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::{
    address::{ChatKind, Party},
    event::{ChatUpdateData, UndecryptableData},
    message::{Ack, Message},
    session::{Account, Reason},
};

mod app_state;
mod ask;
mod bridge;
mod business;
mod calls;
mod channels;
mod chats;
mod client;
mod communities;
mod connector;
mod contacts;
mod convert;
mod debt;
mod groups;
mod handed;
pub mod history;
mod http_client;
mod labels;
mod lost;
mod media;
mod mex;
mod news;
mod profile;
mod send_error;
mod status;
pub mod store;
mod transport;
pub mod trust;

pub use ask::AskError;
pub use client::{Client, PasskeyError};
pub use connector::{Connector, ConnectorConfig, OpenError};
pub use convert::{
    Payload, Sealed, Writer, compose, compose_about, message_id, message_id_of, open_response,
    open_vote, read,
};
pub use handed::Handed;
pub use media::MediaError;
pub use news::News;
pub use send_error::SendError;
pub use transport::Way;

/// What a client reports. Everything that can end a pairing or a connection is among them.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A QR code to show.
    Qr {
        /// What the code holds.
        code: String,
        /// How long it is valid.
        valid_for: Duration,
    },
    /// A pair code could not be had, or the phone refused it.
    PairCodeFailed {
        /// For a person to read.
        detail: String,
    },
    /// A phone has linked this device.
    Paired(Account),
    /// The pairing broke.
    PairFailed {
        /// For a person to read.
        detail: String,
    },
    /// Every QR code went by.
    QrExhausted,
    /// WhatsApp wants a passkey of the account to sign this before it links.
    PasskeyAsked {
        /// `PublicKeyCredentialRequestOptions`.
        options: serde_json::Value,
        /// How long an answer may take, if WhatsApp says so.
        valid_for: Option<Duration>,
    },
    /// The phone went on, and shows this code too.
    PasskeyCode {
        /// `XXXX-XXXX`.
        code: String,
        /// An older link of this device vouches for it: there is nothing to compare.
        needs_no_look: bool,
    },
    /// The phone, or WhatsApp, does not go on at the passkey gate.
    PasskeyRefused {
        /// For a person to read.
        detail: String,
    },
    /// The login is complete.
    Connected(Account),
    /// The connection is gone, or could not be made; the client tries again by itself.
    Lost {
        /// Why, as a stable word.
        reason: Reason,
        /// For a person to read.
        detail: String,
    },
    /// The client has given up; only a new start helps.
    Ended {
        /// Why, as a stable word.
        reason: Reason,
        /// For a person to read.
        detail: Option<String>,
        /// When trying again makes sense, if WhatsApp said so.
        retry_after: Option<Duration>,
    },
    /// The device was removed from the account.
    Removed {
        /// For a person to read.
        detail: Option<String>,
    },
    /// Own messages came further.
    Acked {
        /// WhatsApp's ids.
        message_ids: Vec<String>,
        /// How far.
        ack: Ack,
        /// Whose receipt tells so, in a group.
        member: Option<Box<Member>>,
    },
    /// Another device of the account has read messages of others.
    ReadElsewhere {
        /// WhatsApp's ids.
        message_ids: Vec<String>,
    },
    /// A message could not be decrypted; the library asks for it again.
    Undecryptable(Box<UndecryptableData>),
    /// The account goes by another name now.
    Renamed(String),
    /// Messages that bypass the inbox's commit-before-ack, such as those of channels.
    Unhooked(Vec<Message>),
}

/// A member of a group who sends a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The canonical id of the group.
    pub group: String,
    /// The member.
    pub party: Party,
    /// When, RFC 3339, by WhatsApp's clock.
    pub at: String,
}

/// Where a client puts what it hears.
#[derive(Debug)]
pub struct Told {
    /// What happens to the client itself.
    pub events: mpsc::Sender<Event>,
    /// What it hears of others.
    pub news: mpsc::Sender<News>,
    /// What the phone tells of the past; with none it is not asked for.
    pub past: Option<mpsc::Sender<history::Piece>>,
}

/// Takes incoming messages before WhatsApp is told that they arrived.
#[async_trait::async_trait]
pub trait Inbox: Send + Sync {
    /// Commits the whole batch, or fails: on `Ok` WhatsApp forgets the messages, on `Err` it sends them again.
    ///
    /// `changes` are what messages that nobody is shown say of their chats. A batch may hold messages that were committed before. Must not send anything: the library holds the
    /// sender's lock while this runs.
    async fn record(
        &self,
        batch: Vec<Message>,
        changes: Vec<ChatUpdateData>,
    ) -> Result<(), InboxError>;

    /// Whether a message of such a chat with this id of WhatsApp's was committed and told, or would not be.
    async fn has(&self, kind: ChatKind, message_id: &str) -> Result<bool, InboxError>;
}

/// The batch was not committed, or what was committed could not be read.
#[derive(Debug, thiserror::Error)]
#[error("messages could not be committed or read")]
pub struct InboxError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
