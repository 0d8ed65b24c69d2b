//! The clonable face of a live session.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use entity::ids::{SessionId, UserId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{habits::Habits, journal::Journal, sends::Sends};
use crate::{
    domain::{
        passkey::{Assertion, Passkey},
        session::{PairCode, Reason, Snapshot},
    },
    protocol::{Client, PasskeyError, SendError},
    seal::SessionKeys,
};

/// What an actor is told. Sends are not among them: they have a queue of their own, so that they never delay these.
#[derive(Debug)]
pub(super) enum Command {
    /// Ask WhatsApp for a code to type on the phone.
    PairCode {
        /// Digits.
        phone: String,
        /// Gets the code, or why there is none.
        reply: oneshot::Sender<Result<PairCode, SendError>>,
    },
    /// Answer the challenge of the passkey gate.
    AnswerPasskey {
        /// What a passkey signed.
        assertion: Box<Assertion>,
        /// Gets how far the gate is then.
        reply: oneshot::Sender<Result<Passkey, GateError>>,
    },
    /// Say that the phone shows the same code.
    ConfirmPasskey {
        /// Gets how far the gate is then.
        reply: oneshot::Sender<Result<Passkey, GateError>>,
    },
    /// Remove the device from the account.
    Logout,
}

/// A step at the passkey gate was not taken.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// There is no gate: WhatsApp has not asked for a passkey.
    #[error("WhatsApp does not ask for a passkey right now")]
    NotAsked,
    /// The challenge has its answer.
    #[error("the challenge was answered already")]
    Answered,
    /// There is no code to confirm yet.
    #[error("there is no code to confirm yet")]
    NotAnswered,
    /// WhatsApp did not take it.
    #[error(transparent)]
    Client(PasskeyError),
}

/// The session has ended, or is ending.
#[derive(Debug, thiserror::Error)]
#[error("the session is not running")]
pub struct Ended;

/// A live session. Clones are the same session.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Which one.
    pub session: SessionId,
    /// Whose.
    pub owner: UserId,
    /// Writes rows and events of this session under its fence.
    pub journal: Journal,
    /// What goes out.
    pub sends: Sends,
    /// What it seals with.
    pub keys: Arc<SessionKeys>,
    /// What it does by itself.
    pub habits: Habits,
    pub(super) state: watch::Receiver<Snapshot>,
    pub(super) inbox: mpsc::Sender<Command>,
    pub(super) client: Arc<ArcSwapOption<Client>>,
    pub(super) stop: CancellationToken,
    pub(super) stop_reason: Arc<std::sync::OnceLock<Reason>>,
    /// Falls when the run has come to its end and only winds up.
    pub(super) ending: CancellationToken,
    pub(super) done: CancellationToken,
}

impl Handle {
    /// The latest look at it.
    pub fn snapshot(&self) -> Snapshot {
        self.state.borrow().clone()
    }

    /// Follows it.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.state.clone()
    }

    /// The client, while one is logged in.
    pub fn client(&self) -> Option<Arc<Client>> {
        self.client.load_full().filter(|client| client.is_ready())
    }

    /// Asks for a code to type on the phone.
    pub async fn pair_code(&self, phone: String) -> Result<Result<PairCode, SendError>, Ended> {
        self.ask(|reply| Command::PairCode { phone, reply }).await
    }

    /// Answers the challenge of the passkey gate.
    pub async fn answer_passkey(
        &self,
        assertion: Assertion,
    ) -> Result<Result<Passkey, GateError>, Ended> {
        let assertion = Box::new(assertion);
        self.ask(|reply| Command::AnswerPasskey { assertion, reply })
            .await
    }

    /// Says that the phone shows the same code.
    pub async fn confirm_passkey(&self) -> Result<Result<Passkey, GateError>, Ended> {
        self.ask(|reply| Command::ConfirmPasskey { reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Ended> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(command(reply)).await.map_err(|_| Ended)?;
        answer.await.map_err(|_| Ended)
    }

    pub(super) async fn logout(&self) -> Result<(), Ended> {
        self.inbox.send(Command::Logout).await.map_err(|_| Ended)?;
        self.done.cancelled().await;
        Ok(())
    }

    /// Asks the actor to close, keeping the pairing.
    pub(super) fn stop(&self, reason: Reason) {
        // The first reason stands.
        self.stop_reason.get_or_init(|| reason);
        self.stop.cancel();
    }

    /// Whether `other` is the same run of the same session.
    pub(super) fn done_is(&self, other: &Self) -> bool {
        self.journal.is(&other.journal)
    }

    /// Waits until the actor has written its last event, at most `deadline`.
    pub(super) async fn stopped(&self, deadline: Duration) -> bool {
        tokio::time::timeout(deadline, self.done.cancelled())
            .await
            .is_ok()
    }
}
