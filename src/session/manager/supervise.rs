//! What follows when a session's run ends, and when it is tried again.
//!
//! Called by the manager alone. Must never let a failure end in silence: it is told in the log, then tried again later.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{Manager, ManagerError, insist::Step};
use crate::{
    db::leases,
    domain::{
        event::{Event, ReasonData},
        session::{Phase, Reason, Snapshot},
    },
    protocol::store,
    session::{
        actor::{Actor, Exit, Inputs},
        handle::Handle,
        telling,
    },
};

/// The longest wait between two starts of a session that keeps failing.
const BACKOFF_MAX: Duration = Duration::from_mins(5);

impl Manager {
    pub(super) async fn launch_failed(&self, claim: leases::Claimed, error: &ManagerError) {
        tracing::error!(
            session.id = %claim.session,
            error = error as &dyn std::error::Error,
            "the session could not be started"
        );
        self.retry_later(claim, backoff(claim.fail_count)).await;
    }

    pub(super) async fn retry_later(&self, claim: leases::Claimed, delay: Duration) {
        self.insist(claim, Step::HoldBack(delay)).await;
        // The claim loop would find it at its next look anyway.
        let nudge = Arc::clone(&self.nudge);
        self.parts.tasks.spawn("session.retry", async move {
            tokio::time::sleep(delay + Duration::from_millis(50)).await;
            nudge.notify_one();
        });
    }

    /// Runs the actor in a root span of its own, else it would carry the span of whoever woke it first.
    pub(super) fn supervise(
        &self,
        claim: leases::Claimed,
        handle: Handle,
        device: Arc<store::Store>,
        actor: Actor,
        inputs: Inputs,
    ) {
        use tracing::Instrument as _;
        let manager = self.clone();
        let span = tracing::info_span!(parent: None, "session.run", session.id = %claim.session, epoch = claim.epoch);
        let mut state = handle.watch();
        self.parts.tasks.spawn(
            "session.run",
            async move {
                let guard = Gone {
                    manager: manager.clone(),
                    handle: handle.clone(),
                };
                let running = actor.run(inputs);
                let healthy = manager.note_health(claim, &mut state);
                let exit = {
                    tokio::pin!(running, healthy);
                    tokio::select! {
                        exit = &mut running => exit,
                        () = &mut healthy => running.await,
                    }
                };
                manager.after(claim, &handle, &device, exit).await;
                drop(guard);
            }
            .instrument(span),
        );
    }

    /// Forgets earlier failures once the session is connected.
    async fn note_health(&self, claim: leases::Claimed, state: &mut watch::Receiver<Snapshot>) {
        if claim.fail_count == 0 {
            return;
        }
        if state
            .wait_for(|state| state.phase == Phase::Connected)
            .await
            .is_ok()
            && let Err(error) = leases::reset_failures(&self.parts.db, claim.session).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "the count of failures stays");
        }
    }

    async fn after(
        &self,
        claim: leases::Claimed,
        handle: &Handle,
        device: &store::Store,
        exit: Exit,
    ) {
        tracing::info!("the session's run has ended: {exit:?}");
        // It stays in the registry until this is written, so that a connect in between waits for it.
        let result = match exit {
            Exit::Fenced => Ok(()),
            Exit::Stopped => {
                self.insist(claim, Step::Release).await;
                Ok(())
            }
            Exit::Finished { wipe } => {
                let wiped = if wipe {
                    self.wipe(handle, device).await
                } else {
                    Ok(())
                };
                self.insist(claim, Step::Unwant).await;
                wiped
            }
            Exit::RetryAfter(delay) => {
                self.retry_later(claim, delay).await;
                Ok(())
            }
            Exit::Failed(why) => {
                let told = self.tell_restart(handle, Reason::Restarting, why).await;
                self.retry_later(claim, backoff(claim.fail_count)).await;
                told
            }
            Exit::NotStored => {
                let why = "what the session had to write could not be stored";
                // Told under the lease, so before it is given back.
                let told = Step::Tell(handle, Reason::StoreFailed, why);
                self.insist(claim, told).await;
                self.retry_later(claim, backoff(claim.fail_count)).await;
                Ok(())
            }
        };
        if let Err(error) = result {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the end of the session's run could not be written");
        }
    }

    /// Forgets the device, which is none of the account's any more, and what it was still to send.
    async fn wipe(&self, handle: &Handle, device: &store::Store) -> Result<(), ManagerError> {
        self.drop_left_over(&handle.journal).await?;
        device.clear().await.map_err(ManagerError::Store)
    }

    pub(super) async fn tell_restart(
        &self,
        handle: &Handle,
        reason: Reason,
        why: &str,
    ) -> Result<(), ManagerError> {
        let mut snapshot = handle.snapshot();
        snapshot.phase = Phase::Degraded(reason);
        snapshot.connected_at = None;
        let data = ReasonData {
            reason,
            detail: Some(why.to_owned()),
        };
        let event = Event::Degraded(data);
        Ok(handle
            .journal
            .record_run(telling::row(&snapshot), vec![event])
            .await?)
    }
}

/// Takes the session out of the registry even when its actor panicked.
struct Gone {
    manager: Manager,
    handle: Handle,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let handle = &self.handle;
        self.manager
            .live
            .remove_if(&handle.session, |_, live| live.done_is(handle));
        handle.done.cancel();
    }
}

/// 1 s, doubling, with a fifth of jitter.
fn backoff(failures: i32) -> Duration {
    let base =
        Duration::from_secs(1) * 2_u32.saturating_pow(u32::try_from(failures).unwrap_or(0).min(16));
    base.min(BACKOFF_MAX).mul_f64(rand::random_range(0.8..1.2))
}
