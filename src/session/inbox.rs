//! The inbox: commits incoming messages, after which WhatsApp may forget them.

use std::sync::Arc;

use super::journal::Journal;
use crate::{
    domain::message::Message,
    protocol::{Inbox, InboxError},
};

/// Writes what comes in through the session's journal.
pub(super) struct SessionInbox(pub(super) Arc<Journal>);

#[async_trait::async_trait]
impl Inbox for SessionInbox {
    async fn record(&self, batch: Vec<Message>) -> Result<(), InboxError> {
        match self.0.record_messages(batch).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(session.id = %self.0.session(), error = source, "messages were not committed; WhatsApp will send them again");
                Err(InboxError(Box::new(error)))
            }
        }
    }
}
