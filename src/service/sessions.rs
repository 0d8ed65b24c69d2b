//! The verbs of sessions.
//!
//! Owns the order of rows and runs: the row is committed before the manager is told, so that a crash in between is
//! mended at the next start. `http` and the dialects call it.

use entity::{
    enums::SessionState,
    ids::{SessionId, UserId},
    sessions,
};
use sea_orm::{DatabaseConnection, SqlErr};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{Ctx, Error};
use crate::{
    db,
    domain::{
        address::Address,
        clock::SharedClock,
        principal::{Credential, Scope},
        session::{PairCode, Settings, Snapshot},
    },
    protocol::SendError,
    session::{Handle, Manager, ManagerError},
};

/// The largest `metadata`, as JSON text.
const MAX_METADATA: usize = 16 << 10;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The owner's own name for it in paths.
    pub handle: String,
    /// A name to show.
    pub name: Option<String>,
    /// Digits, once paired.
    pub phone: Option<String>,
    /// `…@lid`, once paired.
    pub lid: Option<String>,
    /// The name the account goes by.
    pub push_name: Option<String>,
    /// Where it is.
    pub state: SessionState,
    /// Why, as a stable word.
    pub reason: Option<String>,
    /// The owner's own data.
    pub metadata: Map<String, Value>,
    /// What the owner has switched.
    pub settings: Settings,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub connected_at: Option<i64>,
    /// The last number of its event log.
    pub last_event_seq: i64,
}

impl SessionView {
    /// Whether messages can be sent right now.
    pub fn connected(&self) -> bool {
        self.state == SessionState::Connected
    }

    /// Whether a phone is linked.
    pub fn logged_in(&self) -> bool {
        self.phone.is_some()
            && !matches!(self.state, SessionState::LoggedOut | SessionState::Expired)
    }
}

/// A session to be made.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// Unique per owner; made up when absent.
    pub handle: Option<String>,
    /// A name to show.
    pub name: Option<String>,
    /// The owner's own data.
    pub metadata: Map<String, Value>,
    /// What the owner switches.
    pub settings: Settings,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct SessionPatch {
    /// Another handle.
    pub handle: Option<String>,
    /// Another name, or none.
    pub name: Option<Option<String>>,
    /// Replaces the metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Replaces the settings.
    pub settings: Option<Settings>,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: DatabaseConnection,
    manager: Manager,
    clock: SharedClock,
}

impl Sessions {
    /// Verbs over `manager`.
    pub const fn new(db: DatabaseConnection, manager: Manager, clock: SharedClock) -> Self {
        Self { db, manager, clock }
    }

    /// Makes a session. It does not connect.
    pub async fn create(&self, ctx: &Ctx, new: NewSession) -> Result<SessionView, Error> {
        ctx.require(Scope::SessionsWrite)?;
        if ctx.principal.session.is_some() {
            return Err(Error::Forbidden {
                scope: Scope::SessionsWrite,
            });
        }
        check_name(new.name.as_deref())?;
        let metadata = metadata_text(&new.metadata)?;
        let id = SessionId::new();
        let handle = match new.handle {
            Some(handle) => check_handle(handle)?,
            None => generated_handle(id),
        };
        let now = self.clock.now_ms();
        let row = sessions::Model {
            id,
            owner_id: ctx.owner(),
            handle,
            name: new.name,
            phone: None,
            lid: None,
            push_name: None,
            state: SessionState::Disconnected,
            reason: None,
            metadata,
            settings: serde_json::to_string(&new.settings).map_err(Error::internal)?,
            created_at: now,
            updated_at: now,
            connected_at: None,
        };
        let tx = db::begin(&self.db).await?;
        if let Some(limit) = db::sessions::lock_limit(&tx, ctx.owner()).await?
            && db::sessions::count(&tx, ctx.owner()).await? >= u64::try_from(limit).unwrap_or(0)
        {
            return Err(Error::Quota {
                code: "session_limit_reached",
                detail: format!("this account may have {limit} sessions"),
            });
        }
        db::sessions::insert(&tx, row.clone())
            .await
            .map_err(handle_taken)?;
        db::leases::insert(&tx, id).await?;
        tx.commit().await?;
        view(row, 0)
    }

