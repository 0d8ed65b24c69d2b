//! The session that a verb is about, and its client while it is connected.
//!
//! Owns the order of the refusals: what is not the caller's does not exist, whatever else is wrong.

use std::sync::Arc;

use entity::ids::SessionId;
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, sessions::find, upstream::send_error};
use crate::{
    domain::{address::Address, event::Event, principal::Scope, session::Account},
    events::Subscription,
    protocol::{AskError, Client, SendError},
    session::{Handle, Manager},
};

/// Finds sessions for verbs that need them connected. Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) db: DatabaseConnection,
    pub(super) manager: Manager,
}

/// A session of the caller's.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: SessionId,
    /// The session, if it runs here.
    pub(super) handle: Option<Handle>,
}

impl Running {
    /// The registry knows the owner of what runs, so a busy caller costs no read.
    pub(super) async fn find(
        &self,
        ctx: &Ctx,
        scope: Scope,
        reference: &str,
    ) -> Result<Found, Error> {
        ctx.require(scope)?;
        if let Ok(id) = reference.parse::<SessionId>()
            && let Some(handle) = self.manager.get(id)
            && handle.owner == ctx.owner()
        {
            ctx.require_session(id)?;
            let handle = Some(handle);
            return Ok(Found { id, handle });
        }
        let row = find(&self.db, ctx, reference).await?;
        Ok(Found {
            id: row.id,
            handle: self.manager.get(row.id),
        })
    }
}

impl Found {
    /// Its client, while it is connected.
    pub(super) fn client(&self) -> Result<Arc<Client>, Error> {
        connected(self.handle.as_ref())
    }

    /// Whether what a phone tells of the past is stored.
    pub(super) fn takes_history(&self) -> bool {
        let handle = self.handle.as_ref();
        handle.is_some_and(|handle| handle.habits.takes_history())
    }

    /// Hears what the session tells from now on.
    pub(super) fn listen(&self) -> Result<Subscription, Error> {
        let handle = self.handle.as_ref();
        let heard = handle.map(|handle| handle.journal.listen());
        heard.ok_or_else(|| send_error(SendError::NotConnected))
    }

    /// Writes what the session has done by this verb into its log.
    pub(super) async fn tell(&self, event: Event) -> Result<(), Error> {
        let Some(handle) = &self.handle else {
            return Ok(());
        };
        let told = handle.journal.record_events(vec![event]).await;
        told.map_err(Error::internal)
    }

    /// The account that is linked, as far as it is known here.
    pub(super) fn account(&self) -> Account {
        let handle = self.handle.as_ref();
        handle.map_or_else(Account::default, |handle| handle.snapshot().account)
    }
}

/// The client of a session, while it is connected.
pub(super) fn connected(handle: Option<&Handle>) -> Result<Arc<Client>, Error> {
    let client = handle.and_then(Handle::client);
    client.ok_or_else(|| send_error(SendError::NotConnected))
}

/// An address of a path or a body.
pub(super) fn address(pointer: &str, text: &str) -> Result<Address, Error> {
    text.parse()
        .map_err(|fault| invalid_address(pointer, format!("{fault}")))
}

/// The address of one person.
pub(super) fn person(pointer: &str, text: &str) -> Result<Address, Error> {
    match address(pointer, text)? {
        person @ (Address::Phone(_) | Address::Lid(_)) => Ok(person),
        _ => Err(invalid_address(
            pointer,
            "this is not the address of a person",
        )),
    }
}

/// The part of a group's address before the `@`.
pub(super) fn group(pointer: &str, text: &str) -> Result<String, Error> {
    match address(pointer, text)? {
        Address::Group(id) => Ok(id),
        _ => Err(invalid_address(
            pointer,
            "this is not the address of a group",
        )),
    }
}

pub(super) fn invalid_address(pointer: &str, detail: impl Into<String>) -> Error {
    Error::Invalid {
        code: "invalid_address",
        faults: vec![super::Fault::new(pointer, detail)],
    }
}

/// Why WhatsApp did not answer a question, as an answer.
pub(super) fn ask_error(error: AskError) -> Error {
    match error {
        AskError::NotConnected => send_error(SendError::NotConnected),
        AskError::TimedOut => send_error(SendError::TimedOut),
        AskError::Limited { retry_after } => Error::Limited {
            code: "whatsapp_rate_limited",
            detail: error.to_string(),
            retry_after,
        },
        AskError::Denied(_) => Error::Upstream {
            code: "whatsapp_refused",
            detail: error.to_string(),
        },
        AskError::Refused(source) => send_error(SendError::Refused(source)),
    }
}
