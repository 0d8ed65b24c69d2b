//! The inbox: commits incoming messages, after which WhatsApp may forget them.

use tokio_util::sync::CancellationToken;

use super::{habits::Habits, journal::Journal, names::Names, replies::Replies};
use crate::{
    db::messages,
    domain::{
        address::ChatKind,
        event::{ChatUpdateData, Event},
        message::Message,
    },
    protocol::{Inbox, InboxError, store},
};

/// Writes what comes in through the session's journal.
pub(super) struct SessionInbox {
    pub(super) journal: Journal,
    pub(super) habits: Habits,
    pub(super) names: Names,
    pub(super) replies: Replies,
    /// Falls when something could not be written: WhatsApp sends it again to a client that comes anew, and only then.
    pub(super) spoiled: CancellationToken,
}

#[async_trait::async_trait]
impl Inbox for SessionInbox {
    async fn record(
        &self,
        batch: Vec<Message>,
        changes: Vec<ChatUpdateData>,
    ) -> Result<(), InboxError> {
        if self.spoiled.is_cancelled() {
            // What follows a message that was not written waits behind it: both come again, in their order.
            return Err(InboxError(Box::new(store::Error::Spoiled)));
        }
        let batch = self.habits.wanted(batch);
        if batch.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let read = self.habits.received(&batch);
        let with_files = batch.iter().any(|one| one.content.media().is_some());
        let answer = self.habits.auto_reply();
        let answers = answer.map(|text| self.replies.to(&batch, &text));
        let fresh = self.names.fresh(&batch);
        let renamed = fresh.renamed.into_iter().map(Event::ContactUpdate);
        let told = changes.into_iter().map(Event::ChatUpdate).chain(renamed);
        // Together, so that they share a transaction.
        let written = tokio::try_join!(
            self.journal.record_messages(batch),
            self.journal.record_contacts(fresh.all),
            self.journal.record_events(told.collect()),
        );
        match written {
            Ok(_) => {
                self.habits.stored(with_files);
                if let Some(read) = read {
                    self.habits.confirm(read);
                }
                if let Some(answers) = answers {
                    self.replies.send(answers);
                }
                Ok(())
            }
            Err(error) => {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(session.id = %self.journal.session(), error = source, "messages were not committed; WhatsApp will send them again");
                self.names.forget();
                self.spoiled.cancel();
                Err(InboxError(Box::new(error)))
            }
        }
    }

    async fn has(&self, kind: ChatKind, message_id: &str) -> Result<bool, InboxError> {
        if !self.habits.wants(kind) {
            return Ok(true);
        }
        let (db, session) = (&self.replies.db, self.journal.session());
        match messages::known(db, session, &[message_id]).await {
            // What the past alone has told is no event yet.
            Ok(found) => Ok(found.iter().any(|(_, untold)| untold.is_none())),
            Err(error) => Err(InboxError(Box::new(error))),
        }
    }
}
