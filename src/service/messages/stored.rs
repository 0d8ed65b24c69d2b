//! Stored messages, with how far they have come and what became of them.

use std::collections::{HashMap, HashSet};

use entity::{
    enums::OutgoingState,
    ids::{MessageRowId, SessionId},
    messages,
};

use super::{Became, Messages, became::Marks, read};
use crate::{
    db::{self, messages::Filter},
    domain::{
        address::Address,
        message::{Ack, Content, Message, Status},
        principal::Scope,
        words::Search,
    },
    service::{Ctx, Error, Fault, sessions::find},
};

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
    /// What became of it.
    pub became: Became,
}

/// Which messages are wanted; what is none wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Of this chat.
    pub chat: Option<Address>,
    /// By this person.
    pub sender: Option<Address>,
    /// Of this kind.
    pub kind: Option<String>,
    /// By this account, or by others.
    pub from_me: Option<bool>,
    /// Not written before, in milliseconds since 1970; what is finer than a second does not count.
    pub from: Option<i64>,
    /// Written before, likewise.
    pub to: Option<i64>,
    /// With all of these words.
    pub words: Option<String>,
}

impl Messages {
    /// A page of stored messages, newest first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        session: &str,
        query: &Query,
        cursor: Option<MessageRowId>,
        limit: u64,
    ) -> Result<Vec<StoredMessage>, Error> {
        ctx.require(Scope::MessagesRead)?;
        let row = find(&self.db, ctx, session).await?;
        let filter = self.filter(row.id, query).await?;
        if filter.search.is_some() {
            db::message_texts::settle(&self.db).await?;
        }
        let rows = db::messages::page(&self.db, row.id, &filter, cursor, limit).await?;
        self.stored(row.id, rows).await
    }

    /// How many messages the account of `session` has sent since `from`, in milliseconds since 1970: a number of the
    /// session, which tells nothing of what they say.
    pub async fn count_sent(&self, ctx: &Ctx, session: &str, from: i64) -> Result<u64, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, session).await?;
        let filter = Filter {
            from_me: Some(true),
            from: Some(from),
            ..Filter::default()
        };
        Ok(db::messages::count(&self.db, row.id, &filter).await?)
    }

    async fn filter(&self, session: SessionId, query: &Query) -> Result<Filter, Error> {
        let mut faults = Vec::new();
        let kind = query.kind.as_deref();
        if kind.is_some_and(|kind| !Content::LISTED.contains(&kind)) {
            let detail = format!("is one of {}", Content::LISTED.join(", "));
            faults.push(Fault::new("/type", detail));
        }
        // WhatsApp counts in seconds.
        let second = |ms: i64| ms.div_euclid(1000) * 1000;
        let (from, to) = (query.from.map(second), query.to.map(second));
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            faults.push(Fault::new("/to", "must be at least a second after from"));
        }
        let search = query.words.as_deref().map(Search::parse).transpose();
        if let Err(fault) = &search {
            faults.push(Fault::new("/q", fault.to_string()));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid {
                code: "validation_failed",
                faults,
            });
        }
        let mut filter = Filter {
            kind: query.kind.clone(),
            from_me: query.from_me,
            from,
            to,
            search: search.unwrap_or_default(),
            ..Filter::default()
        };
        for (wanted, asked) in [
            (&mut filter.chat, &query.chat),
            (&mut filter.sender, &query.sender),
        ] {
            if let Some(asked) = asked {
                *wanted = Some(self.canonical(session, asked).await?);
            }
        }
        Ok(filter)
    }

    /// The form under which messages of a chat or a person are stored: by the phone, where it is known.
    pub(super) async fn canonical(
        &self,
        session: SessionId,
        address: &Address,
    ) -> Result<String, Error> {
        let written = address.to_string();
        if !matches!(address, Address::Lid(_)) {
            return Ok(written);
        }
        if let Some(id) = db::chats::by_lid(&self.db, session, &written).await? {
            return Ok(id);
        }
        let known = db::contacts::by_lid(&self.db, session, &written).await?;
        Ok(known.unwrap_or(written))
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

    pub(super) async fn stored(
        &self,
        session: SessionId,
        mut rows: Vec<messages::Model>,
    ) -> Result<Vec<StoredMessage>, Error> {
        let handle = self.running.manager.get(session);
        let sends = handle.as_ref().map(|handle| &handle.sends);
        let is_under_way = |id| sends.is_some_and(|sends| sends.is_under_way(id));
        let pending = |row: &&messages::Model| row.from_me && row.ack == Ack::Pending.number();
        let pending: Vec<_> = rows.iter().filter(pending).collect();
        // Told to its sender already, and about to be written. Looked at before the states: what is written by then has none.
        let is_taken =
            |row: &&&messages::Model| sends.is_some_and(|sends| sends.is_taken(&row.message_id));
        let taken: HashSet<_> = pending.iter().filter(is_taken).map(|row| row.id).collect();
        let pending: Vec<_> = pending.into_iter().map(|row| row.id).collect();
        let states = self.states(session, &pending, &mut rows).await?;
        let status = |row: &messages::Model, ack: Ack| match (ack.status(), states.get(&row.id)) {
            (Some(status), _) => status,
            (None, Some(OutgoingState::Queued)) if is_under_way(row.id) => Status::Sending,
            (None, Some(OutgoingState::Queued)) => Status::Queued,
            (None, Some(OutgoingState::Unknown) | None) => Status::Unknown,
        };
        let ids: Vec<&str> = rows.iter().map(|row| row.message_id.as_str()).collect();
        let marks = Marks::at(&self.db, session, &ids).await?;
        let stored = |row: messages::Model| {
            let ack = match Ack::from_number(row.ack).unwrap_or(Ack::Error) {
                Ack::Pending if taken.contains(&row.id) => Ack::Server,
                ack => ack,
            };
            let mut message = read(&row)?;
            Ok(StoredMessage {
                id: row.id,
                became: marks.apply(&mut message),
                message,
                ack,
                status: row.from_me.then(|| status(&row, ack)),
            })
        };
        rows.into_iter().map(stored).collect()
    }

    /// Where those of `rows` are that were `pending` when they were read. One that has been answered since is read anew: its
    /// state went with the answer.
    async fn states(
        &self,
        session: SessionId,
        pending: &[MessageRowId],
        rows: &mut [messages::Model],
    ) -> Result<HashMap<MessageRowId, OutgoingState>, Error> {
        if pending.is_empty() {
            return Ok(HashMap::new());
        }
        let states = db::outgoing::states(&self.db, session, pending).await?;
        let states: HashMap<_, _> = states.into_iter().collect();
        let answered = pending.iter().filter(|id| !states.contains_key(id));
        let answered: Vec<MessageRowId> = answered.copied().collect();
        if !answered.is_empty() {
            for fresh in db::messages::with_row_ids(&self.db, session, &answered).await? {
                if let Some(row) = rows.iter_mut().find(|row| row.id == fresh.id) {
                    *row = fresh;
                }
            }
        }
        Ok(states)
    }
}
