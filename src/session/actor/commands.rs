//! What the actor is told: each command to its step.
//!
//! Called by the actor's loop alone.

use super::{Actor, Exit, Next};
use crate::{
    domain::session::{Change, Reason},
    session::{handle::Command, journal::JournalError},
};

impl Actor {
    pub(super) async fn on_command(&mut self, command: Command) -> Result<Next, JournalError> {
        match command {
            Command::PairCode { phone, reply } => self.pair_code(phone, reply).await,
            Command::AnswerPasskey { assertion, reply } => {
                self.answer_passkey(&assertion, reply).await
            }
            Command::ConfirmPasskey { reply } => self.confirm_passkey(reply).await,
            Command::Logout => {
                self.slot.store(None);
                self.client.logout().await;
                match self.go(Change::Removed(Reason::Requested), None).await? {
                    Next::Go => Ok(Next::End(Exit::Finished { wipe: true })),
                    end @ Next::End(_) => Ok(end),
                }
            }
        }
    }
}
