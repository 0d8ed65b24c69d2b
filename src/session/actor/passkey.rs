//! The passkey gate of a link: the challenge, the answer, the code that both sides show, and every way out.
//!
//! Called by the actor's loop alone. The gate stands in the snapshot; only this file moves it.

use std::time::Duration;

use serde_json::Value;
use tokio::{sync::oneshot, time::Instant};

use super::{Actor, Next, millis};
use crate::{
    domain::{
        event::Event,
        passkey::{Assertion, Passkey, Stage},
        session::{Change, Reason},
    },
    protocol::PasskeyError,
    session::{handle::GateError, journal::JournalError, telling},
};

/// What an authenticator has if WhatsApp does not say: as long as browsers give.
const CHALLENGE: Duration = Duration::from_mins(5);
/// The longest that is waited for an answer, whatever WhatsApp says.
const LONGEST: Duration = Duration::from_mins(10);
/// How long the phone has to go on, and then the person to compare the codes.
const STEP: Duration = Duration::from_mins(3);

/// Who asked for a step at the gate.
pub(super) type Reply = oneshot::Sender<Result<Passkey, GateError>>;

impl Actor {
    /// WhatsApp asks for a passkey before it links.
    pub(super) async fn passkey_asked(
        &mut self,
        options: Value,
        valid_for: Option<Duration>,
    ) -> Result<Next, JournalError> {
        // The code that brought it here has been read.
        if let end @ Next::End(_) = self.go(Change::PasskeyAsked, None).await? {
            return Ok(end);
        }
        let valid_for = valid_for.unwrap_or(CHALLENGE).min(LONGEST);
        self.gate_at(Stage::Challenge(options), valid_for).await?;
        Ok(Next::Go)
    }

    /// Both sides have the code. Where the link is renewed there is nothing to compare.
    pub(super) async fn passkey_code(
        &mut self,
        code: String,
        needs_no_look: bool,
    ) -> Result<Next, JournalError> {
        if !matches!(self.gate(), Some(Stage::Answered)) {
            return Ok(Next::Go);
        }
        self.gate_at(Stage::Confirm(code), STEP).await?;
        if needs_no_look {
            let (reply, _) = oneshot::channel();
            return self.confirm_passkey(reply).await;
        }
        Ok(Next::Go)
    }

    /// Hands an answer to WhatsApp.
    pub(super) async fn answer_passkey(
        &mut self,
        assertion: &Assertion,
        reply: Reply,
    ) -> Result<Next, JournalError> {
        let refused = match self.gate() {
            None => Some(GateError::NotAsked),
            Some(Stage::Challenge(_)) => None,
            Some(Stage::Answered | Stage::Confirm(_) | Stage::Confirmed) => {
                Some(GateError::Answered)
            }
        };
        if let Some(refused) = refused {
            drop(reply.send(Err(refused)));
            return Ok(Next::Go);
        }
        let done = self.client.answer_passkey(assertion).await;
        self.passed(done, (Stage::Answered, STEP), reply).await
    }

    /// Tells WhatsApp that the codes are the same.
    pub(super) async fn confirm_passkey(&mut self, reply: Reply) -> Result<Next, JournalError> {
        match self.gate() {
            Some(Stage::Confirm(_)) => {
                let done = self.client.confirm_passkey().await;
                self.passed(done, (Stage::Confirmed, STEP), reply).await
            }
            // The second time nothing is left to do.
            Some(Stage::Confirmed) => {
                let gate = self.state.borrow().passkey.clone();
                drop(reply.send(gate.ok_or(GateError::NotAsked)));
                Ok(Next::Go)
            }
            Some(Stage::Challenge(_) | Stage::Answered) => {
                drop(reply.send(Err(GateError::NotAnswered)));
                Ok(Next::Go)
            }
            None => {
                drop(reply.send(Err(GateError::NotAsked)));
                Ok(Next::Go)
            }
        }
    }

    /// What came of a step: the next one, the same again, or the end.
    async fn passed(
        &mut self,
        done: Result<(), PasskeyError>,
        (stage, valid_for): (Stage, Duration),
        reply: Reply,
    ) -> Result<Next, JournalError> {
        // Whoever has gone away reads on the socket how it went.
        match done {
            Ok(()) => {
                let gate = self.gate_at(stage, valid_for).await?;
                drop(reply.send(Ok(gate)));
                Ok(Next::Go)
            }
            Err(error @ PasskeyError::Refused(_)) => {
                let detail = error.to_string();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the passkey gate did not open"
                );
                let next = self.end_pairing(Reason::PasskeyRefused, Some(detail)).await;
                drop(reply.send(Err(GateError::Client(error))));
                next
            }
            Err(error) => {
                drop(reply.send(Err(GateError::Client(error))));
                Ok(Next::Go)
            }
        }
    }

    /// Nobody took the next step in time.
    pub(super) async fn gate_over(&mut self) -> Result<Next, JournalError> {
        let detail = match self.gate() {
            Some(Stage::Challenge(_)) => "nobody answered the challenge in time",
            Some(Stage::Confirm(_)) => "nobody confirmed the code in time",
            Some(Stage::Answered | Stage::Confirmed) | None => "the phone did not go on in time",
        };
        self.end_pairing(Reason::PasskeyTimeout, Some(detail.to_owned()))
            .await
    }

    /// The connection is gone: whether the gate went with it, and the pairing too. A challenge that was answered cannot
    /// be answered again with the same keys, one that was not is simply void.
    pub(super) async fn gate_lost(&mut self) -> Result<Option<Next>, JournalError> {
        match self.gate() {
            None | Some(Stage::Challenge(_) | Stage::Confirmed) => Ok(None),
            Some(Stage::Answered | Stage::Confirm(_)) => {
                let detail = "the connection broke at the passkey gate";
                self.end_pairing(Reason::PairingFailed, Some(detail.to_owned()))
                    .await
                    .map(Some)
            }
        }
    }

    /// How far the gate is, if there is one.
    pub(super) fn gate(&self) -> Option<Stage> {
        let state = self.state.borrow();
        state.passkey.as_ref().map(|gate| gate.stage.clone())
    }

    async fn gate_at(
        &mut self,
        stage: Stage,
        valid_for: Duration,
    ) -> Result<Passkey, JournalError> {
        let now = Instant::now();
        // A pair code keeps the connection beyond the QR codes.
        let by_qr = self.state.borrow().pair_code.is_none();
        let codes_end = self.codes_end.filter(|_| by_qr);
        let left = codes_end.map_or(valid_for, |end| end.saturating_duration_since(now));
        let valid_for = valid_for.min(left);
        let expires_at = self.clock.now_ms() + millis(valid_for);
        let gate = Passkey { stage, expires_at };
        self.gate_ends = Some(now + valid_for);
        self.state
            .send_modify(|state| state.passkey = Some(gate.clone()));
        self.write(vec![Event::Passkey(telling::passkey(&gate))])
            .await?;
        Ok(gate)
    }
}

/// Falls when the next step at the gate comes too late; never where there is no gate.
pub(super) async fn over(ends: Option<Instant>) {
    match ends {
        Some(ends) => tokio::time::sleep_until(ends).await,
        None => std::future::pending().await,
    }
}
