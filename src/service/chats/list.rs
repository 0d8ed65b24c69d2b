//! The list of chats, as it is stored: nothing is asked of WhatsApp.

use std::collections::HashMap;

use entity::chats::Model;

use super::Chats;
use crate::{
    db,
    domain::{
        address::{Address, Chat, ChatKind, Party},
        principal::Scope,
    },
    service::{Ctx, Error},
};

/// How long a chat is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Not at all.
    Off,
    /// Until it is told otherwise.
    On,
    /// Until so many milliseconds since 1970.
    Until(i64),
}

/// The message at the end of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    /// WhatsApp's id.
    pub message_id: String,
    /// When it was written, in milliseconds since 1970, by WhatsApp's clock.
    pub sent_at: i64,
}

/// A chat and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which one.
    pub chat: Chat,
    /// Its place in the list.
    pub place: (i64, String),
    /// What it is called: the group, or the person as the account knows them.
    pub name: Option<String>,
    /// Messages that no device of the account has read.
    pub unread: u32,
    /// It was marked as unread.
    pub marked_unread: bool,
    /// It was put away.
    pub archived: bool,
    /// It stays on top.
    pub pinned: bool,
    /// After how many seconds its messages disappear; 0 is never.
    pub ephemeral_s: u32,
    /// The ids of its labels.
    pub labels: Vec<String>,
    /// For how long it makes no sound.
    pub silence: Silence,
    /// The message at its end.
    pub last: Option<LastMessage>,
}

impl Chats {
    /// A page of the session's chats, the one with the latest message first; it need not be connected.
    pub async fn list(
        &self,
        ctx: &Ctx,
        session: &str,
        label: Option<&str>,
        after: Option<(i64, &str)>,
        limit: u64,
    ) -> Result<Vec<Listed>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let db = &self.running.db;
        if let Some(label) = label {
            self.label(found.id, label).await?;
        }
        let rows = db::chats::page(db, found.id, label, after, limit).await?;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut labels: HashMap<String, Vec<String>> = HashMap::new();
        if !ids.is_empty() {
            let lids = rows.iter().filter_map(|row| row.lid.as_deref());
            let both: Vec<&str> = ids.iter().copied().chain(lids).collect();
            for (chat, label) in db::labels::of_chats(db, found.id, &both).await? {
                labels.entry(chat).or_default().push(label);
            }
        }
        let people = if ids.is_empty() {
            Vec::new()
        } else {
            db::contacts::of(db, found.id, &ids).await?
        };
        let names = people.into_iter();
        let mut names: HashMap<String, Option<String>> = names
            .map(|person| (person.id, person.name.or(person.push_name)))
            .collect();
        let now = self.clock.now_ms();
        let listed = |mut row: Model| {
            let name = row.name.take();
            let name = name.or_else(|| names.remove(&row.id).flatten());
            let by_lid = row.lid.as_ref().and_then(|lid| labels.remove(lid));
            let mut labels = labels.remove(&row.id).unwrap_or_default();
            labels.extend(by_lid.into_iter().flatten());
            labels.sort_unstable();
            labels.dedup();
            Listed {
                labels,
                ..listed(row, name, now)
            }
        };
        Ok(rows.into_iter().map(listed).collect())
    }
}

fn listed(row: Model, name: Option<String>, now: i64) -> Listed {
    let silence = match row.muted_until {
        Some(until) if until < 0 => Silence::On,
        Some(until) if until > now => Silence::Until(until),
        _ => Silence::Off,
    };
    let address = row.id.parse::<Address>();
    let last = row.last_message_id.map(|message_id| LastMessage {
        message_id,
        sent_at: row.last_sent_at.unwrap_or(row.last_at),
    });
    Listed {
        place: (row.last_at, row.id.clone()),
        chat: Chat {
            kind: address.map_or(ChatKind::User, |address| address.kind()),
            party: Party {
                id: row.id,
                phone: row.phone,
                lid: row.lid,
            },
        },
        name,
        unread: u32::try_from(row.unread).unwrap_or(0),
        marked_unread: row.marked_unread.unwrap_or_default(),
        archived: row.archived.unwrap_or_default(),
        pinned: row.pinned.unwrap_or_default(),
        ephemeral_s: u32::try_from(row.ephemeral_s.unwrap_or(0)).unwrap_or(0),
        labels: Vec::new(),
        silence,
        last,
    }
}
