//! One session's loop: what the client reports moves the state machine; the state goes to the watch, then to the log.
//!
//! Owns the state of one session while it runs. Must never send a message: callers borrow the client for that. Only
//! the manager starts one, and hears from it how it ended.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use futures_util::future::try_join_all;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    habits::Habits,
    handle::Command,
    journal::{Journal, JournalError},
    probe::Probe,
    sends::Sends,
    telling,
};
use crate::{
    domain::{
        clock::SharedClock,
        event::{ErrorData, Event},
        message::Ack,
        session::{Account, Change, Phase, Reason, Snapshot},
    },
    protocol::{self, Client},
};

mod commands;
mod hearing;
mod pairing;
mod passkey;

use hearing::probed;

/// Reports taken at once, so that a burst of receipts costs few transactions.
const BURST: usize = 64;

/// How a session's loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// It was stopped; the state is written.
    Stopped,
    /// There is nothing to run any more until the owner connects again. `wipe` says that the pairing is worthless.
    Finished {
        /// Whether the device state must go.
        wipe: bool,
    },
    /// It makes sense to try again after that time.
    RetryAfter(Duration),
    /// Another owner has it.
    Fenced,
    /// Something broke; start it again.
    Failed(&'static str),
    /// The database did not take what the session had to write; start it again.
    NotStored,
}

/// What one loop works with.
pub(super) struct Actor {
    pub(super) journal: Journal,
    pub(super) clock: SharedClock,
    pub(super) client: Arc<Client>,
    /// Where `service` finds the client.
    pub(super) slot: Arc<ArcSwapOption<Client>>,
    pub(super) sends: Sends,
    pub(super) habits: Habits,
    pub(super) state: watch::Sender<Snapshot>,
    pub(super) qr_index: u32,
    /// When the last QR code of this connection goes by.
    pub(super) codes_end: Option<Instant>,
    /// When the next step at the passkey gate comes too late.
    pub(super) gate_ends: Option<Instant>,
    /// Falls when the run has come to its end and only winds up.
    pub(super) ending: CancellationToken,
    /// Whether it still hears anything.
    pub(super) probe: Probe,
}

/// What the loop listens to.
pub(super) struct Inputs {
    /// Lifecycle only; when it is full the caller waits.
    pub(super) commands: mpsc::Receiver<Command>,
    /// From the client; what happens when it is full is told in `protocol::bridge`.
    pub(super) events: mpsc::Receiver<protocol::Event>,
    /// Falls when the client's events overran.
    pub(super) overflow: CancellationToken,
    /// Falls when what came in could not be stored.
    pub(super) spoiled: CancellationToken,
    pub(super) stop: CancellationToken,
    pub(super) stop_reason: Arc<std::sync::OnceLock<Reason>>,
    /// Falls when this node may no longer write.
    pub(super) fenced: CancellationToken,
}

enum Next {
    Go,
    End(Exit),
}

