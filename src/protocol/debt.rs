//! What was heard and is not written yet: no frame leaves before it is.
//!
//! The library confirms a notification or a call as soon as its handlers have seen it, kept or not, and WhatsApp forgets
//! it then. Handlers hear of it before its confirmation is queued, though: so a frame that waits here for what was heard
//! before it cannot confirm what is lost. Must never wait without an end: what cannot be written cuts the connection,
//! and what was not confirmed comes again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::client::Client;

/// How long a frame waits; then the connection goes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was heard could not be written, or not in time.
#[derive(Debug, thiserror::Error)]
#[error("what was heard before could not be written")]
pub(super) struct Unpaid;

/// Counts what one client owes the log.
#[derive(Debug)]
pub(super) struct Debt {
    heard: AtomicU64,
    written: watch::Sender<u64>,
    /// Falls when nothing more will be written.
    void: CancellationToken,
}

impl Default for Debt {
    fn default() -> Self {
        Self {
            heard: AtomicU64::new(0),
            written: watch::Sender::new(0),
            void: CancellationToken::new(),
        }
    }
}

impl Debt {
    /// Something has to be written before the next frame leaves.
    pub(super) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
    }

    /// So much of it is written.
    pub(super) fn pay(&self, count: u64) {
        self.written.send_modify(|written| *written += count);
    }

    /// Nothing more will be written by this run.
    pub(super) fn void(&self) {
        self.void.cancel();
    }

    /// Waits until what was heard so far is written.
    pub(super) async fn paid(&self) -> Result<(), Unpaid> {
        let owed = self.heard.load(Ordering::Acquire);
        if *self.written.borrow() >= owed {
            return Ok(());
        }
        let mut written = self.written.subscribe();
        tokio::select! {
            biased;
            done = written.wait_for(|written| *written >= owed) => done.map(|_| ()).map_err(|_| Unpaid),
            () = self.void.cancelled() => Err(Unpaid),
            () = tokio::time::sleep(PATIENCE) => Err(Unpaid),
        }
    }
}

impl Client {
    /// So much of what is owed is written.
    pub fn has_written(&self, owed: usize) {
        let owed = u64::try_from(owed).unwrap_or(u64::MAX);
        self.bridge.debt.pay(owed);
    }

    /// Nobody writes what this client hears any more.
    pub fn writes_no_more(&self) {
        self.bridge.debt.void();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_waits_for_what_was_heard_before_it_and_for_nothing_else() {
        let debt = Debt::default();
        assert!(debt.paid().await.is_ok());
        debt.hear();
        debt.hear();
        let frame = debt.paid();
        tokio::pin!(frame);
        assert!(futures_util::poll!(&mut frame).is_pending());
        debt.pay(1);
        assert!(futures_util::poll!(&mut frame).is_pending());
        // What comes later is the business of later frames.
        debt.hear();
        debt.pay(1);
        assert!(frame.await.is_ok());
    }

    #[tokio::test]
    async fn what_will_not_be_written_lets_no_frame_out() {
        let debt = Debt::default();
        debt.hear();
        debt.void();
        assert!(debt.paid().await.is_err());
        debt.pay(1);
        assert!(debt.paid().await.is_ok());
    }
}
