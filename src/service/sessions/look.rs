//! A session for faces that name it first: made when it is not there, and shown as it is at this moment.

use super::{NewSession, SessionView, Sessions};
use crate::{
    domain::session::{Qr, Snapshot},
    service::{Ctx, Error},
};

impl Sessions {
    /// The caller's session of this handle, made if there is none.
    pub async fn ensure(&self, ctx: &Ctx, handle: &str) -> Result<SessionView, Error> {
        match self.get(ctx, handle).await {
            Err(Error::NotFound { .. }) => {}
            found => return found,
        }
        let new = NewSession {
            handle: Some(handle.to_owned()),
            ..NewSession::default()
        };
        match self.create(ctx, new).await {
            // Somebody else was faster.
            Err(Error::Conflict { .. }) => self.get(ctx, handle).await,
            made => made,
        }
    }

    /// The session as it is at this moment, and the code that a phone can scan. What runs here is asked itself: its row
    /// follows.
    pub async fn look(
        &self,
        ctx: &Ctx,
        reference: &str,
    ) -> Result<(SessionView, Option<Qr>), Error> {
        let (mut session, live) = self.watch(ctx, reference).await?;
        let Some(live) = live else {
            return Ok((session, None));
        };
        let Snapshot {
            phase,
            account,
            connected_at,
            ..
        } = live.borrow().clone();
        let now = self.clock.now_ms();
        let code = phase.qr().filter(|code| now < code.expires_at).cloned();
        session.state = phase.state();
        session.reason = phase.reason().map(|reason| reason.as_str().to_owned());
        session.connected_at = connected_at.filter(|_| session.connected());
        session.phone = account.phone.or(session.phone);
        Ok((session, code))
    }
}
