//! The audit log: who has changed what, from where.
//!
//! Owns what is kept of a change, for how long, and who may read it: everybody what they have done themselves, whoever leads an account
//! what is done in it, an administrator everything. Must never hold a body, a query or a credential. `http` notes each change that went well, whichever face it came by;
//! messages and what else flows through a session are no changes.

use std::time::Duration;

use entity::{
    audit_log::Model,
    ids::{AuditId, UserId},
};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::{Ctx, Error};
use crate::{
    db,
    domain::{
        clock::SharedClock,
        principal::{Credential, Principal, Scope},
    },
    lifecycle::Stop,
};

/// How often it looks for what is old.
const EVERY: Duration = Duration::from_hours(1);
/// Rows of one statement.
const BATCH: u64 = 500;
const DAY_MS: i64 = 24 * 3_600_000;

/// The longest texts that are kept, in characters; what is longer is cut.
const MAX_ACTION: usize = 160;
const MAX_TARGET: usize = 512;

/// A change that was made.
#[derive(Debug, Clone)]
pub struct Act<'a> {
    /// The client's address.
    pub address: String,
    /// Method and route.
    pub action: String,
    /// The path, without its query.
    pub target: &'a str,
    /// The status of the answer.
    pub status: u16,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Audit {
    db: DatabaseConnection,
    clock: SharedClock,
    days: u32,
}

impl Audit {
    /// Over the table; what is older than `days` is forgotten.
    pub const fn new(db: DatabaseConnection, clock: SharedClock, days: u32) -> Self {
        Self { db, clock, days }
    }

    /// Keeps a change. The change is made by then: a row that cannot be written is a line of the log.
    pub async fn note(&self, ctx: &Ctx, act: Act<'_>) {
        let (credential, credential_id) = named(&ctx.principal);
        let cut = |text: &str, most: usize| text.chars().take(most).collect();
        let row = Model {
            id: AuditId::new(),
            actor_id: ctx.principal.user,
            credential: credential.to_owned(),
            credential_id,
            address: act.address,
            action: cut(&act.action, MAX_ACTION),
            target: cut(act.target, MAX_TARGET),
            status: i16::try_from(act.status).unwrap_or(i16::MAX),
            request_id: ctx.request_id.to_string(),
            at: self.clock.now_ms(),
        };
        let action = row.action.clone();
        if let Err(error) = db::audit_log::insert(&self.db, row).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                action,
                "a change was made and could not be written into the audit log"
            );
        }
    }

    /// A page, newest first: of the caller, or of their account if they lead it, or of everybody if an administrator asks for it.
    pub async fn page(
        &self,
        ctx: &Ctx,
        everybody: bool,
        cursor: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<Model>, Error> {
        super::auth::only_people(ctx)?;
        if everybody {
            ctx.require(Scope::UsersAdmin)?;
        }
        let actors: Option<Vec<UserId>> = match everybody {
            true => None,
            // Whoever leads an account answers for what is done in it.
            false if ctx.principal.leads() => {
                Some(db::users::of_tenant(&self.db, ctx.owner()).await?)
            }
            false => Some(vec![ctx.user()]),
        };
        let limit = u64::from(limit) + 1;
        Ok(db::audit_log::page(&self.db, actors.as_deref(), cursor, limit).await?)
    }

    /// Forgets what is old; how many rows.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let before = self.clock.now_ms() - i64::from(self.days) * DAY_MS;
        let mut gone = 0;
        loop {
            let swept = db::audit_log::sweep(&self.db, before, BATCH).await?;
            gone += swept;
            if swept < BATCH {
                return Ok(gone);
            }
        }
    }

    /// Forgets from time to time, until the soft stop.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.sweep().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "old rows of the audit log could not be removed");
            }
        }
    }
}

/// The word of a credential, and its id where it has one that tells nothing.
fn named(principal: &Principal) -> (&'static str, Option<Uuid>) {
    match &principal.credential {
        Credential::AccessToken { sign_in, .. } => ("access_token", Some(sign_in.uuid())),
        Credential::ApiKey(id) => ("api_key", Some(id.uuid())),
        Credential::LinkToken(_) => ("link_token", None),
        Credential::Outer(_) => ("outer_token", None),
        Credential::Operator => ("operator", None),
    }
}