    /// A page of the caller's sessions, oldest first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        cursor: Option<SessionId>,
        limit: u64,
    ) -> Result<Vec<SessionView>, Error> {
        ctx.require(Scope::SessionsRead)?;
        let only = ctx.principal.session;
        let rows = db::sessions::page(&self.db, ctx.owner(), only, cursor, limit).await?;
        let ids: Vec<SessionId> = rows.iter().map(|row| row.id).collect();
        let seqs = db::leases::last_seqs(&self.db, &ids).await?;
        rows.into_iter()
            .map(|row| {
                let id = row.id.uuid();
                let seq = seqs
                    .iter()
                    .find(|(key, _)| *key == id)
                    .map_or(0, |(_, seq)| *seq);
                view(row, seq)
            })
            .collect()
    }

    /// One session, by id or handle.
    pub async fn get(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, reference).await?;
        self.show(row).await
    }

    /// Changes what the owner may change.
    pub async fn update(
        &self,
        ctx: &Ctx,
        reference: &str,
        patch: SessionPatch,
    ) -> Result<SessionView, Error> {
        ctx.require(Scope::SessionsWrite)?;
        let mut row = find(&self.db, ctx, reference).await?;
        if let Some(handle) = patch.handle {
            row.handle = check_handle(handle)?;
        }
        if let Some(name) = patch.name {
            check_name(name.as_deref())?;
            row.name = name;
        }
        if let Some(metadata) = patch.metadata {
            row.metadata = metadata_text(&metadata)?;
        }
        if let Some(settings) = patch.settings {
            row.settings = serde_json::to_string(&settings).map_err(Error::internal)?;
            if !settings.enabled {
                self.manager.disconnect(row.id).await?;
            }
        }
        db::sessions::update_profile(&self.db, &row, self.clock.now_ms())
            .await
            .map_err(handle_taken)?;
        let row = find(&self.db, ctx, &row.id.to_string()).await?;
        self.show(row).await
    }

    /// Ends the session and forgets everything of it. The device stays linked on the phone until it is removed
    /// there; [`Sessions::logout`] first removes it there too.
    pub async fn delete(&self, ctx: &Ctx, reference: &str) -> Result<(), Error> {
        ctx.require(Scope::SessionsWrite)?;
        let row = find(&self.db, ctx, reference).await?;
        self.manager.forget(row.id).await?;
        let tx = db::begin(&self.db).await?;
        db::sessions::delete(&tx, ctx.owner(), row.id).await?;
        tx.commit().await?;
        Ok(())
    }

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
        self.manager.connect(row.id).await?;
        let handle = self.live(row.id)?;
        match handle.pair_code(phone.clone()).await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => Err(send_error(error)),
            Err(_) => Err(not_running()),
        }
    }

    /// The session and, while it runs here, its latest state to follow. Every polled answer reads this one.
    pub async fn watch(
        &self,
        ctx: &Ctx,
        reference: &str,
    ) -> Result<(SessionView, Option<watch::Receiver<Snapshot>>), Error> {
        ctx.require(Scope::SessionsRead)?;
        let row = find(&self.db, ctx, reference).await?;
        let live = self.manager.get(row.id).map(|handle| handle.watch());
        Ok((self.show(row).await?, live))
    }

    /// How many sessions run here.
    pub fn running(&self) -> usize {
        self.manager.len()
    }

    fn live(&self, session: SessionId) -> Result<Handle, Error> {
        self.manager.get(session).ok_or_else(not_running)
    }

    async fn writable(&self, ctx: &Ctx, reference: &str) -> Result<sessions::Model, Error> {
        ctx.require(Scope::SessionsWrite)?;
        find(&self.db, ctx, reference).await
    }

    /// A link token may pair its session, although it may change nothing else.
    async fn pairable(&self, ctx: &Ctx, reference: &str) -> Result<sessions::Model, Error> {
        if ctx.principal.credential != Credential::LinkToken {
            ctx.require(Scope::SessionsWrite)?;
        }
        find(&self.db, ctx, reference).await
    }

    async fn again(&self, ctx: &Ctx, id: SessionId) -> Result<SessionView, Error> {
        let row = find(&self.db, ctx, &id.to_string()).await?;
        self.show(row).await
    }

    async fn show(&self, row: sessions::Model) -> Result<SessionView, Error> {
        let seqs = db::leases::last_seqs(&self.db, &[row.id]).await?;
        view(row, seqs.first().map_or(0, |(_, seq)| *seq))
    }
}

