//! What a phone tells of the past: from its compressed pieces to pages of messages.
//!
//! Owns the reading: a conversation at a time, so that a piece is never unpacked as a whole. Must never store anything;
//! `session::history` calls it.

use std::{collections::HashMap, sync::Arc};

use entity::ids::SessionId;
use wacore::{
    history_sync::HistorySyncStream,
    types::events::{Event as WaEvent, LazyHistorySync},
};
use wacore_binary::{Jid, Server};
use waproto::whatsapp::{self as wa, history_sync::HistorySyncType as Kind};

use super::{AskError, client::Client, convert};
use crate::domain::{
    address::{Chat, ChatKind, Party},
    clock::from_rfc3339,
    event::{ContactChanges, ContactUpdateData},
    history::{Past, PastChat, PastMessage},
    message::{Ack, Message},
};

/// Messages of one page: a live message waits for the transaction of one at most.
const PAGE: usize = 200;

/// Pieces that wait to be read; what is more is lost, and counted. A piece has a megabyte or two.
pub const PIECES: usize = 64;

/// A piece of history, still compressed.
#[derive(Debug, Clone)]
pub struct Piece(pub(super) Arc<WaEvent>);

/// A piece that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("a piece of history cannot be read")]
pub struct BadPiece(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Piece {
    fn lazy(&self) -> Option<&LazyHistorySync> {
        match &*self.0 {
            WaEvent::HistorySync(lazy) => Some(lazy),
            _ => None,
        }
    }

    /// Why the phone sent it, in a stable word.
    pub fn kind(&self) -> &'static str {
        let kind = self.lazy().map(LazyHistorySync::sync_type);
        let is = |wanted: Kind| kind == Some(wanted as i32);
        match () {
            () if is(Kind::INITIAL_BOOTSTRAP) => "initial",
            () if is(Kind::RECENT) => "recent",
            () if is(Kind::FULL) => "full",
            () if is(Kind::ON_DEMAND) => "on_demand",
            () if is(Kind::PUSH_NAME) => "names",
            () => "other",
        }
    }

    /// Its place among the pieces.
    pub fn chunk(&self) -> u32 {
        self.lazy()
            .and_then(LazyHistorySync::chunk_order)
            .unwrap_or(0)
    }

    /// How much of the past has come, in percent, where the phone says it.
    pub fn progress(&self) -> Option<u32> {
        self.lazy().and_then(LazyHistorySync::progress)
    }

    /// The request that it answers, if it answers one.
    pub fn request(&self) -> Option<&str> {
        self.lazy()?.peer_data_request_session_id()
    }

    /// Reads what was written since then, in milliseconds since 1970.
    pub fn reader(&self, session: SessionId, since: i64) -> Option<Reader<'_>> {
        Some(Reader {
            stream: self.lazy()?.stream(),
            open: None,
            session,
            since,
            // Later pieces are older: what is unread is among the latest.
            counts_unread: self.kind() == "initial",
        })
    }
}

impl Client {
    /// Asks the phone for `count` messages of a chat that stand before `oldest`; gives the id of the request. The phone may
    /// not answer: it may be off.
    pub async fn ask_history(&self, oldest: &Message, count: u16) -> Result<String, AskError> {
        let Some((chat, _)) = convert::place(oldest) else {
            return Err(AskError::NotConnected);
        };
        let (id, own) = (oldest.message_id.as_str(), oldest.from_me);
        let at = from_rfc3339(&oldest.timestamp).unwrap_or_default();
        let asking = self
            .inner
            .fetch_message_history(&chat, id, own, at, count.into());
        let asking = async { asking.await.map_err(Unasked) };
        self.ask(asking).await
    }
}

/// The library's own error there has no type.
#[derive(Debug, thiserror::Error)]
#[error("the phone was not asked")]
struct Unasked(#[source] anyhow::Error);

/// Reads a piece, page by page.
pub struct Reader<'a> {
    stream: HistorySyncStream<'a>,
    open: Option<Conversation>,
    session: SessionId,
    since: i64,
    counts_unread: bool,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// The next page; none at the end.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Past>, BadPiece> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some(page) = open.page(client, self.session).await {
                    return Ok(Some(page));
                }
                self.open = None;
            }
            let next = self.stream.next_conversation();
            let Some(conversation) = next.map_err(|error| BadPiece(Box::new(error)))? else {
                return Ok(None);
            };
            self.open = self.open(client, conversation).await;
        }
    }

    /// By which names people go; to be asked for at the end.
    pub async fn names(self, client: &Client) -> Result<Vec<ContactUpdateData>, BadPiece> {
        let rest = self.stream.remainder();
        let rest = rest.map_err(|error| BadPiece(Box::new(error)))?;
        let mut people = Vec::with_capacity(rest.pushnames.len());
        for named in rest.pushnames {
            let jid: Option<Jid> = named.id.and_then(|id| id.parse().ok());
            let (Some(jid), Some(name)) = (jid, named.pushname) else {
                continue;
            };
            if !name.is_empty() && name != "-" {
                people.push(ContactUpdateData {
                    party: client.person(&jid, None).await,
                    changes: ContactChanges {
                        push_name: Some(name),
                        ..ContactChanges::default()
                    },
                    initial: true,
                });
            }
        }
        Ok(people)
    }

    async fn open(
        &self,
        client: &Client,
        mut conversation: wa::Conversation,
    ) -> Option<Conversation> {
        let chat = chat_of(client, &conversation).await?;
        let told = std::mem::take(&mut conversation.messages);
        let (chat, unread) = past_chat(chat, conversation);
        let told = told.into_iter();
        let mut told: Vec<(u64, wa::WebMessageInfo)> = told
            .filter_map(|one| Some((one.msg_order_id.unwrap_or(0), one.message.into_option()?)))
            .filter(|(_, one)| sent_at(one) >= self.since)
            .collect();
        told.sort_by_key(|(order, one)| std::cmp::Reverse((sent_at(one), *order)));
        let mut open = Conversation {
            chat,
            told: told.into_iter().map(|(_, one)| one).collect(),
            first_unread: 0,
            known: HashMap::new(),
            is_told: false,
        };
        if self.counts_unread {
            open.count_unread(client, unread, self.session).await;
        }
        Some(open)
    }
}

