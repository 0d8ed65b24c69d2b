//! How a phone is linked by a code, and how a pairing ends.
//!
//! Called by the actor's loop alone.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Actor, Exit, Next, millis};
use crate::{
    domain::{
        clock::rfc3339,
        event::{Event, PairCodeData},
        session::{Change, PairCode, Reason},
    },
    protocol::SendError,
    session::journal::JournalError,
};

/// How long a pair code is valid: WhatsApp's own three minutes.
const PAIR_CODE_VALID: Duration = Duration::from_mins(3);

impl Actor {
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
