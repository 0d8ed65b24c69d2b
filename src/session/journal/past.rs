//! Messages of the past: stored like those that come in, and told by no event.
//!
//! A phone tells what came since it was linked as well, and it may tell it before it comes: then the event is still to follow.

use entity::{
    ids::{MessageRowId, SessionId},
    messages,
};

use super::{
    about::Targets,
    plan::{Plan, row},
};
use crate::{
    db::messages::Key,
    domain::{
        clock::from_rfc3339,
        history::PastMessage,
        message::{Ack, Message},
    },
};

/// The row of a stored message that no event has told: the phone's history was faster than the message.
pub(super) type Untold = Option<MessageRowId>;

impl Plan {
    /// A message comes whose row the past has brought.
    pub(super) fn hear(
        &mut self,
        session: SessionId,
        (row, message): (MessageRowId, &Message),
        targets: &Targets,
        now: i64,
    ) -> Result<(), serde_json::Error> {
        if let Some(message) = targets.judge(message) {
            // A statement sees no row that is written together with it.
            match self.messages.iter_mut().find(|new| new.id == row) {
                Some(new) => new.untold = false,
                None => self.heard.push(row),
            }
            let data = serde_json::to_string(&message)?;
            self.tell(session, (&message, data), targets, now);
        }
        Ok(())
    }

    /// Takes over a message that is not stored yet; gives its row.
    pub(super) fn take_over(
        &mut self,
        session: SessionId,
        past: &PastMessage,
        key: Key,
    ) -> Result<MessageRowId, serde_json::Error> {
        let message = &past.message;
        let sent_at = from_rfc3339(&message.timestamp).unwrap_or(0);
        let id = MessageRowId::written_at(sent_at);
        self.keep_secret(session, id, message);
        self.file(message, true);
        let is_unread = !message.from_me && past.ack < Ack::Read;
        self.chats.add(message, id, sent_at, is_unread);
        self.index(session, id, message);
        let body = match self.wordless(message)? {
            Some(wordless) => wordless,
            None => serde_json::to_string(message)?,
        };
        let row = row(session, (id, message), key, body, past.ack);
        self.messages.push(messages::Model {
            sent_at,
            created_at: self.chats.now(),
            untold: true,
            ..row
        });
        Ok(id)
    }
}
