//! The end of a run, written however often it takes.
//!
//! A lease that is not given back keeps its session down for as long as this node lives. Called by the manager alone.

use std::time::Duration;

use super::{Manager, ManagerError};
use crate::{
    db::leases,
    domain::session::Reason,
    session::{handle::Handle, journal::JournalError},
};

/// How soon a step that could not be taken is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// A step at the end of a run.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// Tell why it starts again.
    Tell(&'a Handle, Reason, &'a str),
    /// Give the lease back.
    Release,
    /// Give it back, and want it no more.
    Unwant,
    /// Give it back, and let nobody claim it for that time.
    HoldBack(Duration),
}

impl Manager {
    /// Takes a step at the end of a run, however often it takes: nobody else may while this node lives.
    pub(super) async fn insist(&self, claim: leases::Claimed, step: Step<'_>) {
        let lost = self.parts.node.lost();
        let soft = self.parts.stop.soft_token();
        let mut told = false;
        loop {
            let taken = tokio::select! {
                biased;
                () = lost.cancelled() => return,
                taken = self.take(claim, step) => taken,
            };
            let error = match taken {
                Ok(()) | Err(ManagerError::Journal(JournalError::Fenced)) => return,
                Err(error) => error,
            };
            if !told {
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %claim.session, error, "the end of the session's run could not be written yet");
                told = true;
            }
            tokio::select! {
                // A node that goes gives all its leases back, or lets them run out.
                () = lost.cancelled() => return,
                () = soft.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn take(&self, claim: leases::Claimed, step: Step<'_>) -> Result<(), ManagerError> {
        let db = &self.parts.db;
        match step {
            Step::Tell(handle, reason, why) => {
                return self.tell_restart(handle, reason, why).await;
            }
            Step::Release => {}
            Step::Unwant => leases::set_desired(db, claim.session, false).await?,
            Step::HoldBack(delay) => leases::hold_back(db, claim.session, delay).await?,
        }
        leases::release(db, claim.session, self.parts.node.id, claim.epoch).await?;
        Ok(())
    }
}
