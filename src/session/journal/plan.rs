//! From writes to rows: what a transaction of the journal is to hold.
//!
//! Pure. Each message becomes JSON once, for its row and for its event.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use entity::{
    contacts,
    enums::OutgoingState,
    ids::{MessageRowId, SessionId},
    message_marks, message_secrets, message_texts, messages, outgoing,
};

use super::{
    Outgoing, Write,
    about::{Targets, mark},
    chats::{Chats, Standing},
    files::Filed,
    labels::Labels,
    past::Untold,
};
use crate::{
    db::messages::Key,
    domain::{
        clock::from_rfc3339,
        event::{ContactUpdateData, Event},
        message::{Ack, Content, Message, Private},
    },
    protocol::Payload,
};

/// An event without its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: &'static str,
    /// The `data`, as JSON.
    pub(super) data: String,
}

impl Told {
    pub(super) fn of(event: &Event) -> Result<Self, serde_json::Error> {
        Ok(Self {
            kind: event.name(),
            data: event.data_json()?,
        })
    }
}

/// What is there already that writes are about.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Messages that are stored already.
    pub(super) seen: HashMap<Key, Untold>,
    /// The messages that others are about.
    pub(super) targets: Targets,
    /// How chats stand.
    pub(super) chats: Standing,
    /// Whether somebody asks for the receipts of single members.
    pub(super) wants_receipts: bool,
}

/// Rows to be written, and events to be numbered.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) messages: Vec<messages::Model>,
    /// Stored messages of the past that an event tells now.
    pub(super) heard: Vec<MessageRowId>,
    pub(super) outgoing: Vec<outgoing::Model>,
    pub(super) secrets: Vec<message_secrets::Model>,
    /// Files of messages, and where WhatsApp has them.
    pub(super) files: Vec<Filed>,
    /// The words of new messages.
    pub(super) texts: Vec<message_texts::Model>,
    /// Stored messages that say something else now, or nothing any more.
    pub(super) reworded: BTreeMap<MessageRowId, Option<message_texts::Model>>,
    /// What became of other messages.
    pub(super) marks: Vec<message_marks::Model>,
    pub(super) told: Vec<Told>,
    /// What is new of chats.
    pub(super) chats: Chats,
    /// What is new of labels.
    pub(super) labels: Labels,
    /// People by their address.
    pub(super) contacts: BTreeMap<String, contacts::Model>,
    /// Own messages by the ack that they come to.
    pub(super) acks: BTreeMap<i16, Vec<MessageRowId>>,
    /// Rows of `outgoing` that are answered.
    pub(super) answered: Vec<MessageRowId>,
    /// Rows of `outgoing` that were sent and not answered.
    pub(super) unanswered: Vec<(MessageRowId, OutgoingState)>,
    /// Whether the rows say what was said.
    keeps_words: bool,
}

impl Plan {
    pub(super) fn new((session, keeps_words): (SessionId, bool), now: i64) -> Self {
        Self {
            messages: Vec::new(),
            heard: Vec::new(),
            outgoing: Vec::new(),
            secrets: Vec::new(),
            files: Vec::new(),
            texts: Vec::new(),
            reworded: BTreeMap::new(),
            marks: Vec::new(),
            told: Vec::new(),
            chats: Chats::new(session, now),
            labels: Labels::default(),
            contacts: BTreeMap::new(),
            acks: BTreeMap::new(),
            answered: Vec::new(),
            unanswered: Vec::new(),
            keeps_words,
        }
    }

    /// What `writes` come to, without their acks.
    pub(super) fn of(
        (session, keeps_words): (SessionId, bool),
        writes: &[Write],
        before: Before,
        now: i64,
    ) -> Result<Self, serde_json::Error> {
        let Before {
            mut seen,
            targets,
            chats,
            wants_receipts,
        } = before;
        let mut plan = Self::new((session, keeps_words), now);
        for write in writes {
            match write {
                Write::Run(_, events) | Write::Events(events) => {
                    for event in events {
                        plan.change_chat(event, &chats);
                        if let Event::LabelUpdate(update) = event {
                            plan.change_label(session, update, now);
                        }
                        plan.told.push(Told::of(event)?);
                    }
                }
                Write::Contacts(people) => {
                    for person in people {
                        plan.know(session, person, now);
                    }
                }
                Write::Incoming(batch) => {
                    for message in batch {
                        match seen.entry(key(message)) {
                            Entry::Vacant(new) => {
                                let key = new.key().clone();
                                new.insert(None);
                                plan.take_in(session, message, key, &targets, now)?;
                            }
                            Entry::Occupied(mut known) => {
                                if let Some(row) = known.insert(None) {
                                    plan.hear(session, (row, message), &targets, now)?;
                                }
                            }
                        }
                    }
                }
                Write::Past(past) => {
                    plan.chats.was(&past.chat, &chats);
                    for message in &past.messages {
                        if let Entry::Vacant(new) = seen.entry(key(&message.message)) {
                            let key = new.key().clone();
                            new.insert(Some(plan.take_over(session, message, key)?));
                        }
                    }
                }
                Write::Outgoing(out) => {
                    if let Entry::Vacant(new) = seen.entry(key(&out.message)) {
                        let key = new.key().clone();
                        new.insert(None);
                        plan.put_out(session, out, key, now)?;
                    }
                }
                Write::Read(ids) => plan.read(ids, &chats),
                Write::Unanswered(id, state) => plan.unanswered.push((*id, *state)),
                Write::Receipts(receipts) if wants_receipts => {
                    for receipt in receipts {
                        plan.told.push(Told::of(receipt)?);
                    }
                }
                Write::Receipts(_) | Write::Acks { .. } => {}
            }
        }
        Ok(plan)
    }

