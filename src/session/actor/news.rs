//! What the actor does with news of others: into the log, and past the session's habits.

use super::Actor;
use crate::{
    domain::event::{CallData, ContactUpdateData, Event},
    protocol::News,
    session::journal::JournalError,
};

impl Actor {
    /// All of them share a transaction.
    pub(super) async fn on_news(&self, burst: &mut Vec<News>) -> Result<(), JournalError> {
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
