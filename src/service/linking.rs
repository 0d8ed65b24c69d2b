//! Waiting for a QR code: a poll that ends as soon as there is something to say.

use std::time::Duration;

use entity::enums::SessionState;
use tokio::time::{Instant, timeout_at};

use super::{
    Ctx, Error,
    event_log::EventLog,
    sessions::{SessionView, Sessions},
};
use crate::domain::{clock::SharedClock, session::Qr};

pub use crate::session::passkey_data;

/// Answers polls for a QR code from the same `watch` that sockets read.
#[derive(Debug, Clone)]
pub struct Linking {
    sessions: Sessions,
    log: EventLog,
    clock: SharedClock,
}

impl Linking {
    /// Over the verbs of sessions and of the log.
    pub const fn new(sessions: Sessions, log: EventLog, clock: SharedClock) -> Self {
        Self {
            sessions,
            log,
            clock,
        }
    }

    /// As [`Linking::qr`], of a session that is run first if it does not run.
    pub async fn start(&self, ctx: &Ctx, reference: &str, wait: Duration) -> Result<Qr, Error> {
        let (session, _) = self.sessions.look(ctx, reference).await?;
        if does_not_run(session.state) {
            self.sessions.connect(ctx, reference).await?;
        }
        self.qr(ctx, reference, wait).await
    }

    /// The session once it can send, or what it is after `wait`. One that a phone has linked is run if it does not run;
    /// one that nobody has linked is not waited for.
    pub async fn ready(
        &self,
        ctx: &Ctx,
        reference: &str,
        wait: Duration,
    ) -> Result<SessionView, Error> {
        let (session, _) = self.sessions.look(ctx, reference).await?;
        if session.connected() || !session.logged_in() {
            return Ok(session);
        }
        match self.start(ctx, reference, wait).await {
            Ok(_) | Err(Error::NotReady { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(self.sessions.look(ctx, reference).await?.0)
    }

    /// The code that is valid now, or within `wait`. A session that cannot come to one says so at once.
    pub async fn qr(&self, ctx: &Ctx, reference: &str, wait: Duration) -> Result<Qr, Error> {
        let deadline = Instant::now() + wait;
        ctx.turn.step_aside();
        // Hears of a session that starts only later, and so has nothing to watch yet.
        let (session, mut news) = self.log.subscribe(ctx, reference).await?;
        let reference = session.to_string();
        loop {
            let (view, live) = self.sessions.watch(ctx, &reference).await?;
            let Some(mut live) = live else {
                if timeout_at(deadline, news.next()).await.is_err() {
                    return Err(none_yet(view.state));
                }
                continue;
            };
            let snapshot = live.borrow_and_update().clone();
            if let Some(qr) = snapshot
                .phase
                .qr()
                .filter(|qr| self.clock.now_ms() < qr.expires_at)
            {
                return Ok(qr.clone());
            }
            let state = snapshot.phase.state();
            if matches!(state, SessionState::Connected) {
                return Err(none_yet(state));
            }
            match timeout_at(deadline, live.changed()).await {
                Err(_) => return Err(none_yet(state)),
                // Its run has ended: look again, unless it comes to nothing more.
                Ok(Err(_)) if timeout_at(deadline, news.next()).await.is_err() => {
                    return Err(none_yet(state));
                }
                Ok(_) => {}
            }
        }
    }
}

const fn does_not_run(state: SessionState) -> bool {
    matches!(
        state,
        SessionState::Disconnected | SessionState::LoggedOut | SessionState::Expired
    )
}

fn none_yet(state: SessionState) -> Error {
    let (code, detail) = match state {
        SessionState::Connected => ("session_already_linked", "a phone is linked already"),
        SessionState::Disconnected => (
            "session_not_connected",
            "the session does not run; connect it first",
        ),
        SessionState::Expired => (
            "qr_timeout",
            "no phone scanned in time; connect the session again",
        ),
        SessionState::LoggedOut => (
            "session_logged_out",
            "the device was removed; connect the session again",
        ),
        SessionState::Connecting | SessionState::NeedScan | SessionState::Degraded => {
            ("qr_not_ready", "there is no QR code yet; try again")
        }
    };
    Error::NotReady {
        code,
        detail: detail.to_owned(),
    }
}
