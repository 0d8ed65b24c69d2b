//! What makes a session run, stop and link.

use entity::{enums::TenantRole, ids::SessionId, sessions};

use super::{SessionView, Sessions, find};
use crate::{
    domain::{
        address::Address,
        principal::{Credential, Scope},
        session::{PairCode, Settings},
    },
    service::{Ctx, Error, upstream::send_error},
    session::Handle,
};

impl Sessions {
    /// Wants the session to run. Answers before anything has happened.
    pub async fn connect(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        let row = self.writable(ctx, reference).await?;
        let settings: Settings = serde_json::from_str(&row.settings).map_err(Error::internal)?;
        if !settings.enabled {
            return Err(Error::NotReady {
                code: "session_disabled",
                detail: "the session is switched off in its settings".to_owned(),
            });
        }
        self.manager.connect(row.id).await?;
        self.again(ctx, row.id).await
    }

    /// Stops the session and keeps its pairing.
    pub async fn disconnect(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        let row = self.writable(ctx, reference).await?;
        self.manager.disconnect(row.id).await?;
        self.again(ctx, row.id).await
    }

    /// Removes the device from the account.
    pub async fn logout(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        let row = self.writable(ctx, reference).await?;
        self.manager.logout(row.id).await?;
        self.again(ctx, row.id).await
    }

    /// Stops and starts the session.
    pub async fn restart(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        let row = self.writable(ctx, reference).await?;
        self.manager.restart(row.id).await?;
        self.again(ctx, row.id).await
    }

    /// Asks for a code that is typed on the phone `to`; starts the session if it does not run.
    pub async fn pair_code(
        &self,
        ctx: &Ctx,
        reference: &str,
        to: &Address,
    ) -> Result<PairCode, Error> {
        let row = self.pairable(ctx, reference).await?;
        let Address::Phone(phone) = to else {
            return Err(Error::invalid("/phone", "a phone number is required"));
        };
        if self.again(ctx, row.id).await?.logged_in() {
            return Err(Error::NotReady {
                code: "session_already_linked",
                detail: "a phone is linked already".to_owned(),
            });
        }
        self.manager.connect(row.id).await?;
        let handle = self.live(row.id)?;
        match handle.pair_code(phone.clone()).await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => Err(send_error(error)),
            Err(_) => Err(not_running()),
        }
    }

    /// A link token may pair its session, although it may change nothing else.
    pub(super) async fn pairable(
        &self,
        ctx: &Ctx,
        reference: &str,
    ) -> Result<sessions::Model, Error> {
        let links = matches!(ctx.principal.credential, Credential::LinkToken(_));
        // Whoever made it may have become somebody who only reads.
        if !links || ctx.principal.tenant_role == TenantRole::Viewer {
            ctx.require(Scope::SessionsWrite)?;
        }
        find(&self.db, ctx, reference).await
    }

    fn live(&self, session: SessionId) -> Result<Handle, Error> {
        self.manager.get(session).ok_or_else(not_running)
    }
}

fn not_running() -> Error {
    Error::NotReady {
        code: "session_not_connected",
        detail: "the session is not running; connect it first".to_owned(),
    }
}
