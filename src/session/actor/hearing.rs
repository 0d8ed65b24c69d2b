//! What the actor does when its probe wants something: ask, say that the session is deaf, connect anew.
//!
//! Called by the actor's loop alone. Must never wait for the client: what takes time is under way beside the loop.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Actor, Exit, Next};
use crate::{
    domain::session::{Change, Reason},
    session::{journal::JournalError, probe::Step},
};

/// How long the client may take to let go of a dead connection; it waits up to two seconds for each of two flushes.
const LET_GO: Duration = Duration::from_secs(10);

/// What the probe has under way; there is none most of the time.
pub(super) type Probing = Option<BoxFuture<'static, Probed>>;

/// What came of a step of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// The server is there.
    Answered,
    /// It did not answer; the probe knows when that was too long.
    Unanswered,
    /// A new connection is being made.
    Reconnecting,
    /// The client holds on to a dead connection.
    Stuck,
}

impl Actor {
    /// The probe is due.
    pub(super) async fn on_look(&mut self, probing: &mut Probing) -> Result<Next, JournalError> {
        match self.probe.look(Instant::now(), self.client.heard()) {
            Step::Wait => Ok(Next::Go),
            Step::Ask => {
                let client = Arc::clone(&self.client);
                let patience = self.probe.patience();
                *probing = Some(Box::pin(async move {
                    if client.ping(patience).await {
                        Probed::Answered
                    } else {
                        Probed::Unanswered
                    }
                }));
                Ok(Next::Go)
            }
            Step::Deaf => {
                let detail = "nothing was heard from WhatsApp, nor an answer to a question";
                tracing::warn!(reason = Reason::Deaf.as_str(), "the session hears nothing");
                metrics::counter!("wharf_sessions_deaf_total").increment(1);
                *probing = Some(self.reconnect());
                let detail = Some(detail.to_owned());
                self.go(Change::Lost(Reason::Deaf), detail).await
            }
            Step::Reconnect => {
                tracing::debug!("the session still hears nothing");
                if probing.is_none() {
                    *probing = Some(self.reconnect());
                }
                Ok(Next::Go)
            }
        }
    }

    fn reconnect(&self) -> BoxFuture<'static, Probed> {
        let client = Arc::clone(&self.client);
        Box::pin(async move {
            let letting_go = tokio::time::timeout(LET_GO, client.reconnect()).await;
            // Only now: what is sent again must not go to the dead connection.
            client.cut_off();
            letting_go.map_or(Probed::Stuck, |()| Probed::Reconnecting)
        })
    }

    pub(super) fn on_probed(&mut self, probed: Probed) -> Next {
        match probed {
            Probed::Answered => self.probe.answered(Instant::now()),
            Probed::Unanswered | Probed::Reconnecting => {}
            Probed::Stuck => {
                let why = "the client holds on to a dead connection";
                return Next::End(Exit::Failed(why));
            }
        }
        Next::Go
    }
}

/// What came of the step under way; waits for ever when there is none.
pub(super) async fn probed(step: &mut Probing) -> Probed {
    match step {
        Some(step) => step.await,
        None => std::future::pending().await,
    }
}
