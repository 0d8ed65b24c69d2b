//! What a session has of its own in faces that show it again: a key that acts for that session alone, and a webhook secret.
//!
//! Owns that both are made once, lie sealed, and are shown to nobody who could not do what the key can. Must never log them.
//! A dialect calls it; `/v1` shows no secret twice and has no use for it.

use std::{collections::HashMap, sync::Arc};

use entity::{
    api_keys,
    ids::{ApiKeyId, SessionId},
    session_credentials::Model,
};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Ctx, Error, revocation::Revocations, secret};
use crate::{
    db,
    domain::{clock::SharedClock, principal::Scope},
    seal::{Master, Sealer},
};

/// What such a key is called among the keys of its owner.
const KEY_NAME: &str = "session key";

/// How much of a key is kept to recognise it by.
const HINT_LEN: usize = 9;

/// What such a key allows, on its session.
const SCOPES: [Scope; 5] = [
    Scope::SessionsRead,
    Scope::SessionsWrite,
    Scope::MessagesRead,
    Scope::MessagesSend,
    Scope::WebhooksManage,
];

/// The key and the secret of one session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// 64 hexadecimal digits.
    pub api_key: String,
    /// 32 hexadecimal digits.
    pub webhook_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(secret)")
    }
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct SessionCredentials {
    db: DatabaseConnection,
    clock: SharedClock,
    sealer: Sealer,
    revocations: Revocations,
}

impl SessionCredentials {
    /// Over the table, sealed under `master`.
    pub const fn new(
        db: DatabaseConnection,
        clock: SharedClock,
        master: Arc<Master>,
        revocations: Revocations,
    ) -> Self {
        Self {
            db,
            clock,
            sealer: Sealer::new(master, "session_credentials.sealed"),
            revocations,
        }
    }

    /// Whether the caller may do all that such a key can, and so may have one.
    pub fn may_hold(ctx: &Ctx) -> bool {
        SCOPES.iter().all(|scope| ctx.principal.may(*scope))
    }

    /// What the caller's sessions have, made where there was nothing; of none, for a caller who may not do what a key allows.
    pub async fn of(
        &self,
        ctx: &Ctx,
        sessions: &[SessionId],
    ) -> Result<HashMap<SessionId, Credentials>, Error> {
        if !Self::may_hold(ctx) {
            return Ok(HashMap::new());
        }
        for session in sessions {
            ctx.require_session(*session)?;
        }
        let rows = db::session_credentials::of_sessions(&self.db, ctx.owner(), sessions).await?;
        let mut all = HashMap::with_capacity(sessions.len());
        for row in rows {
            all.insert(row.session_id, self.open(&row)?);
        }
        for session in sessions {
            if !all.contains_key(session) {
                all.insert(*session, self.make(ctx, *session).await?);
            }
        }
        Ok(all)
    }

    /// Gives a session of the caller's another key; the old one ends at once. The secret stays.
    pub async fn renew_key(&self, ctx: &Ctx, session: SessionId) -> Result<Credentials, Error> {
        for scope in SCOPES {
            ctx.require(scope)?;
        }
        let secret = self
            .of(ctx, &[session])
            .await?
            .remove(&session)
            .map(|before| before.webhook_secret);
        let (fresh, key, row) = self.draw(ctx, session, secret)?;
        let tx = db::begin(&self.db).await?;
        // Two that renew at once: the second ends the key of the first.
        db::users::lock(&tx, ctx.owner()).await?;
        let before = db::session_credentials::of_sessions(&*tx, ctx.owner(), &[session]).await?;
        for old in &before {
            db::api_keys::delete(&*tx, ctx.owner(), old.key_id).await?;
        }
        db::session_credentials::delete(&*tx, ctx.owner(), session).await?;
        db::api_keys::insert(&*tx, key).await?;
        db::session_credentials::insert(&*tx, row).await?;
        tx.commit().await?;
        for old in before {
            self.revocations.cut_key(ctx.owner(), old.key_id);
        }
        Ok(fresh)
    }

    async fn make(&self, ctx: &Ctx, session: SessionId) -> Result<Credentials, Error> {
        let (fresh, key, row) = self.draw(ctx, session, None)?;
        let tx = db::begin(&self.db).await?;
        // Whoever comes at the same time waits here, and finds them made.
        db::users::lock(&tx, ctx.owner()).await?;
        let there = db::session_credentials::of_sessions(&*tx, ctx.owner(), &[session]).await?;
        if let Some(there) = there.first() {
            return self.open(there);
        }
        db::api_keys::insert(&*tx, key).await?;
        db::session_credentials::insert(&*tx, row).await?;
        tx.commit().await?;
        Ok(fresh)
    }

    fn draw(
        &self,
        ctx: &Ctx,
        session: SessionId,
        secret: Option<String>,
    ) -> Result<(Credentials, api_keys::Model, Model), Error> {
        let fresh = Credentials {
            api_key: secret::hexadecimal::<32>(""),
            webhook_secret: secret.unwrap_or_else(|| secret::hexadecimal::<16>("")),
        };
        let now = self.clock.now_ms();
        let key = api_keys::Model {
            id: ApiKeyId::new(),
            owner_id: ctx.owner(),
            name: KEY_NAME.to_owned(),
            hint: fresh.api_key[..HINT_LEN].to_owned(),
            key_hash: secret::digest(&fresh.api_key),
            scopes: SCOPES.map(Scope::as_str).join(" "),
            session_id: Some(session),
            expires_at: None,
            last_used_at: None,
            created_at: now,
        };
        let plain = Zeroizing::new(serde_json::to_vec(&fresh).map_err(Error::internal)?);
        let sealed = self.sealer.seal(session.uuid(), &plain);
        let row = Model {
            session_id: session,
            owner_id: ctx.owner(),
            key_id: key.id,
            sealed: sealed.map_err(Error::internal)?,
            created_at: now,
        };
        Ok((fresh, key, row))
    }

    fn open(&self, row: &Model) -> Result<Credentials, Error> {
        let opened = self.sealer.open(row.session_id.uuid(), &row.sealed);
        serde_json::from_slice(&opened.map_err(Error::internal)?).map_err(Error::internal)
    }
}
