//! What a transaction changes about chats: one row for each, however much is said there.
//!
//! Owns how unread messages are counted: what others write counts until any device of the account has read it. What
//! stands already is asked for only when receipts or app state are among the writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    chats,
    ids::{MessageRowId, SessionId},
};
use sea_orm::ConnectionTrait;

use super::{JournalError, Write, plan::Plan};
use crate::{
    db::{self, Script, messages::Unread},
    domain::{
        address::{Chat, ChatKind, Party},
        clock::from_rfc3339,
        event::{ChatUpdateData, Event},
        history::PastChat,
        message::{Ack, Content, Message},
    },
};

/// Silent without an end.
pub(crate) const MUTED_FOR_EVER: i64 = -1;

/// Chats and unread messages that writes speak of, as they stand.
#[derive(Debug, Default)]
pub(super) struct Standing {
    chats: HashMap<String, chats::Model>,
    unread: Vec<Unread>,
}

impl Standing {
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        session: SessionId,
        writes: &[Write],
    ) -> Result<Self, JournalError> {
        let read = writes.iter().flat_map(|write| match write {
            Write::Read(ids) => ids.as_slice(),
            _ => &[],
        });
        let read: Vec<&str> = read.map(String::as_str).collect();
        let unread = if read.is_empty() {
            Vec::new()
        } else {
            db::messages::unread_among(db, session, &read).await?
        };
        let changed: Vec<&ChatUpdateData> = writes.iter().flat_map(changes).collect();
        let past = writes.iter().filter_map(|write| match write {
            Write::Past(past) => Some(past.chat.chat.party.id.as_str()),
            _ => None,
        });
        let ids = changed.iter().map(|change| change.chat.party.id.as_str());
        let ids = ids.chain(unread.iter().map(|one| &*one.chat));
        let ids: BTreeSet<&str> = ids.chain(past).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        let rows = db::chats::of(db, session, &ids).await?;
        let chats = rows.into_iter().map(|row| (row.id.clone(), row));
        let mut standing = Self {
            chats: chats.collect(),
            unread,
        };
        for change in changed.into_iter().filter(|change| ends_unread(change)) {
            let Some(row) = standing.chats.get(&change.chat.party.id) else {
                continue;
            };
            let count = u64::try_from(row.unread).unwrap_or(0);
            if count > 0 {
                let unread = db::messages::unread_in(db, session, &row.id, count).await?;
                standing.unread.extend(unread);
            }
        }
        Ok(standing)
    }
}

fn changes(write: &Write) -> impl Iterator<Item = &ChatUpdateData> {
    let events = match write {
        Write::Run(_, events) | Write::Events(events) => events.as_slice(),
        _ => &[],
    };
    events.iter().filter_map(|event| match event {
        Event::ChatUpdate(change) => Some(change),
        _ => None,
    })
}

fn seconds(after: u32) -> i32 {
    i32::try_from(after).unwrap_or(i32::MAX)
}

/// Whether nothing in the chat is unread any more.
fn ends_unread(change: &ChatUpdateData) -> bool {
    let changes = &change.changes;
    [changes.read, changes.cleared, changes.deleted].contains(&Some(true))
}

/// Rows of `chats` to be written.
#[derive(Debug)]
pub(super) struct Chats {
    session: SessionId,
    now: i64,
    rows: BTreeMap<String, chats::Model>,
    /// Those that are removed; a row of the same chat begins it anew.
    gone: BTreeSet<String>,
    /// Messages that were stored before and are read now.
    read: BTreeSet<MessageRowId>,
}

impl Chats {
    pub(super) const fn new(session: SessionId, now: i64) -> Self {
        Self {
            session,
            now,
            rows: BTreeMap::new(),
            gone: BTreeSet::new(),
            read: BTreeSet::new(),
        }
    }

    /// The time of what is written.
    pub(super) const fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gone.is_empty()
    }

    /// The row of a chat, which says nothing new yet.
    fn row(&mut self, party: &Party) -> &mut chats::Model {
        let row = self.rows.entry(party.id.clone());
        let row = row.or_insert_with(|| chats::Model {
            session_id: self.session,
            id: party.id.clone(),
            phone: None,
            lid: None,
            name: None,
            unread: 0,
            marked_unread: None,
            archived: None,
            pinned: None,
            muted_until: None,
            ephemeral_s: None,
            last_at: 0,
            last_message_id: None,
            last_sent_at: None,
            updated_at: self.now,
        });
        for (column, said) in [(&mut row.phone, &party.phone), (&mut row.lid, &party.lid)] {
            if said.is_some() {
                column.clone_from(said);
            }
        }
        row
    }

    /// A message was written there.
    pub(super) fn said(&mut self, message: &Message, id: MessageRowId, sent_at: i64) {
        self.add(message, id, sent_at, !message.from_me);
    }

    /// A message stands there. A status is no chat, and a reaction is no message of its own.
    pub(super) fn add(
        &mut self,
        message: &Message,
        id: MessageRowId,
        sent_at: i64,
        is_unread: bool,
    ) {
        if message.chat.kind == ChatKind::Status || message.content.target().is_some() {
            return;
        }
        let row = self.row(&message.chat.party);
        row.unread += i32::from(is_unread);
        if id.at_ms() >= row.last_at {
            row.last_at = id.at_ms();
            row.last_message_id = Some(message.message_id.clone());
            row.last_sent_at = Some(sent_at);
        }
    }

    /// How a chat stood; what app state has said of it is newer.
    pub(super) fn was(&mut self, past: &PastChat, standing: &Standing) {
        let id = &past.chat.party.id;
        let is_known = standing.chats.contains_key(id) || self.rows.contains_key(id);
        let row = self.row(&past.chat.party);
        if past.name.is_some() {
            row.name.clone_from(&past.name);
        }
        if !is_known {
            row.archived = past.archived.then_some(true);
            row.pinned = past.pinned.then_some(true);
            row.marked_unread = past.marked_unread.then_some(true);
            row.muted_until = past.muted_until;
            row.ephemeral_s = past.ephemeral_s.map(seconds);
        }
    }

    fn timed(&mut self, chat: &Chat, after: u32) {
        self.row(&chat.party).ephemeral_s = Some(seconds(after));
    }

    fn called(&mut self, chat: &Chat, subject: &str) {
        self.row(&chat.party).name = Some(subject.to_owned());
    }

    /// Has `script` write them.
    pub(super) fn write(self, script: &mut Script) {
        if !self.gone.is_empty() {
            let gone = self.gone.iter().map(String::as_str);
            db::chats::remove(script, self.session, gone);
        }
        db::chats::upsert(script, self.rows.into_values().collect());
    }
}

