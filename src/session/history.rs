//! Takes over what a phone tells of the past, beside what happens now.
//!
//! Owns the order: page by page through the journal, so that a live message waits for one page at most, and one event
//! for each piece when it is stored. Messages of the past are no `message` events. Must never hold more than two pages unpacked.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::mpsc;

use super::{
    habits::Habits,
    journal::{Journal, JournalError},
};
use crate::{
    domain::{
        clock::SharedClock,
        event::{Event, HistorySyncData},
    },
    protocol::{
        Client,
        history::{BadPiece, Piece},
    },
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a piece was not taken over.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("the session ends")]
    Ending,
    #[error("it cannot be read")]
    Bad(#[from] BadPiece),
    #[error("it could not be written")]
    Journal(#[from] JournalError),
}

/// Reads what the client of one run is sent of the past.
pub(super) struct Historian {
    pub(super) journal: Journal,
    pub(super) client: Arc<ArcSwapOption<Client>>,
    pub(super) habits: Habits,
    pub(super) clock: SharedClock,
    /// Messages that are older are left out.
    pub(super) days: u32,
}

impl Historian {
    /// Until the client has gone.
    pub(super) async fn run(self, mut pieces: mpsc::Receiver<Piece>) {
        while let Some(piece) = pieces.recv().await {
            if let Err(error) = self.take(&piece).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(session.id = %self.journal.session(), error, "a piece of history was not taken over");
            }
        }
    }

    async fn take(&self, piece: &Piece) -> Result<(), NotTaken> {
        if !self.habits.takes_history() {
            return Ok(());
        }
        let client = self.client.load_full().ok_or(NotTaken::Ending)?;
        // Whoever asks for the past of a chat knows how old it is.
        let since = match piece.request() {
            Some(_) => i64::MIN,
            None => self.clock.now_ms() - i64::from(self.days) * DAY_MS,
        };
        let reader = piece.reader(self.journal.session(), since);
        let mut reader = reader.ok_or(NotTaken::Ending)?;
        let mut messages: u64 = 0;
        let mut page = reader.next(&client).await?;
        while let Some(past) = page {
            if !self.habits.wants(past.chat.chat.kind) {
                page = reader.next(&client).await?;
                continue;
            }
            messages += u64::try_from(past.messages.len()).unwrap_or(0);
            // The next page is unpacked while this one is written.
            let (written, next) =
                tokio::join!(self.journal.record_past(past), reader.next(&client));
            written?;
            page = next?;
        }
        let names = reader.names(&client).await?;
        let told = Event::HistorySync(HistorySyncData {
            kind: piece.kind().to_owned(),
            chunk: piece.chunk(),
            progress: piece.progress(),
            messages,
            request_id: piece.request().map(str::to_owned),
        });
        let keeping = self.journal.record_contacts(names);
        let telling = self.journal.record_events(vec![told]);
        tokio::try_join!(keeping, telling)?;
        Ok(())
    }
}
