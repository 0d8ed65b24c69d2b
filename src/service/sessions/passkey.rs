//! The verbs of the passkey gate. Whoever may link the session may open it, a link token too.
//!
//! An answer that cannot be one is refused here and never sent: WhatsApp takes one answer for each challenge.

use super::Sessions;
use crate::{
    domain::{
        passkey::{Assertion, Passkey, Stage},
        principal::Scope,
    },
    protocol::{PasskeyError, SendError},
    service::{Ctx, Error, Fault, upstream::send_error},
    session::{GateError, Handle},
};

impl Sessions {
    /// How far the gate is.
    pub async fn passkey(&self, ctx: &Ctx, reference: &str) -> Result<Passkey, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = super::find(&self.db, ctx, reference).await?;
        let handle = self.manager.get(row.id);
        gate_of(handle.as_ref())
    }

    /// Answers the challenge.
    pub async fn answer_passkey(
        &self,
        ctx: &Ctx,
        reference: &str,
        assertion: Assertion,
    ) -> Result<Passkey, Error> {
        let row = self.pairable(ctx, reference).await?;
        let handle = self.manager.get(row.id);
        let gate = gate_of(handle.as_ref())?;
        let Stage::Challenge(options) = &gate.stage else {
            return Err(gate_error(GateError::Answered));
        };
        assertion.fits(options).map_err(|wrong| Error::Invalid {
            code: "invalid_passkey_answer",
            faults: vec![Fault::new(wrong.pointer, wrong.detail)],
        })?;
        let handle = handle.ok_or_else(|| gate_error(GateError::NotAsked))?;
        let answered = handle.answer_passkey(assertion).await;
        taken(answered.unwrap_or(Err(GateError::NotAsked)))
    }

    /// Confirms that the phone shows the same code.
    pub async fn confirm_passkey(&self, ctx: &Ctx, reference: &str) -> Result<Passkey, Error> {
        let row = self.pairable(ctx, reference).await?;
        let handle = self.manager.get(row.id);
        gate_of(handle.as_ref())?;
        let handle = handle.ok_or_else(|| gate_error(GateError::NotAsked))?;
        let confirmed = handle.confirm_passkey().await;
        taken(confirmed.unwrap_or(Err(GateError::NotAsked)))
    }
}

fn gate_of(handle: Option<&Handle>) -> Result<Passkey, Error> {
    let gate = handle.and_then(|handle| handle.snapshot().passkey);
    gate.ok_or_else(|| gate_error(GateError::NotAsked))
}

fn taken(step: Result<Passkey, GateError>) -> Result<Passkey, Error> {
    step.map_err(gate_error)
}

fn gate_error(error: GateError) -> Error {
    let detail = error.to_string();
    match error {
        GateError::NotAsked => Error::NotReady {
            code: "passkey_not_requested",
            detail,
        },
        GateError::Answered => Error::NotReady {
            code: "passkey_already_answered",
            detail,
        },
        GateError::NotAnswered => Error::NotReady {
            code: "passkey_code_not_ready",
            detail,
        },
        GateError::Client(PasskeyError::NotConnected) => send_error(SendError::NotConnected),
        GateError::Client(PasskeyError::TimedOut) => send_error(SendError::TimedOut),
        GateError::Client(PasskeyError::Refused(_)) => Error::Upstream {
            code: "passkey_refused",
            detail,
        },
    }
}
