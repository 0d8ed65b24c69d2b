//! Messages that an earlier run has left unsent.
//!
//! Called by the manager alone: at a start for what goes out again, at an unpairing for what never will.

use super::{Manager, ManagerError};
use crate::{
    db,
    domain::{event::ErrorData, message::Message},
    protocol::{Payload, compose},
    seal::SessionKeys,
    session::{
        journal::{Journal, JournalError},
        sends::{Queued, WAITING},
    },
};

/// A message that waited longer is of no use any more, and would come as a surprise.
const STALE_MS: i64 = 24 * 60 * 60 * 1000;

impl Manager {
    /// What the next run has to send. What is too old fails.
    pub(super) async fn left_over(
        &self,
        journal: &Journal,
        keys: &SessionKeys,
    ) -> Result<Vec<Queued>, ManagerError> {
        let oldest = self.parts.clock.now_ms() - STALE_MS;
        let mut left = Vec::new();
        // Those that were under way come on top of those that waited.
        let limit = 2 * WAITING as u64;
        for (row, message) in db::outgoing::queued(&self.parts.db, journal.session(), limit).await?
        {
            let parsed: Option<Message> = serde_json::from_str(&message.body).ok();
            let stored = row
                .payload
                .map(|sealed| keys.open(db::outgoing::TABLE, row.id.0.as_bytes(), &sealed));
            let ready = parsed.and_then(|mut parsed| {
                let payload = match stored {
                    Some(opened) => Payload::from_stored(opened.ok()?.to_vec()),
                    None => compose(&mut parsed)?,
                };
                Some((payload, parsed))
            });
            let (Ok(to), Some((payload, parsed))) = (row.recipient.parse(), ready) else {
                fail(journal, message.message_id, DAMAGED).await?;
                continue;
            };
            if row.created_at < oldest {
                fail(journal, message.message_id, EXPIRED).await?;
                continue;
            }
            left.push(Queued {
                id: row.id,
                message_id: message.message_id,
                to,
                audience: parsed.context.audience(),
                content: parsed.content,
                payload,
                attempts: row.attempts,
            });
        }
        Ok(left)
    }

    /// Fails what waits: the account that it was to come from is gone.
    pub(super) async fn drop_left_over(&self, journal: &Journal) -> Result<(), ManagerError> {
        loop {
            let rows =
                db::outgoing::queued(&self.parts.db, journal.session(), WAITING as u64).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for (_, message) in rows {
                fail(journal, message.message_id, UNPAIRED).await?;
            }
        }
    }
}

/// A stable word, and what it means.
type Why = (&'static str, &'static str);

const DAMAGED: Why = ("message_damaged", "the stored message cannot be read");
const EXPIRED: Why = ("send_expired", "it could not be sent for a day");
const UNPAIRED: Why = (
    "session_logged_out",
    "the session was unpaired before it could be sent",
);

async fn fail(
    journal: &Journal,
    message_id: String,
    (code, detail): Why,
) -> Result<(), JournalError> {
    let data = ErrorData {
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    journal.record_failure(message_id, data).await
}
