//! Messages on their way out of one session: from their durable rows to the server's answer.
//!
//! Owns their order: to the socket one after the other within a chat, as they were asked for; chats beside each other. What
//! the server has not answered stays, and goes out again under the same id, which makes it the same message. Must never
//! send what is not written. A task runs only while there is something to send.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use entity::{enums::OutgoingState, ids::MessageRowId};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    journal::{Journal, Outgoing},
    pacing::Pace,
};
use crate::{
    domain::{
        address::Address,
        event::ErrorData,
        message::{Ack, Content},
    },
    lifecycle::Tasks,
    protocol::{Client, Payload, SendError},
};

mod state;

use state::State;

/// Messages of one session that may wait; one more is refused.
pub(super) const WAITING: usize = 1000;
/// Messages of one session that are on their way at the same time.
const AT_ONCE: usize = 64;
/// Unanswered attempts after which nobody can say whether the server has a message.
const ATTEMPTS: i32 = 3;
/// How long nothing is tried when the session could not even try, unless it logs in before.
const PAUSE: Duration = Duration::from_secs(1);

/// A message whose row is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Our id.
    pub id: MessageRowId,
    /// WhatsApp's id.
    pub message_id: String,
    /// Where to.
    pub to: Address,
    /// Who gets it, when it is a status post.
    pub audience: Vec<Address>,
    /// What it says.
    pub content: Content,
    /// What is sent.
    pub payload: Payload,
    /// How often it was sent without an answer.
    pub attempts: i32,
}

impl Queued {
    /// A message that was never sent.
    pub fn of(outgoing: &Outgoing, payload: Payload) -> Self {
        Self {
            id: outgoing.id,
            message_id: outgoing.message.message_id.clone(),
            to: outgoing.to.clone(),
            audience: outgoing.message.context.audience(),
            content: outgoing.message.content.clone(),
            payload,
            attempts: 0,
        }
    }
}

/// What became of a message: the server has it, or why not.
pub type Outcome = Result<(), SendError>;

/// The messages of one run of a session. Clones are the same.
#[derive(Debug, Clone)]
pub struct Sends(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Arc<ArcSwapOption<Client>>,
    journal: Journal,
    tasks: Tasks,
    pace: Pace,
    state: Mutex<State>,
    more: Notify,
}

impl Sends {
    /// Those of a run that begins with `waiting` from the run before; [`Sends::go`] lets them out.
    pub(super) fn new(
        client: Arc<ArcSwapOption<Client>>,
        journal: Journal,
        tasks: Tasks,
        pace: Pace,
        waiting: Vec<Queued>,
    ) -> Self {
        let state = State {
            waiting: waiting.into(),
            ..State::default()
        };
        Self(Arc::new(Inner {
            client,
            journal,
            tasks,
            pace,
            state: Mutex::new(state),
            more: Notify::new(),
        }))
    }

    /// Whether one more may wait.
    pub fn has_room(&self) -> bool {
        self.0.state().waiting.len() < WAITING
    }

    /// Lets a message out as soon as the session can; its row is written. The answer tells what became of it; it stays
    /// open when the run ends before that, and the next run sends the message.
    pub fn push(&self, queued: Queued) -> oneshot::Receiver<Outcome> {
        let (tell, outcome) = oneshot::channel();
        {
            let mut state = self.0.state();
            if state.closed {
                return outcome;
            }
            state.listeners.insert(queued.id, tell);
            state.waiting.push_back(queued);
        }
        self.go();
        outcome
    }

    /// Whether it is being sent right now.
    pub fn is_under_way(&self, id: MessageRowId) -> bool {
        self.0.state().under_way.contains_key(&id)
    }

    /// Whether the server has it and its row does not say so yet.
    pub fn is_taken(&self, message_id: &str) -> bool {
        self.0.state().taken.contains(message_id)
    }

    /// The rows of these say now that the server has them.
    pub(super) fn written(&self, message_ids: &[String]) {
        let mut state = self.0.state();
        for id in message_ids {
            if !state.taken.remove(id) && state.under_way.values().any(|other| other == id) {
                state.written.insert(id.clone());
            }
        }
    }

    /// Switches the pace on or off, from the next message on; what is being typed goes out at once when it is off.
    pub fn protect(&self, on: bool) {
        self.0.pace.set(on);
        self.0.state().paced_until = None;
        self.0.more.notify_one();
    }

    /// Whether the pace is on.
    pub fn is_protected(&self) -> bool {
        self.0.pace.get().is_some()
    }

    /// Sends what waits. Called at every login and for every message.
    pub(super) fn go(&self) {
        let begins = {
            let mut state = self.0.state();
            state.paused_until = None;
            !state.closed && !std::mem::replace(&mut state.running, true)
        };
        if begins {
            let inner = Arc::clone(&self.0);
            let task = async move { inner.run().await };
            self.0.tasks.spawn("session.send", task);
        } else {
            self.0.more.notify_one();
        }
    }

