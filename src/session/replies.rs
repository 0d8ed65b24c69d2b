//! The automatic answer of a session, if its owner has set one.
//!
//! Answers what a person writes to this account alone: never itself, never a group, never what is itself an answer, so that
//! two sessions that both answer come to an end. A chat is answered once a minute at most. An answer has an id that follows
//! from the message: one that comes again is not answered twice. It counts as a message of its owner, who may have no more.
//! The inbox calls it, after its commit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entity::ids::{MessageRowId, UserId};
use sea_orm::DatabaseConnection;
use tokio::sync::watch;

use super::{
    journal::{Journal, Outgoing},
    sends::{Queued, Sends},
};
use crate::{
    db,
    domain::{
        address::{Address, ChatKind, Party},
        clock::{SharedClock, rfc3339},
        message::{Content, Context, Message},
        session::Snapshot,
    },
    lifecycle::Tasks,
    protocol::{compose, message_id_of},
};

/// A chat is not answered again before that.
const EVERY_MS: i64 = 60_000;

/// Chats that are remembered; beyond that the memory begins anew.
const CHATS: usize = 10_000;

/// Answers for one run of a session.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) db: DatabaseConnection,
    /// Whose messages they count as.
    pub(super) owner: UserId,
    pub(super) journal: Journal,
    pub(super) sends: Sends,
    pub(super) state: watch::Receiver<Snapshot>,
    pub(super) clock: SharedClock,
    pub(super) tasks: Tasks,
    pub(super) answered: Mutex<HashMap<String, i64>>,
}

impl Replies {
    /// The answers to those of `batch` that get one.
    pub(super) fn to(&self, batch: &[Message], text: &str) -> Vec<Outgoing> {
        let now = self.clock.now_ms();
        let account = self.state.borrow().account.clone();
        let own = Party::person(account.phone.clone(), account.lid.clone());
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let due = batch.iter().filter(|message| {
            let is_question = message.chat.kind == ChatKind::User
                && !message.from_me
                && !message.chat.party.is(&own)
                && message.content.target().is_none()
                && message.context.reply_to.is_none();
            if !is_question {
                return false;
            }
            if answered.len() >= CHATS {
                answered.clear();
            }
            let last = answered
                .entry(message.chat.party.id.clone())
                .or_insert(i64::MIN);
            let is_due = now.saturating_sub(*last) >= EVERY_MS;
            if is_due {
                *last = now;
            }
            is_due
        });
        let answer = |message: &Message| {
            let to: Address = message.chat.party.id.parse().ok()?;
            Some(Outgoing {
                id: MessageRowId::new(),
                to,
                message: Message {
                    message_id: id_of(&self.journal.session().to_string(), message),
                    chat: message.chat.clone(),
                    sender: own.clone(),
                    from_me: true,
                    push_name: account.push_name.clone(),
                    timestamp: rfc3339(now),
                    content: Content::text(text),
                    context: Context {
                        reply_to: Some(Box::new(message.quoted())),
                        ..Context::default()
                    },
                    private: None,
                },
                payload: None,
                sent_at: now,
            })
        };
        due.filter_map(answer).collect()
    }

    /// Stores the answers and lets them out, like any message.
    pub(super) fn send(&self, answers: Vec<Outgoing>) {
        if answers.is_empty() {
            return;
        }
        let (journal, sends) = (self.journal.clone(), self.sends.clone());
        let (db, owner, clock) = (self.db.clone(), self.owner, Arc::clone(&self.clock));
        self.tasks.spawn("session.reply", async move {
            for mut answer in answers {
                match db::tenants::spend_all(&db, owner, clock.now_ms()).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::info!("nobody is answered: the account has sent what it may");
                        return;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "an automatic answer could not be counted");
                        return;
                    }
                }
                let Some(payload) = compose(&mut answer.message) else {
                    continue;
                };
                answer.payload = Some(payload.clone());
                let queued = Queued::of(&answer, payload);
                if let Err(error) = journal.record_outgoing(answer).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "an automatic answer was not stored");
                    return;
                }
                // Nobody waits for it: its acks tell what became of it.
                drop(sends.push(queued));
            }
        });
    }
}

fn id_of(session: &str, message: &Message) -> String {
    message_id_of(&[
        "auto_reply",
        session,
        &message.chat.party.id,
        &message.message_id,
    ])
}
