//! What the messages of one run wait for, and where each is.
//!
//! Pure but for the time: [`super::Inner`] holds it under a lock and never waits while it does.

use std::collections::{HashMap, HashSet, VecDeque};

use entity::ids::MessageRowId;
use tokio::{sync::oneshot, time::Instant};

use super::{Outcome, Queued};
use crate::{
    domain::address::Address,
    session::pacing::{Pacer, Pacing},
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) waiting: VecDeque<Queued>,
    /// Who wants to hear what becomes of a message.
    pub(super) listeners: HashMap<MessageRowId, oneshot::Sender<Outcome>>,
    /// With WhatsApp's id.
    pub(super) under_way: HashMap<MessageRowId, String>,
    /// Chats in which a message is on its way to the socket.
    pub(super) busy: HashSet<Address>,
    /// WhatsApp's ids of those that the server has, until that is written.
    pub(super) taken: HashSet<String>,
    /// Of those under way, for which it was written before we heard of it.
    pub(super) written: HashSet<String>,
    /// Whether somebody sends, and will look again.
    pub(super) running: bool,
    pub(super) paused_until: Option<Instant>,
    pub(super) pacer: Pacer,
    /// When the pace lets the next one out, if it has held one back.
    pub(super) paced_until: Option<Instant>,
    pub(super) closed: bool,
}

impl State {
    /// The next message whose chat is free, unless the pace holds it back.
    pub(super) fn next(&mut self, pacing: Option<&Pacing>) -> Option<Queued> {
        let free = |one: &Queued| !self.busy.contains(&one.to);
        let index = self.waiting.iter().position(free)?;
        if let Some(pacing) = pacing
            && let Err(until) = self.pacer.admit(pacing, Instant::now())
        {
            self.paced_until = Some(until);
            return None;
        }
        let one = self.waiting.remove(index)?;
        self.busy.insert(one.to.clone());
        self.under_way.insert(one.id, one.message_id.clone());
        Some(one)
    }

    /// Until when nothing goes out; none while nothing is held back.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.paused_until.or(self.paced_until)
    }

    pub(super) const fn let_go(&mut self) {
        self.paused_until = None;
        self.paced_until = None;
    }

    /// Back among those that wait, in the order in which they were asked for: their ids are.
    pub(super) fn wait_again(&mut self, one: Queued) {
        let index = self.waiting.partition_point(|other| other.id < one.id);
        self.waiting.insert(index, one);
    }

    /// The server has it, which is about to be written.
    pub(super) fn took(&mut self, one: &Queued) {
        self.under_way.remove(&one.id);
        if !self.written.remove(&one.message_id) {
            self.taken.insert(one.message_id.clone());
        }
        self.tell(one.id, Ok(()));
    }

    pub(super) fn tell(&mut self, id: MessageRowId, outcome: Outcome) {
        if let Some(listener) = self.listeners.remove(&id) {
            // Whoever asked may have gone.
            drop(listener.send(outcome));
        }
    }
}