impl Plan {
    /// What `event` says of a chat.
    pub(super) fn change_chat(&mut self, event: &Event, standing: &Standing) {
        match event {
            Event::ChatUpdate(change) if change.chat.kind != ChatKind::Status => {
                self.label_chat(change);
                self.change(change, standing);
            }
            Event::GroupUpdate(update) => {
                if let Some(subject) = &update.changes.subject {
                    self.chats.called(&update.chat, subject);
                }
                if let Some(after) = update.changes.ephemeral_s {
                    self.chats.timed(&update.chat, after);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, change: &ChatUpdateData, standing: &Standing) {
        let (party, changes) = (&change.chat.party, &change.changes);
        let before = standing.chats.get(&party.id);
        let before = before.filter(|_| !self.chats.gone.contains(&party.id));
        if ends_unread(change) {
            self.read_all(&party.id, standing);
        }
        if changes.deleted == Some(true) {
            self.chats.rows.remove(&party.id);
            self.chats.gone.insert(party.id.clone());
            return;
        }
        // What is put back, let sound or read was there before: it makes no chat of nothing.
        let expires = changes.ephemeral_s.map(|after| after > 0);
        let stands = [changes.archived, changes.pinned, changes.muted, expires];
        let stands = stands.contains(&Some(true));
        let is_new = before.is_none() && !self.chats.rows.contains_key(&party.id);
        if is_new && !stands && changes.read != Some(false) {
            return;
        }
        let row = self.chats.row(party);
        if ends_unread(change) {
            row.unread = before.map_or(0, |before| -before.unread);
        }
        if changes.cleared == Some(true) {
            row.last_at = row.last_at.max(before.map_or(0, |before| before.last_at));
            row.last_message_id = None;
            row.last_sent_at = None;
        }
        if let Some(muted) = changes.muted {
            let until = changes.muted_until.as_deref().and_then(from_rfc3339);
            row.muted_until = Some(if muted {
                until.unwrap_or(MUTED_FOR_EVER)
            } else {
                0
            });
        }
        if let Some(after) = changes.ephemeral_s {
            row.ephemeral_s = Some(seconds(after));
        }
        for (column, said) in [
            (&mut row.archived, changes.archived),
            (&mut row.pinned, changes.pinned),
            (&mut row.marked_unread, changes.read.map(|read| !read)),
        ] {
            if said.is_some() {
                *column = said;
            }
        }
    }

    /// Nothing in the chat is unread any more.
    fn read_all(&mut self, chat: &str, standing: &Standing) {
        for row in &mut self.messages {
            if row.chat == chat && !row.from_me {
                row.ack = row.ack.max(Ack::Read.number());
            }
        }
        let unread = standing.unread.iter().filter(|one| one.chat == chat);
        let unread = unread
            .map(|one| one.id)
            .filter(|id| self.chats.read.insert(*id));
        let read = self.acks.entry(Ack::Read.number()).or_default();
        read.extend(unread);
        if read.is_empty() {
            self.acks.remove(&Ack::Read.number());
        }
    }

    /// Messages were read: each of them lowers what is unread in its chat, once.
    pub(super) fn read(&mut self, ids: &[String], standing: &Standing) {
        for row in &mut self.messages {
            let is_unread = !row.from_me
                && row.ack < Ack::Read.number()
                && !Content::ABOUT_OTHERS.contains(&row.kind.as_str());
            if is_unread && ids.contains(&row.message_id) {
                row.ack = Ack::Read.number();
                if let Some(chat) = self.chats.rows.get_mut(&row.chat) {
                    chat.unread -= 1;
                }
            }
        }
        for one in &standing.unread {
            if !ids.contains(&one.message_id) || !self.chats.read.insert(one.id) {
                continue;
            }
            self.acks
                .entry(Ack::Read.number())
                .or_default()
                .push(one.id);
            let before = standing.chats.get(&one.chat);
            let before = before.filter(|_| !self.chats.gone.contains(&one.chat));
            if let Some(before) = before {
                let party = Party {
                    id: before.id.clone(),
                    phone: before.phone.clone(),
                    lid: before.lid.clone(),
                };
                let row = self.chats.row(&party);
                row.unread -= 1;
                row.marked_unread = Some(false);
            }
        }
    }
}
