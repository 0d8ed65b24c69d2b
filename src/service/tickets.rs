//! Short-lived credentials for browsers: a ticket opens one socket, a link token links and watches one session.

use entity::{ids::SessionId, link_tokens, ws_tickets};
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, Fault, secret, tokens};
use crate::{
    db,
    domain::{
        clock::SharedClock,
        principal::{Credential, Principal, Scope},
    },
};

/// What every link token starts with.
pub const LINK_PREFIX: &str = "wl_";

const TICKET_PREFIX: &str = "wt_";

/// How long a ticket waits for its socket.
const TICKET_MS: i64 = 30_000;

/// The longest life of a link token.
pub const MAX_LINK_SECONDS: u32 = 3_600;

const MAX_ORIGINS: usize = 20;

/// A secret with its end.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Shown once.
    pub secret: String,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

/// Makes and takes tickets and link tokens.
#[derive(Debug, Clone)]
pub struct Tickets {
    db: DatabaseConnection,
    clock: SharedClock,
}

impl Tickets {
    /// Over the tables.
    pub fn new(db: DatabaseConnection, clock: SharedClock) -> Self {
        Self { db, clock }
    }

    /// A ticket that opens one socket with the caller's own rights.
    pub async fn issue(&self, ctx: &Ctx) -> Result<Issued, Error> {
        let now = self.clock.now_ms();
        let ticket = secret::generate(TICKET_PREFIX);
        let expires_at = now + TICKET_MS;
        db::ws_tickets::sweep(&self.db, ctx.user(), now).await?;
        let principal = serde_json::to_string(&*ctx.principal).map_err(Error::internal)?;
        let row = ws_tickets::Model {
            ticket_hash: secret::digest(&ticket),
            owner_id: ctx.user(),
            principal,
            expires_at,
        };
        db::ws_tickets::insert(&self.db, row).await?;
        Ok(Issued {
            secret: ticket,
            expires_at,
        })
    }

    /// Takes a ticket; it is worthless from then on.
    pub async fn redeem(&self, ticket: &str) -> Result<Principal, Error> {
        let now = self.clock.now_ms();
        let row = db::ws_tickets::take(&self.db, &secret::digest(ticket))
            .await?
            .filter(|row| now < row.expires_at)
            .ok_or_else(tokens::invalid)?;
        // One that another version has written is not understood, and lives for half a minute.
        let principal: Principal =
            serde_json::from_str(&row.principal).map_err(|_| tokens::invalid())?;
        if principal.expires_at.is_some_and(|end| end <= now) {
            return Err(tokens::invalid());
        }
        // The ticket is young, but the user may have been shut out within its life.
        let user = db::users::by_id(&self.db, principal.user).await?;
        if db::users::let_in(&self.db, user).await?.is_none() {
            return Err(tokens::invalid());
        }
        Ok(principal)
    }

    /// A token with which a page may link and watch `session`, which the caller has just found to be their own.
    pub async fn issue_link(
        &self,
        ctx: &Ctx,
        session: SessionId,
        expires_in_s: u32,
        allowed_origins: Option<Vec<String>>,
    ) -> Result<Issued, Error> {
        ctx.require(Scope::SessionsWrite)?;
        ctx.require_session(session)?;
        if matches!(ctx.principal.credential, Credential::LinkToken(_)) {
            return Err(Error::Forbidden {
                scope: Scope::SessionsWrite,
            });
        }
        check_link(expires_in_s, allowed_origins.as_deref())?;
        let now = self.clock.now_ms();
        let token = secret::generate(LINK_PREFIX);
        let expires_at = now + i64::from(expires_in_s) * 1000;
        db::link_tokens::sweep(&self.db, ctx.user(), now).await?;
        let row = link_tokens::Model {
            token_hash: secret::digest(&token),
            session_id: session,
            owner_id: ctx.user(),
            allowed_origins: allowed_origins
                .map(|origins| serde_json::to_string(&origins))
                .transpose()
                .map_err(Error::internal)?,
            expires_at,
            created_at: now,
        };
        db::link_tokens::insert(&self.db, row).await?;
        Ok(Issued {
            secret: token,
            expires_at,
        })
    }
}

fn check_link(expires_in_s: u32, origins: Option<&[String]>) -> Result<(), Error> {
    let mut faults = Vec::new();
    if !(1..=MAX_LINK_SECONDS).contains(&expires_in_s) {
        let detail = format!("must be 1 to {MAX_LINK_SECONDS}");
        faults.push(Fault::new("/expires_in_s", detail));
    }
    let origins = origins.unwrap_or_default();
    if origins.len() > MAX_ORIGINS {
        let detail = format!("has at most {MAX_ORIGINS} items");
        faults.push(Fault::new("/allowed_origins", detail));
    }
    for (at, origin) in origins.iter().enumerate() {
        if !is_origin(origin) {
            faults.push(Fault::new(
                format!("/allowed_origins/{at}"),
                "must be a scheme, a host and perhaps a port, such as https://app.example.com",
            ));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid {
            code: "validation_failed",
            faults,
        })
    }
}

/// Whether a browser would send exactly this as `Origin`.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        assert!(is_origin("https://app.example.com"));
        assert!(is_origin("http://localhost:3000"));
        for wrong in [
            "https://app.example.com/",
            "app.example.com",
            "*",
            "null",
            "ftp://x",
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_link_lives_an_hour_at_most() {
        assert!(check_link(3600, None).is_ok());
        assert!(check_link(3601, None).is_err());
        assert!(check_link(0, None).is_err());
    }
}