/// A session of the caller's, by id or handle; what is not theirs does not exist.
pub(super) async fn find(
    db: &DatabaseConnection,
    ctx: &Ctx,
    reference: &str,
) -> Result<sessions::Model, Error> {
    let row = match reference.parse::<SessionId>() {
        Ok(id) => db::sessions::find(db, ctx.owner(), id).await?,
        Err(_) if reference.len() <= 64 => {
            db::sessions::find_by_handle(db, ctx.owner(), reference).await?
        }
        Err(_) => None,
    };
    let row = row.ok_or(Error::NotFound { what: "session" })?;
    ctx.require_session(row.id)?;
    Ok(row)
}

pub(super) fn send_error(error: SendError) -> Error {
    match error {
        SendError::NotConnected => Error::NotReady {
            code: "session_not_connected",
            detail: "the session is not connected".to_owned(),
        },
        SendError::NotOnWhatsApp => Error::Invalid {
            code: "recipient_not_on_whatsapp",
            faults: vec![super::Fault::new("/to", "this number is not on WhatsApp")],
        },
        SendError::Unsupported => Error::Invalid {
            code: "invalid_recipient",
            faults: vec![super::Fault::new(
                "/to",
                "messages cannot be sent to this kind of address",
            )],
        },
        SendError::TimedOut => Error::Upstream {
            code: "whatsapp_timeout",
            detail: "WhatsApp did not answer in time".to_owned(),
        },
        SendError::Store(source) => {
            tracing::warn!(
                error = source.as_ref() as &dyn std::error::Error,
                "a device state could not be written, so nothing was sent"
            );
            Error::Unavailable {
                code: "not_stored",
                detail: "the device state could not be written, so nothing was sent; try again",
            }
        }
        SendError::Refused(source) => {
            tracing::warn!(
                error = source.as_ref() as &dyn std::error::Error,
                "WhatsApp refused a request"
            );
            Error::Upstream {
                code: "whatsapp_refused",
                detail: "WhatsApp refused the request".to_owned(),
            }
        }
    }
}

fn not_running() -> Error {
    Error::NotReady {
        code: "session_not_connected",
        detail: "the session is not running; connect it first".to_owned(),
    }
}

impl From<ManagerError> for Error {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::Stuck => Self::Unavailable {
                code: "session_busy",
                detail: "the session did not end in time; try again",
            },
            other => Self::internal(other),
        }
    }
}

fn handle_taken(error: sea_orm::DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict {
            code: "handle_taken",
            detail: "another session of yours has this handle".to_owned(),
        },
        _ => Error::internal(error),
    }
}

fn check_handle(handle: String) -> Result<String, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.+@:-".contains(c);
    if handle.is_empty() || handle.len() > 64 || !handle.chars().all(fits) {
        return Err(Error::invalid(
            "/handle",
            "a handle has 1 to 64 characters of A-Z a-z 0-9 _ . + @ : -",
        ));
    }
    if handle.starts_with("ses_") {
        return Err(Error::invalid(
            "/handle",
            "a handle must not look like a session id",
        ));
    }
    Ok(handle)
}

fn generated_handle(id: SessionId) -> String {
    let hex = id.uuid().simple().to_string();
    format!("s-{}", &hex[20..])
}

fn check_name(name: Option<&str>) -> Result<(), Error> {
    match name {
        Some(name) if name.trim().is_empty() || name.chars().count() > 128 => {
            Err(Error::invalid("/name", "a name has 1 to 128 characters"))
        }
        _ => Ok(()),
    }
}

fn metadata_text(metadata: &Map<String, Value>) -> Result<String, Error> {
    let text = serde_json::to_string(metadata).map_err(Error::internal)?;
    if text.len() > MAX_METADATA {
        return Err(Error::invalid(
            "/metadata",
            "metadata may have 16 KiB as JSON",
        ));
    }
    Ok(text)
}

fn view(row: sessions::Model, last_event_seq: i64) -> Result<SessionView, Error> {
    Ok(SessionView {
        id: row.id,
        owner_id: row.owner_id,
        handle: row.handle,
        name: row.name,
        phone: row.phone,
        lid: row.lid,
        push_name: row.push_name,
        state: row.state,
        reason: row.reason,
        metadata: serde_json::from_str(&row.metadata).map_err(Error::internal)?,
        settings: serde_json::from_str(&row.settings).map_err(Error::internal)?,
        created_at: row.created_at,
        connected_at: row.connected_at,
        last_event_seq,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_takes_the_documented_characters_and_no_others() {
        for good in [
            "a",
            "my-session",
            "+5511999887766",
            "me@home:1",
            &"x".repeat(64),
        ] {
            assert!(check_handle(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "with space", "ü", "a/b", "ses_1", &"x".repeat(65)] {
            assert!(check_handle(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
