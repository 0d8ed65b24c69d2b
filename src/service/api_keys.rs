//! API keys: credentials for programs, with scopes, an end, and perhaps one session only.

use entity::{
    api_keys as rows,
    ids::{ApiKeyId, SessionId},
};
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, Fault, revocation::Revocations, secret};
use crate::{
    db,
    domain::{clock::SharedClock, principal::Scope},
};

/// What every key starts with.
pub const KEY_PREFIX: &str = "wk_";

/// What a key starts with that a face gives which has keys of its own.
pub const WAMS_PREFIX: &str = "wams_";

/// What a key starts with that stands for a whole account in a face where each session has a key too.
pub const WPAT_PREFIX: &str = "wpat_";

/// The key of a session: hexadecimal digits alone, so many.
const SESSION_KEY_DIGITS: usize = 64;

/// Whether a credential is a key.
pub(super) fn is_key(credential: &str) -> bool {
    let has_prefix = [KEY_PREFIX, WAMS_PREFIX, WPAT_PREFIX]
        .iter()
        .any(|prefix| credential.starts_with(prefix));
    let is_hexadecimal = || credential.bytes().all(|b| b.is_ascii_hexdigit());
    has_prefix || (credential.len() == SESSION_KEY_DIGITS && is_hexadecimal())
}

/// How much of a key is kept to recognise it by.
const HINT_LEN: usize = 9;

const MAX_NAME: usize = 128;

/// A key as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The only session it may touch.
    pub session: Option<SessionId>,
    /// When it ends.
    pub expires_at: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The only session it may touch.
    pub session: Option<SessionId>,
    /// When it ends.
    pub expires_at: Option<i64>,
}

/// The keys of a user.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    db: DatabaseConnection,
    clock: SharedClock,
    revocations: Revocations,
}

impl ApiKeys {
    /// Over the table.
    pub const fn new(db: DatabaseConnection, clock: SharedClock, revocations: Revocations) -> Self {
        Self {
            db,
            clock,
            revocations,
        }
    }

    /// Makes a key; the secret is told here and never again.
    ///
    /// A key cannot give more than its maker has: neither scopes, nor sessions, nor time.
    pub async fn create(&self, ctx: &Ctx, new: NewApiKey) -> Result<(ApiKey, String), Error> {
        super::auth::only_people(ctx)?;
        let now = self.clock.now_ms();
        check(ctx, &new, now)?;
        let (row, key) = self.make(ctx, new, secret::generate(KEY_PREFIX));
        db::api_keys::insert(&self.db, row.clone()).await?;
        Ok((row.into(), key))
    }

    /// Makes a key of this name that gives all that its maker may do but for managing users, for a face in which one key stands
    /// for the account. It is told here and never again.
    pub async fn create_for_account(&self, ctx: &Ctx, name: &str) -> Result<String, Error> {
        super::auth::only_people(ctx)?;
        let scopes = Scope::ALL
            .into_iter()
            .filter(|scope| *scope != Scope::UsersAdmin && ctx.principal.may(*scope));
        let new = NewApiKey {
            name: name.to_owned(),
            scopes: scopes.collect(),
            session: None,
            expires_at: None,
        };
        check(ctx, &new, self.clock.now_ms())?;
        let (row, key) = self.make(ctx, new, secret::hexadecimal::<24>(WPAT_PREFIX));
        db::api_keys::insert(&self.db, row).await?;
        Ok(key)
    }

