//! The verbs of sessions.
//!
//! Owns the order of rows and runs: the row is committed before the manager is told, so that a crash in between is
//! mended at the next start. `http` and the dialects call it.

use entity::{enums::SessionState, ids::SessionId, sessions};
use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{Ctx, Error, revocation::Revocations, running::Running};
use crate::{
    db,
    domain::{
        clock::SharedClock,
        principal::Scope,
        session::{Settings, Snapshot},
    },
    session::Manager,
};

mod check;
mod look;
mod owners;
mod passkey;
mod settings;
mod steer;
mod view;

use check::{MAX_HANDLE, check_handle, check_name, generated_handle, handle_taken, metadata_text};
pub use view::SessionView;
use view::view;

/// Sessions of one read of the list.
const PAGE: u64 = 200;

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
    revocations: Revocations,
}

impl Sessions {
    /// Verbs over `manager`; `revocations` hears what is deleted.
    pub const fn new(
        db: DatabaseConnection,
        manager: Manager,
        clock: SharedClock,
        revocations: Revocations,
    ) -> Self {
        Self {
            db,
            manager,
            clock,
            revocations,
        }
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
        let mut row = sessions::Model {
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
            settings: String::new(),
            created_at: now,
            updated_at: now,
            connected_at: None,
            proxy_sealed: None,
        };
        self.set(&mut row, new.settings).await?;
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
        view(row, None)
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
        let standings = db::leases::standings(&self.db, &ids).await?;
        rows.into_iter()
            .map(|row| {
                let key = row.id.uuid();
                let standing = standings.iter().find(|lease| lease.lease_key == key);
                view(row, standing)
            })
            .collect()
    }

    /// Every session of the caller's, oldest first.
    pub async fn all(&self, ctx: &Ctx) -> Result<Vec<SessionView>, Error> {
        let mut all = Vec::new();
        loop {
            let cursor = all.last().map(|session: &SessionView| session.id);
            let page = self.list(ctx, cursor, PAGE).await?;
            let full = page.len() as u64 == PAGE;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// The latest state to follow of a session that the caller was shown, while it runs here.
    pub fn follow(&self, session: SessionId) -> Option<watch::Receiver<Snapshot>> {
        self.manager.get(session).map(|handle| handle.watch())
    }

    /// One session, by id or handle.
    pub async fn get(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        ctx.require(Scope::SessionsRead)?;
        self.shown(ctx, reference).await
    }

    /// One session, for a caller who is about to change something of it.
    pub async fn to_change(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        ctx.require(Scope::SessionsWrite)?;
        self.shown(ctx, reference).await
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
        let mut goes_elsewhere = false;
        if let Some(settings) = patch.settings.clone() {
            let is_enabled = settings.enabled;
            goes_elsewhere = self.set(&mut row, settings).await?;
            if !is_enabled {
                self.manager.disconnect(row.id).await?;
            }
        }
        db::sessions::update_profile(&self.db, &row, self.clock.now_ms())
            .await
            .map_err(handle_taken)?;
        if let (Some(settings), Some(handle)) = (patch.settings, self.manager.get(row.id)) {
            handle.sends.protect(settings.account_protection);
            let is_enabled = settings.enabled;
            handle.habits.set(settings);
            if goes_elsewhere && is_enabled {
                self.manager.restart(row.id).await?;
            }
        }
        self.shown(ctx, &row.id.to_string()).await
    }

    /// Ends the session and forgets everything of it. The device stays linked on the phone until it is removed
    /// there; [`Sessions::logout`] first removes it there too.
    pub async fn delete(&self, ctx: &Ctx, reference: &str) -> Result<(), Error> {
        ctx.require(Scope::SessionsWrite)?;
        let row = find(&self.db, ctx, reference).await?;
        self.manager.forget(row.id).await?;
        let tx = db::begin(&self.db).await?;
        let keys = db::api_keys::bound_to(&*tx, row.id).await?;
        db::sessions::delete(&tx, ctx.owner(), row.id).await?;
        tx.commit().await?;
        for (maker, key) in keys {
            self.revocations.cut_key(maker, key);
        }
        self.revocations.cut_session(row.id);
        Ok(())
    }

    /// The session and, while it runs here, its latest state to follow. Every polled answer reads this one.
    pub async fn watch(
        &self,
        ctx: &Ctx,
        reference: &str,
    ) -> Result<(SessionView, Option<watch::Receiver<Snapshot>>), Error> {
        ctx.require(Scope::SessionsRead)?;
        let session = self.shown(ctx, reference).await?;
        let live = self.manager.get(session.id).map(|handle| handle.watch());
        Ok((session, live))
    }

    /// The time.
    pub(super) fn clock(&self) -> SharedClock {
        self.clock.clone()
    }

    /// Finds sessions for other verbs.
    pub(super) fn finder(&self) -> Running {
        Running {
            db: self.db.clone(),
            manager: self.manager.clone(),
        }
    }

    /// How many sessions run here.
    pub fn running(&self) -> usize {
        self.manager.count()
    }

    /// How many sessions run here, for every state; none is left out.
    pub fn running_by_state(&self) -> Vec<(SessionState, usize)> {
        let states = self.manager.states();
        SessionState::ALL
            .iter()
            .map(|state| {
                let count = states.iter().filter(|seen| *seen == state).count();
                (*state, count)
            })
            .collect()
    }

    async fn writable(&self, ctx: &Ctx, reference: &str) -> Result<sessions::Model, Error> {
        ctx.require(Scope::SessionsWrite)?;
        find(&self.db, ctx, reference).await
    }

    async fn again(&self, ctx: &Ctx, id: SessionId) -> Result<SessionView, Error> {
        self.shown(ctx, &id.to_string()).await
    }

    /// A session of the caller's as it is shown.
    async fn shown(&self, ctx: &Ctx, reference: &str) -> Result<SessionView, Error> {
        let (db, owner) = (&self.db, ctx.owner());
        let found = match reference.parse::<SessionId>() {
            Ok(id) => db::sessions::find_shown(db, owner, id).await?,
            Err(_) if reference.len() <= MAX_HANDLE => {
                db::sessions::find_shown_by_handle(db, owner, reference).await?
            }
            Err(_) => None,
        };
        let db::sessions::Shown { session, standing } =
            found.ok_or(Error::NotFound { what: "session" })?;
        ctx.require_session(session.id)?;
        view(session, standing.as_ref())
    }
}

/// A session of the caller's, by id or handle; what is not theirs does not exist.
pub(super) fn find<'a>(
    db: &'a DatabaseConnection,
    ctx: &'a Ctx,
    reference: &'a str,
) -> BoxFuture<'a, Result<sessions::Model, Error>> {
    // Boxed, since half of all verbs begin with it: see `protocol::ask`.
    Box::pin(async move {
        let row = match reference.parse::<SessionId>() {
            Ok(id) => db::sessions::find(db, ctx.owner(), id).await?,
            Err(_) if reference.len() <= MAX_HANDLE => {
                db::sessions::find_by_handle(db, ctx.owner(), reference).await?
            }
            Err(_) => None,
        };
        let row = row.ok_or(Error::NotFound { what: "session" })?;
        ctx.require_session(row.id)?;
        Ok(row)
    })
}
