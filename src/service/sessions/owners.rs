//! Whose session it is, for faces in which an administrator sees and steers every session.
//!
//! Owns that nobody else does: to whoever is no administrator, a session of another does not exist.

use std::sync::Arc;

use entity::{
    enums::{Role, TenantRole},
    ids::SessionId,
    sessions,
};

use super::{MAX_HANDLE, PAGE, SessionView, Sessions, find, view};
use crate::{
    db,
    domain::principal::{Principal, Scope},
    service::{Ctx, Error},
};

impl Sessions {
    /// The caller as the owner of a session: themselves, or whoever owns it when an administrator asks. Their own session
    /// comes before another's of the same handle.
    pub async fn as_owner(&self, ctx: &Ctx, reference: &str) -> Result<Ctx, Error> {
        match find(&self.db, ctx, reference).await {
            Ok(_) => return Ok(ctx.clone()),
            Err(missing @ Error::NotFound { .. }) if !sees_all(ctx) => return Err(missing),
            Err(Error::NotFound { .. }) => {}
            Err(other) => return Err(other),
        }
        let row = self.anybodys(reference).await?;
        Ok(Ctx {
            principal: Arc::new(Principal {
                tenant: row.owner_id,
                tenant_role: TenantRole::Owner,
                // Acts for them in what is theirs, and as an administrator in nothing else.
                role: Role::User,
                ..Principal::clone(&ctx.principal)
            }),
            request_id: Arc::clone(&ctx.request_id),
            known: None,
            turn: ctx.turn.clone(),
        })
    }

    /// Every session of everybody, oldest first. For administrators.
    pub async fn everybodys(&self, ctx: &Ctx) -> Result<Vec<SessionView>, Error> {
        ctx.require(Scope::SessionsRead)?;
        if !sees_all(ctx) {
            return self.all(ctx).await;
        }
        let mut all: Vec<SessionView> = Vec::new();
        loop {
            let cursor = all.last().map(|session| session.id);
            let rows = db::sessions::page_of_everybody(&self.db, cursor, PAGE).await?;
            let full = rows.len() as u64 == PAGE;
            let ids: Vec<SessionId> = rows.iter().map(|row| row.id).collect();
            let standings = db::leases::standings(&self.db, &ids).await?;
            for row in rows {
                let key = row.id.uuid();
                let standing = standings.iter().find(|lease| lease.lease_key == key);
                all.push(view(row, standing)?);
            }
            if !full {
                return Ok(all);
            }
        }
    }

    async fn anybodys(&self, reference: &str) -> Result<sessions::Model, Error> {
        let row = match reference.parse::<SessionId>() {
            Ok(id) => db::sessions::find_of_anybody(&self.db, id).await?,
            Err(_) if reference.len() <= MAX_HANDLE => {
                db::sessions::find_of_anybody_by_handle(&self.db, reference).await?
            }
            Err(_) => None,
        };
        row.ok_or(Error::NotFound { what: "session" })
    }
}

/// Whether the caller may see what is not theirs: an administrator whose credential is not bound to one session.
fn sees_all(ctx: &Ctx) -> bool {
    ctx.principal.may(Scope::UsersAdmin) && ctx.principal.session.is_none()
}
