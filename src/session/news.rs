//! News of others: into the log, and past the session's habits.
//!
//! Runs beside the actor, which may wait for an answer of WhatsApp: that answer could wait for these, since no frame
//! leaves before what was heard is written ([`Client::has_written`]). Must never ask WhatsApp anything itself.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    habits::Habits,
    journal::{Journal, JournalError},
};
use crate::{
    domain::event::{CallData, ContactUpdateData, Event},
    protocol::{Client, News},
};

/// News taken at once.
const BURST: usize = 256;

/// Writes what the client of one run hears of others.
pub(super) struct Newsreader {
    pub(super) journal: Journal,
    pub(super) client: Arc<Client>,
    pub(super) habits: Habits,
    /// Falls when it cannot be written: the run ends, and what was not confirmed comes again.
    pub(super) spoiled: CancellationToken,
    /// Falls when the run has ended.
    pub(super) done: CancellationToken,
}

impl Newsreader {
    /// Until the run has ended.
    pub(super) async fn run(self, mut news: mpsc::Receiver<News>) {
        let mut burst = Vec::new();
        loop {
            let count = tokio::select! {
                biased;
                () = self.done.cancelled() => break,
                count = news.recv_many(&mut burst, BURST) => count,
            };
            if count == 0 {
                break;
            }
            let owed = burst.iter().filter(|news| news.is_owed()).count();
            match self.take(&mut burst).await {
                Ok(()) => self.client.has_written(owed),
                // Somebody else has the session; the actor finds that out by itself.
                Err(JournalError::Fenced) => break,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(session.id = %self.journal.session(), error, "news could not be written");
                    self.spoiled.cancel();
                    break;
                }
            }
        }
        self.client.writes_no_more();
    }

    /// All of them share a transaction.
    async fn take(&self, burst: &mut Vec<News>) -> Result<(), JournalError> {
        let mut events = Vec::with_capacity(burst.len());
        for news in burst.drain(..) {
            events.extend(self.client.read(&news).await);
        }
        events.retain(|event| self.habits.hears(event));
        let calls: Vec<_> = events.iter().filter_map(call).cloned().collect();
        let people: Vec<_> = events.iter().filter_map(named).cloned().collect();
        if !events.is_empty() {
            let telling = self.journal.record_events(events);
            let keeping = self.journal.record_contacts(people);
            tokio::try_join!(telling, keeping)?;
        }
        // Told first that it rings, then that it was rejected.
        for call in &calls {
            self.habits.on_call(call);
        }
        Ok(())
    }
}

fn named(event: &Event) -> Option<&ContactUpdateData> {
    match event {
        Event::ContactUpdate(data) => data.changes.name.is_some().then_some(data),
        _ => None,
    }
}

fn call(event: &Event) -> Option<&CallData> {
    match event {
        Event::Call(call) => Some(call),
        _ => None,
    }
}
