//! How a phone is linked by a code, how a pairing is interrupted, and how it ends.
//!
//! Called by the actor's loop alone.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use super::{Actor, Exit, Next, millis};
use crate::{
    domain::{
        clock::rfc3339,
        event::{Event, PairCodeData},
        session::{Change, PairCode, Phase, Qr, Reason},
    },
    protocol::SendError,
    session::journal::JournalError,
};

/// How long a pair code is valid: WhatsApp's own three minutes.
const PAIR_CODE_VALID: Duration = Duration::from_mins(3);
/// How many QR codes follow the first of a connection, and how long each is shown. After the last the library ends the
/// connection, and with it a passkey gate.
const LATER_CODES: u32 = 5;
const LATER_CODE: Duration = Duration::from_secs(20);

impl Actor {
    /// A code to show. Who stands at the passkey gate has been scanned, and needs none.
    pub(super) async fn qr(
        &mut self,
        code: String,
        valid_for: Duration,
    ) -> Result<Next, JournalError> {
        if self.gate().is_some() {
            return Ok(Next::Go);
        }
        self.qr_index += 1;
        if valid_for > LATER_CODE {
            // The first of a connection, which is shown longer.
            self.codes_end = Some(Instant::now() + valid_for + LATER_CODE * LATER_CODES);
        }
        let expires_at = self.clock.now_ms() + millis(valid_for);
        let qr = Qr {
            code,
            expires_at,
            index: self.qr_index,
        };
        self.go(Change::QrIssued(qr), None).await
    }

    /// The connection is gone, or could not be made.
    pub(super) async fn lost(
        &mut self,
        reason: Reason,
        detail: String,
    ) -> Result<Next, JournalError> {
        if let Some(next) = self.gate_lost().await? {
            return Ok(next);
        }
        if self.phase() == Phase::Degraded(reason) {
            tracing::debug!(reason = reason.as_str(), "still cut off: {detail}");
            return Ok(Next::Go);
        }
        // The stream ends on purpose right after a pairing; the login follows by itself.
        let links = self.phase() == Phase::Connecting && self.gate().is_none();
        if links && reason == Reason::ConnectionLost {
            return Ok(Next::Go);
        }
        tracing::warn!(reason = reason.as_str(), "the session is cut off: {detail}");
        self.client.cut_off();
        self.go(Change::Lost(reason), Some(detail)).await
    }

    pub(super) async fn end_pairing(
        &mut self,
        reason: Reason,
        detail: Option<String>,
    ) -> Result<Next, JournalError> {
        match self.go(Change::PairingEnded(reason), detail).await? {
            Next::Go => Ok(Next::End(Exit::Finished { wipe: true })),
            end @ Next::End(_) => Ok(end),
        }
    }

    pub(super) async fn pair_code(
        &mut self,
        phone: String,
        reply: oneshot::Sender<Result<PairCode, SendError>>,
    ) -> Result<Next, JournalError> {
        let answer = match self.client.pair_code(&phone).await {
            Ok(code) => {
                let expires_at = self.clock.now_ms() + millis(PAIR_CODE_VALID);
                let code = PairCode {
                    phone,
                    code,
                    expires_at,
                };
                self.state
                    .send_modify(|state| state.pair_code = Some(code.clone()));
                let data = PairCodeData {
                    code: code.code.clone(),
                    expires_at: rfc3339(expires_at),
                };
                self.write(vec![Event::PairCode(data)]).await?;
                Ok(code)
            }
            Err(SendError::CodeOutstanding) => {
                self.outstanding(&phone).ok_or(SendError::CodeOutstanding)
            }
            Err(error) => Err(error),
        };
        // A caller that has gone away has no use for the code.
        drop(reply.send(answer));
        Ok(Next::Go)
    }

    /// The code that was given for `phone` and can still be typed: the library makes no other beside it.
    fn outstanding(&self, phone: &str) -> Option<PairCode> {
        let code = self.state.borrow().pair_code.clone()?;
        let valid = self.clock.now_ms() < code.expires_at;
        (valid && code.phone == phone).then_some(code)
    }
}