    /// One row for each person, of all that is said of them.
    fn know(&mut self, session: SessionId, person: &ContactUpdateData, now: i64) {
        let party = &person.party;
        let row = self.contacts.entry(party.id.clone());
        let row = row.or_insert_with(|| contacts::Model {
            session_id: session,
            id: party.id.clone(),
            phone: None,
            lid: None,
            name: None,
            push_name: None,
            updated_at: now,
        });
        let changes = &person.changes;
        for (column, said) in [
            (&mut row.phone, &party.phone),
            (&mut row.lid, &party.lid),
            (&mut row.name, &changes.name),
            (&mut row.push_name, &changes.push_name),
        ] {
            if said.is_some() {
                column.clone_from(said);
            }
        }
    }

    fn take_in(
        &mut self,
        session: SessionId,
        message: &Message,
        key: Key,
        targets: &Targets,
        now: i64,
    ) -> Result<(), serde_json::Error> {
        let judged = targets.judge(message);
        let is_told = judged.is_some();
        let message = judged.as_deref().unwrap_or(message);
        let data = serde_json::to_string(message)?;
        let sent_at = from_rfc3339(&message.timestamp).unwrap_or(now);
        let id = MessageRowId::written_at(sent_at);
        self.keep_secret(session, id, message);
        self.file(message, true);
        self.chats.said(message, id, sent_at);
        self.index(session, id, message);
        let body = self.wordless(message)?.unwrap_or_else(|| data.clone());
        let row = row(session, (id, message), key, body, Ack::Device);
        self.messages.push(messages::Model {
            sent_at,
            created_at: now,
            ..row
        });
        // What somebody may not do is stored all the same, so that it does not come again.
        if is_told {
            self.tell(session, (message, data), targets, now);
        }
        Ok(())
    }

    /// The event of a message, and what becomes of the one that it is about.
    pub(super) fn tell(
        &mut self,
        session: SessionId,
        (message, data): (&Message, String),
        targets: &Targets,
        now: i64,
    ) {
        if message.content.target().is_some() {
            if self.keeps(message) {
                self.marks.extend(mark(session, message, data.clone(), now));
            }
            self.reword(session, message, targets);
        }
        self.told.push(Told {
            kind: Event::name_of(&message.content),
            data,
        });
    }

    fn put_out(
        &mut self,
        session: SessionId,
        out: &Outgoing,
        key: Key,
        now: i64,
    ) -> Result<(), serde_json::Error> {
        let data = serde_json::to_string(&out.message)?;
        // What cannot be made again from the row stands beside it.
        let wordless = match &out.payload {
            Some(_) => self.wordless(&out.message)?,
            None => None,
        };
        self.keep_secret(session, out.id, &out.message);
        self.file(&out.message, false);
        self.chats.said(&out.message, out.id, out.sent_at);
        self.index(session, out.id, &out.message);
        let body = wordless.unwrap_or(data);
        let row = row(session, (out.id, &out.message), key, body, Ack::Pending);
        self.messages.push(messages::Model {
            sent_at: out.sent_at,
            created_at: now,
            ..row
        });
        self.outgoing.push(outgoing::Model {
            id: out.id,
            session_id: session,
            recipient: out.to.to_string(),
            state: OutgoingState::Queued,
            attempts: 0,
            created_at: now,
            payload: out.payload.clone().map(Payload::into_stored),
        });
        Ok(())
    }

    /// Whether what `message` says may be stored.
    pub(super) fn keeps(&self, message: &Message) -> bool {
        self.keeps_words || !matches!(message.content.without_words(), Content::NotKept { .. })
    }

    /// The message as its row has it, as JSON; none if that is all of it.
    pub(super) fn wordless(&self, message: &Message) -> Result<Option<String>, serde_json::Error> {
        if self.keeps_words {
            return Ok(None);
        }
        serde_json::to_string(&message.without_words()).map(Some)
    }

    pub(super) fn keep_secret(&mut self, session: SessionId, id: MessageRowId, message: &Message) {
        if let Some(Private::Secret(secret)) = message.private.as_deref() {
            self.secrets.push(message_secrets::Model {
                session_id: session,
                id,
                secret: secret.clone(),
            });
        }
    }

    /// Whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.told.is_empty()
            && self.acks.is_empty()
            && self.chats.is_empty()
            && self.labels.is_empty()
            && self.contacts.is_empty()
            && self.unanswered.is_empty()
    }
}

fn key(message: &Message) -> Key {
    Key {
        chat: message.chat.party.id.clone(),
        sender: message.sender.id.clone(),
        message_id: message.message_id.clone(),
    }
}

pub(super) fn row(
    session: SessionId,
    (id, message): (MessageRowId, &Message),
    key: Key,
    body: String,
    ack: Ack,
) -> messages::Model {
    messages::Model {
        session_id: session,
        chat: key.chat,
        sender: key.sender,
        message_id: key.message_id,
        id,
        from_me: message.from_me,
        kind: message.content.kind().to_owned(),
        body,
        ack: ack.number(),
        sent_at: 0,
        created_at: 0,
        untold: false,
    }
}