/// A chat and what was said there; only a page of it is taken apart at once.
struct Conversation {
    chat: PastChat,
    /// Newest first.
    told: Vec<wa::WebMessageInfo>,
    /// What others wrote is unread from this message of `told` on, towards its beginning; none is at 0.
    first_unread: usize,
    /// Both numbers of those who wrote, looked up once each.
    known: HashMap<String, Party>,
    /// Whether a page was given.
    is_told: bool,
}

impl Conversation {
    /// Finds the first of so many unread messages.
    async fn count_unread(&mut self, client: &Client, count: u32, session: SessionId) {
        let mut left = count;
        let told = std::mem::take(&mut self.told);
        for (index, one) in told.iter().enumerate() {
            if left == 0 {
                break;
            }
            let message = self.message(client, one, session).await;
            if message.is_some_and(|message| !message.from_me) {
                left -= 1;
                self.first_unread = index + 1;
            }
        }
        self.told = told;
    }

    /// The next page, oldest first. A chat in which nothing was said has one without messages.
    async fn page(&mut self, client: &Client, session: SessionId) -> Option<Past> {
        let mut messages = Vec::new();
        while messages.len() < PAGE
            && let Some(one) = self.told.pop()
        {
            let Some(message) = self.message(client, &one, session).await else {
                continue;
            };
            let ack = if message.from_me {
                ack_of(&one)
            } else if self.told.len() < self.first_unread {
                Ack::Device
            } else {
                Ack::Read
            };
            messages.push(PastMessage { message, ack });
        }
        if messages.is_empty() && self.is_told {
            return None;
        }
        self.is_told = true;
        Some(Past {
            chat: self.chat.clone(),
            messages,
        })
    }

    async fn message(
        &mut self,
        client: &Client,
        one: &wa::WebMessageInfo,
        session: SessionId,
    ) -> Option<Message> {
        let sender = self.writer(client, one).await;
        convert::past(one, (self.chat.chat.clone(), sender), session)
    }

    async fn writer(&mut self, client: &Client, message: &wa::WebMessageInfo) -> Party {
        let chat = &self.chat.chat;
        let key = message.key.as_option();
        if key.is_some_and(|key| key.from_me == Some(true)) {
            let own = client.account();
            return Party::person(own.phone, own.lid);
        }
        let within = key.and_then(|key| key.participant.as_ref());
        let Some(writer) = message.participant.as_ref().or(within) else {
            return chat.party.clone();
        };
        if let Some(known) = self.known.get(writer) {
            return known.clone();
        }
        let party = match writer.parse::<Jid>() {
            Ok(jid) if chat.kind == ChatKind::Group => client.person(&jid, None).await,
            _ => chat.party.clone(),
        };
        self.known.insert(writer.clone(), party.clone());
        party
    }
}

fn sent_at(message: &wa::WebMessageInfo) -> i64 {
    let seconds = message.message_timestamp.unwrap_or(0);
    i64::try_from(seconds).map_or(0, |seconds| seconds.saturating_mul(1000))
}

/// A status post or a broadcast list is no chat.
async fn chat_of(client: &Client, conversation: &wa::Conversation) -> Option<Chat> {
    let jid: Jid = conversation.id.parse().ok()?;
    let kind = match jid.server {
        Server::Group => ChatKind::Group,
        Server::Newsletter => ChatKind::Newsletter,
        _ if jid.server.is_pn_family() || jid.server.is_lid_family() => ChatKind::User,
        _ => return None,
    };
    let other = if jid.server.is_lid_family() {
        &conversation.pn_jid
    } else {
        &conversation.lid_jid
    };
    let other: Option<Jid> = other.as_ref().and_then(|other| other.parse().ok());
    Some(Chat {
        party: client.person(&jid, other.as_ref()).await,
        kind,
    })
}

/// The chat, and how many of its messages are unread.
fn past_chat(chat: Chat, told: wa::Conversation) -> (PastChat, u32) {
    let is_named = chat.kind != ChatKind::User;
    let past = PastChat {
        chat,
        name: told.name.filter(|name| is_named && !name.is_empty()),
        archived: told.archived.unwrap_or_default(),
        pinned: told.pinned.is_some_and(|at| at > 0),
        muted_until: told
            .mute_end_time
            .filter(|until| *until > 0)
            .map(|until| i64::try_from(until).unwrap_or(-1)),
        ephemeral_s: told.ephemeral_expiration,
        marked_unread: told.marked_as_unread.unwrap_or_default(),
    };
    (past, told.unread_count.unwrap_or(0))
}

fn ack_of(message: &wa::WebMessageInfo) -> Ack {
    use wa::web_message_info::Status;
    match message.status {
        Some(Status::ERROR) => Ack::Error,
        Some(Status::DELIVERY_ACK) => Ack::Device,
        Some(Status::READ) => Ack::Read,
        Some(Status::PLAYED) => Ack::Played,
        _ => Ack::Server,
    }
}