    /// Makes the one key of this name, in place of the one before: what a face has whose users have one key. It gives all
    /// that its maker may do.
    pub async fn renew(
        &self,
        ctx: &Ctx,
        name: &str,
        prefix: &'static str,
    ) -> Result<String, Error> {
        super::auth::only_people(ctx)?;
        let scopes = Scope::ALL.into_iter();
        let new = NewApiKey {
            name: name.to_owned(),
            scopes: scopes.filter(|scope| ctx.principal.may(*scope)).collect(),
            session: None,
            expires_at: None,
        };
        let (row, key) = self.make(ctx, new, secret::generate(prefix));
        let tx = db::begin(&self.db).await?;
        // Two that renew at once: the second ends the key of the first.
        db::users::lock(&tx, ctx.user()).await?;
        let before = db::api_keys::named(&tx, ctx.user(), name).await?;
        for old in &before {
            db::api_keys::delete(&tx, ctx.user(), old.id).await?;
        }
        db::api_keys::insert(&tx, row).await?;
        tx.commit().await?;
        for old in before {
            self.revocations.cut_key(ctx.user(), old.id);
        }
        Ok(key)
    }

    /// The one key of this name.
    pub async fn named(&self, ctx: &Ctx, name: &str) -> Result<Option<ApiKey>, Error> {
        super::auth::only_people(ctx)?;
        let rows = db::api_keys::named(&self.db, ctx.user(), name).await?;
        Ok(rows.into_iter().next_back().map(ApiKey::from))
    }

    /// Ends the one key of this name, if there is one.
    pub async fn end_named(&self, ctx: &Ctx, name: &str) -> Result<(), Error> {
        super::auth::only_people(ctx)?;
        for row in db::api_keys::named(&self.db, ctx.user(), name).await? {
            db::api_keys::delete(&self.db, ctx.user(), row.id).await?;
            self.revocations.cut_key(ctx.user(), row.id);
        }
        Ok(())
    }

    fn make(&self, ctx: &Ctx, new: NewApiKey, key: String) -> (rows::Model, String) {
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let row = rows::Model {
            id: ApiKeyId::new(),
            owner_id: ctx.user(),
            name: new.name,
            hint: key[..HINT_LEN].to_owned(),
            key_hash: secret::digest(&key),
            scopes: scopes.join(" "),
            session_id: new.session,
            expires_at: new.expires_at,
            last_used_at: None,
            created_at: self.clock.now_ms(),
        };
        (row, key)
    }

    /// One's own keys, one more than `limit` if there are more.
    pub async fn list(
        &self,
        ctx: &Ctx,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, Error> {
        super::auth::only_people(ctx)?;
        let rows = db::api_keys::list(&self.db, ctx.user(), after, u64::from(limit) + 1).await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Ends a key.
    pub async fn delete(&self, ctx: &Ctx, id: ApiKeyId) -> Result<(), Error> {
        super::auth::only_people(ctx)?;
        if db::api_keys::delete(&self.db, ctx.user(), id).await? {
            self.revocations.cut_key(ctx.user(), id);
            Ok(())
        } else {
            Err(Error::NotFound { what: "api_key" })
        }
    }
}

fn check(ctx: &Ctx, new: &NewApiKey, now: i64) -> Result<(), Error> {
    let mut faults = Vec::new();
    if new.name.is_empty() || new.name.len() > MAX_NAME {
        faults.push(Fault::new(
            "/name",
            format!("must have 1 to {MAX_NAME} bytes"),
        ));
    }
    if new.scopes.is_empty() {
        faults.push(Fault::new("/scopes", "name at least one scope"));
    }
    for (at, scope) in new.scopes.iter().enumerate() {
        if !ctx.principal.may(*scope) {
            let detail = "is more than you may do yourself";
            faults.push(Fault::new(format!("/scopes/{at}"), detail));
        }
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        faults.push(Fault::new("/expires_at", "must lie in the future"));
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

/// Reads the stored words; one that this version does not know allows nothing.
pub(super) fn scopes(words: &str) -> Vec<Scope> {
    words
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

impl From<rows::Model> for ApiKey {
    fn from(row: rows::Model) -> Self {
        Self {
            id: row.id,
            scopes: scopes(&row.scopes),
            name: row.name,
            hint: row.hint,
            session: row.session_id,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
        }
    }
}