impl Actor {
    pub(super) async fn run(mut self, mut inputs: Inputs) -> Exit {
        self.slot.store(Some(Arc::clone(&self.client)));
        let mut burst = Vec::with_capacity(8);
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let mut probing = None;
        let exit = loop {
            let due = self.probe.due();
            let gate_ends = self.gate_ends;
            if let Some(due) = due
                && timer.deadline() != due
            {
                timer.as_mut().reset(due);
            }
            let step = tokio::select! {
                biased;
                () = inputs.fenced.cancelled() => break Exit::Fenced,
                () = inputs.stop.cancelled() => {
                    let reason = inputs.stop_reason.get().copied().unwrap_or(Reason::Shutdown);
                    break self.stop(reason).await;
                }
                () = inputs.spoiled.cancelled() => break Exit::NotStored,
                () = inputs.overflow.cancelled() => break Exit::Failed("the events of the client overran"),
                count = inputs.events.recv_many(&mut burst, BURST) => {
                    if count == 0 {
                        break Exit::Failed("the client is gone");
                    }
                    self.on_events(&mut burst).await
                }
                probed = probed(&mut probing) => {
                    probing = None;
                    Ok(self.on_probed(probed))
                }
                () = &mut timer, if due.is_some() => self.on_look(&mut probing).await,
                () = passkey::over(gate_ends) => self.gate_over().await,
                command = inputs.commands.recv() => match command {
                    Some(command) => self.on_command(command).await,
                    None => break Exit::Stopped,
                },
            };
            match step {
                Ok(Next::Go) => {}
                Ok(Next::End(exit)) => break exit,
                Err(JournalError::Fenced) => break Exit::Fenced,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the session's state could not be written");
                    break Exit::NotStored;
                }
            }
        };
        self.close().await;
        exit
    }

    /// First nobody sends any more, then the client goes.
    async fn close(&self) {
        self.ending.cancel();
        self.slot.store(None);
        self.sends.close();
        self.client.close().await;
    }

    /// Closes the client first, so that nothing comes after the last event.
    async fn stop(&mut self, reason: Reason) -> Exit {
        self.close().await;
        // A node that goes away leaves the session wanted: what is shown is that it waits to be taken up again.
        let moved = self.change(Change::Stopped(reason), None);
        match moved {
            Ok(events) => match self.write(events).await {
                Ok(()) => Exit::Stopped,
                Err(JournalError::Fenced) => Exit::Fenced,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the session's last event could not be written");
                    Exit::Stopped
                }
            },
            Err(next) => next,
        }
    }

    async fn on_events(&mut self, burst: &mut Vec<protocol::Event>) -> Result<Next, JournalError> {
        let mut acks: Vec<(Ack, Vec<String>)> = Vec::new();
        let mut receipts = Vec::new();
        for event in burst.drain(..) {
            if let protocol::Event::Acked {
                message_ids,
                ack,
                member,
            } = event
            {
                if let Some(member) = member {
                    let of = |id: &String| telling::receipt(id.clone(), ack, &member);
                    receipts.extend(message_ids.iter().map(of));
                }
                match acks.iter_mut().find(|(known, _)| *known == ack) {
                    Some((_, ids)) => ids.extend(message_ids),
                    None => acks.push((ack, message_ids)),
                }
                continue;
            }
            if let Next::End(exit) = self.on_event(event).await? {
                return Ok(Next::End(exit));
            }
        }
        let sent = acks.iter().find(|(ack, _)| *ack == Ack::Server);
        let sent = sent.map_or_else(Vec::new, |(_, ids)| ids.clone());
        // Together, so that they share a transaction.
        let journal = &self.journal;
        let writes = acks.into_iter();
        let acks = try_join_all(writes.map(|(ack, ids)| journal.record_acks(ids, ack)));
        tokio::try_join!(acks, journal.record_receipts(receipts))?;
        self.sends.written(&sent);
        Ok(Next::Go)
    }

    async fn on_event(&mut self, event: protocol::Event) -> Result<Next, JournalError> {
        use protocol::Event as From;
        match event {
            From::Qr { code, valid_for } => self.qr(code, valid_for).await,
            From::Paired(account) => {
                self.note_account(account);
                self.state.send_modify(|state| state.pair_code = None);
                self.go(Change::Paired, None).await
            }
            From::Connected(account) => {
                self.note_account(account);
                let next = self.go(Change::LoggedIn, None).await?;
                self.sends.go();
                self.habits.connected();
                Ok(next)
            }
            From::Lost { reason, detail } => self.lost(reason, detail).await,
            From::Ended {
                reason,
                detail,
                retry_after,
            } => {
                self.ending.cancel();
                tracing::warn!(reason = reason.as_str(), "the session has ended");
                if let Next::End(exit) = self.go(Change::Failed(reason), detail).await? {
                    return Ok(Next::End(exit));
                }
                Ok(Next::End(
                    retry_after.map_or(Exit::Finished { wipe: false }, Exit::RetryAfter),
                ))
            }
            From::Removed { detail } => {
                let end = self
                    .go(Change::Removed(Reason::DeviceRemoved), detail)
                    .await?;
                Ok(match end {
                    Next::End(exit) => Next::End(exit),
                    Next::Go => Next::End(Exit::Finished { wipe: true }),
                })
            }
            From::QrExhausted if self.gate().is_some() => self.gate_over().await,
            From::QrExhausted => self.end_pairing(Reason::QrTimeout, None).await,
            From::PairFailed { detail } => {
                self.end_pairing(Reason::PairingFailed, Some(detail)).await
            }
            From::PasskeyAsked { options, valid_for } => {
                self.passkey_asked(options, valid_for).await
            }
            From::PasskeyCode {
                code,
                needs_no_look,
            } => self.passkey_code(code, needs_no_look).await,
            From::PasskeyRefused { detail } => {
                self.end_pairing(Reason::PasskeyRefused, Some(detail)).await
            }
            From::PairCodeFailed { detail } => {
                self.state.send_modify(|state| state.pair_code = None);
                let event = Event::Error(ErrorData {
                    code: "pair_code_failed".to_owned(),
                    detail,
                });
                self.write(vec![event]).await?;
                Ok(Next::Go)
            }
            From::Renamed(name) => {
                self.state
                    .send_modify(|state| state.account.push_name = Some(name));
                self.write(Vec::new()).await?;
                Ok(Next::Go)
            }
            From::Undecryptable(known) => {
                self.write(vec![Event::MessageUndecryptable(known)]).await?;
                Ok(Next::Go)
            }
            From::Unhooked(messages) => {
                let messages = self.habits.wanted(messages);
                if !messages.is_empty() {
                    self.journal.record_messages(messages).await?;
                }
                Ok(Next::Go)
            }
            From::ReadElsewhere { message_ids } => {
                self.journal.record_read(message_ids).await?;
                Ok(Next::Go)
            }
            From::Acked { .. } => Ok(Next::Go),
        }
    }

    fn phase(&self) -> Phase {
        self.state.borrow().phase.clone()
    }

    fn note_account(&self, account: Account) {
        self.state.send_modify(|state| {
            state.account.phone = account.phone.or_else(|| state.account.phone.take());
            state.account.lid = account.lid.or_else(|| state.account.lid.take());
            state.account.push_name = account.push_name.or_else(|| state.account.push_name.take());
        });
    }

    /// Moves the state machine, shows the new state, then writes it with its event.
    async fn go(&mut self, change: Change, detail: Option<String>) -> Result<Next, JournalError> {
        match self.change(change, detail) {
            Ok(events) => {
                self.write(events).await?;
                Ok(Next::Go)
            }
            Err(exit) => Ok(Next::End(exit)),
        }
    }

    fn change(&mut self, change: Change, detail: Option<String>) -> Result<Vec<Event>, Exit> {
        let before = self.phase();
        let paired = change == Change::Paired;
        let after = before.after(change).map_err(|error| {
            tracing::error!(%error, "the session is started again");
            Exit::Failed("an impossible change of state")
        })?;
        let now = self.clock.now_ms();
        if matches!(after, Phase::LoggedOut(_) | Phase::Expired(_)) {
            // Before anybody can see the new state: who connects again on seeing it must find this.
            self.ending.cancel();
        }
        match after {
            Phase::Connected => {
                let (now, heard) = (Instant::now(), self.client.heard());
                self.probe.connected(now, heard, rand::random());
            }
            Phase::Degraded(Reason::Deaf) => {}
            _ => self.probe.off(),
        }
        self.gate_ends = None;
        self.state.send_modify(|state| {
            state.passkey = None;
            state.phase = after.clone();
            state.connected_at = match after {
                Phase::Connected => state.connected_at.or(Some(now)),
                _ => None,
            };
        });
        if paired {
            return Ok(vec![Event::Success(telling::account(
                &self.state.borrow().account,
            ))]);
        }
        Ok(telling::event(&after, detail, &self.state.borrow().account)
            .into_iter()
            .collect())
    }

    async fn write(&self, events: Vec<Event>) -> Result<(), JournalError> {
        let snapshot = self.state.borrow().clone();
        self.journal
            .record_run(telling::row(&snapshot), events)
            .await
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