    /// The run has ended: whoever listens is let go; what waits is in the database.
    pub(super) fn close(&self) {
        let mut state = self.0.state();
        state.closed = true;
        state.waiting.clear();
        state.listeners.clear();
        drop(state);
        // Nobody finishes to type what nobody sends any more.
        self.0.pace.set(false);
        self.0.more.notify_one();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) {
        let mut running = Running {
            inner: self,
            ended: false,
        };
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((client, queued)) = self.next()
            {
                under_way.push(self.send(client, queued));
            }
            let until = self.state().held_until();
            let pause = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            if under_way.is_empty() && self.rests() {
                running.ended = true;
                return;
            }
            tokio::select! {
                Some(()) = under_way.next() => {}
                () = self.more.notified() => {}
                () = pause => self.state().let_go(),
            }
        }
    }

    fn next(&self) -> Option<(Arc<Client>, Queued)> {
        let client = self.client.load_full().filter(|client| client.is_ready())?;
        let mut state = self.state();
        if state.paused_until.is_some() {
            return None;
        }
        Some((client, state.next(self.pace.get())?))
    }

    /// Ends the sending when there is nothing to do before somebody calls [`Sends::go`].
    fn rests(&self) -> bool {
        let ready = self
            .client
            .load()
            .as_ref()
            .is_some_and(|client| client.is_ready());
        let mut state = self.state();
        let rests = state.closed || state.waiting.is_empty() || !ready;
        if rests {
            state.running = false;
        }
        rests
    }

    async fn send(&self, client: Arc<Client>, queued: Queued) {
        let (id, to) = (queued.id, queued.to.clone());
        // Nobody is seen typing a status.
        if !matches!(to, Address::Status)
            && let Some(typing) = self.pace.typing(&queued.content)
        {
            client.show_typing(&to, true).await;
            self.pace.wait(typing).await;
            client.show_typing(&to, false).await;
        }
        let begun = Instant::now();
        let Queued {
            audience,
            message_id,
            payload,
            ..
        } = &queued;
        let handed = if audience.is_empty() {
            client.send(&to, message_id, payload).await
        } else {
            client.post_status(audience, message_id, payload).await
        };
        metrics::histogram!("wharf_send_seconds").record(begun.elapsed());
        // The socket keeps their order from here on: the next of the chat need not wait for the answer.
        self.state().busy.remove(&to);
        self.more.notify_one();
        let answer = match handed {
            Ok(handed) => {
                let handed_at = Instant::now();
                let answer = handed.answer().await;
                metrics::histogram!("wharf_send_answer_seconds").record(handed_at.elapsed());
                answer
            }
            Err(error) => Err(error),
        };
        let outcome = match answer {
            Ok(sent) => {
                // Told at once. Its row follows with the other acks; if it never does, the message goes out once more,
                // under its id.
                self.state().took(&queued);
                if !sent.reported {
                    self.note(queued.message_id).await;
                }
                return;
            }
            Err(error) if error.passes() => self.again(queued, error).await,
            Err(error) => self.fail(queued, error).await,
        };
        let mut state = self.state();
        if let Some(message_id) = state.under_way.remove(&id) {
            state.written.remove(&message_id);
        }
        if let Some(outcome) = outcome {
            state.tell(id, outcome);
        }
    }

    /// Writes the server's ack, which the session was too busy to hear of.
    async fn note(&self, message_id: String) {
        let acked = self
            .journal
            .record_acks(vec![message_id.clone()], Ack::Server)
            .await;
        if let Err(error) = acked {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "an ack was not written; the message goes out again");
        }
        self.state().taken.remove(&message_id);
    }

    /// It may go through later; after some unanswered attempts nobody can say.
    async fn again(&self, mut queued: Queued, error: SendError) -> Option<Outcome> {
        if self.state().closed {
            return None;
        }
        if matches!(error, SendError::TimedOut) {
            queued.attempts += 1;
            let given_up = queued.attempts >= ATTEMPTS;
            let state = if given_up {
                OutgoingState::Unknown
            } else {
                OutgoingState::Queued
            };
            let written = self.journal.record_unanswered(queued.id, state).await;
            if given_up && written.is_ok() {
                return Some(Err(error));
            }
        }
        let mut state = self.state();
        if !matches!(error, SendError::TimedOut) {
            state.paused_until = Some(Instant::now() + PAUSE);
        }
        if !state.closed {
            state.wait_again(queued);
        }
        None
    }

    async fn fail(&self, queued: Queued, error: SendError) -> Option<Outcome> {
        let data = ErrorData {
            code: error.code().to_owned(),
            detail: error.to_string(),
        };
        let failed = self.journal.record_failure(queued.message_id, data).await;
        failed.is_ok().then_some(Err(error))
    }
}

/// Sending under way. If it ends in the middle (a panic), the next [`Sends::go`] begins it anew; what was under way is
/// sent by the next run of the session.
struct Running<'a> {
    inner: &'a Inner,
    ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.inner.state();
        state.under_way.clear();
        state.busy.clear();
        state.running = false;
    }
}
