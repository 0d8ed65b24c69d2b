//! Who is there: sign-in, refresh and sign-out. What each credential stands for is in [`credentials`].
//!
//! Owns the order of the checks. Must never tell an unknown user from a wrong password, nor a foreign credential
//! from a made-up one.

use std::{net::IpAddr, sync::Arc};

use entity::{
    ids::{RefreshTokenId, UserId},
    refresh_tokens, users as user_rows,
};
use sea_orm::DatabaseConnection;

use super::{
    Ctx, Error,
    passwords::{self, Passwords},
    revocation::Revocations,
    secret,
    throttle::LoginThrottle,
    tokens::{ACCESS_SECONDS, Tokens},
    users::User,
};
use crate::{
    db,
    domain::{
        clock::SharedClock,
        principal::{Credential, Principal},
    },
};

mod credentials;
mod live;
mod operator;
mod outer;
mod passport;

pub use live::Access;
pub use outer::{Outer, OuterIssuer};
pub use passport::{Passport, SignIn};

/// How long a sign-in lasts without being refreshed.
const REFRESH_MS: i64 = 30 * 24 * 60 * 60 * 1000;

const REFRESH_PREFIX: &str = "wr_";

/// What a sign-in gives.
#[derive(Debug)]
pub struct SignedIn {
    /// A JWT.
    pub access_token: String,
    /// Good for one refresh.
    pub refresh_token: String,
    /// How long the access token lives, in seconds.
    pub expires_in: i64,
    /// Who signed in.
    pub user: User,
}

/// A credential that was found good.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// What it stands for.
    pub principal: Principal,
    /// Whose it is, where that was read.
    pub user: Option<Arc<User>>,
    /// The pages that may use it, when it says so: link tokens do.
    pub allowed_origins: Option<Vec<String>>,
}

/// Signs people in and tells what a credential stands for.
#[derive(Debug, Clone)]
pub struct Auth {
    db: DatabaseConnection,
    clock: SharedClock,
    tokens: Tokens,
    passwords: Passwords,
    throttle: LoginThrottle,
    revocations: Revocations,
    outer: Option<Outer>,
    loopback: bool,
}

/// What [`Auth`] and [`super::users::Users`] are made of.
#[derive(Debug, Clone)]
pub struct AuthParts {
    /// The database.
    pub db: DatabaseConnection,
    /// The time.
    pub clock: SharedClock,
    /// Signs access tokens.
    pub tokens: Tokens,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Tells live connections.
    pub revocations: Revocations,
    /// Whose tokens are believed besides our own.
    pub outer: Option<Outer>,
    /// Whether the service listens on loopback only, where documented passwords are allowed.
    pub loopback: bool,
}

impl Auth {
    /// From its parts.
    pub fn new(parts: &AuthParts) -> Self {
        Self {
            db: parts.db.clone(),
            clock: parts.clock.clone(),
            tokens: parts.tokens.clone(),
            passwords: parts.passwords.clone(),
            throttle: LoginThrottle::new(parts.clock.clone()),
            revocations: parts.revocations.clone(),
            outer: parts.outer.clone(),
            loopback: parts.loopback,
        }
    }

    /// Signs a user in.
    pub async fn login(
        &self,
        address: IpAddr,
        username: &str,
        password: &str,
    ) -> Result<SignedIn, Error> {
        let user = self.prove(address, username, password).await?;
        let now = self.clock.now_ms();
        db::refresh_tokens::sweep(&self.db, user.id, now).await?;
        let (refresh_token, row) = fresh(user.id, RefreshTokenId::new(), now);
        let sign_in = row.id;
        db::refresh_tokens::insert(&self.db, row).await?;
        self.signed_in(user, (sign_in, refresh_token), now)
    }

    /// Checks a name and a password, slowly for whoever guesses.
    async fn prove(
        &self,
        address: IpAddr,
        username: &str,
        password: &str,
    ) -> Result<user_rows::Model, Error> {
        self.throttle.begin(address, username)?;
        let user = db::users::by_name(&self.db, username).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let proven = self.passwords.verify(password, hash).await?;
        let user = user.filter(|_| proven);
        match db::users::let_in(&self.db, user).await? {
            Some(user) => {
                self.throttle.succeeded(address, username);
                Ok(user)
            }
            None => Err(Error::Unauthenticated {
                code: "credentials_invalid",
                detail: "the user name or the password is wrong",
            }),
        }
    }

    /// Exchanges a refresh token for new ones.
    ///
    /// A token that comes a second time was stolen, or its answer was lost. The two cannot be told apart, so the
    /// whole sign-in ends.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn, Error> {
        let refused = Error::Unauthenticated {
            code: "refresh_token_invalid",
            detail: "the refresh token is not valid; sign in again",
        };
        let now = self.clock.now_ms();
        let tx = db::begin(&self.db).await?;
        let Some(old) = db::refresh_tokens::by_hash(&tx, &secret::digest(refresh_token)).await?
        else {
            return Err(refused);
        };
        if old.expires_at <= now || old.revoked_at.is_some() {
            return Err(refused);
        }
        // Against a sign-out of everything at the same moment: whoever comes second sees what the first did.
        let user = db::users::lock(&tx, old.user_id).await?;
        if !db::refresh_tokens::take(&tx, old.id, now).await? {
            db::refresh_tokens::revoke_family(&tx, old.family_id, now).await?;
            tx.commit().await?;
            self.sign_in_ended(old.user_id).await;
            tracing::warn!(
                user.id = %old.user_id,
                "a refresh token was used twice; its sign-in is ended"
            );
            return Err(refused);
        }
        let Some(user) = db::users::let_in(&*tx, user).await? else {
            return Err(refused);
        };
        let (refresh_token, row) = fresh(user.id, old.family_id, now);
        let sign_in = row.id;
        db::refresh_tokens::insert(&tx, row).await?;
        tx.commit().await?;
        self.signed_in(user, (sign_in, refresh_token), now)
    }

    /// Ends one sign-in by its refresh token, with its access tokens; without one, ends all of the user's.
    pub async fn logout(&self, ctx: &Ctx, refresh_token: Option<&str>) -> Result<(), Error> {
        only_people(ctx)?;
        let now = self.clock.now_ms();
        let Some(refresh_token) = refresh_token else {
            return self
                .revoke_all(ctx.user(), db::users::UserChange::default(), now)
                .await;
        };
        let digest = secret::digest(refresh_token);
        if let Some(token) = db::refresh_tokens::by_hash(&self.db, &digest)
            .await?
            .filter(|token| token.user_id == ctx.user())
        {
            db::refresh_tokens::revoke_family(&self.db, token.family_id, now).await?;
            self.sign_in_ended(token.user_id).await;
        }
        Ok(())
    }

    /// Looks again at what is live of a user of whom one sign-in has ended; the round of the next second would, too.
    async fn sign_in_ended(&self, user: UserId) {
        self.revocations.forget(user);
        if let Err(error) = self.look_again().await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "what is live is looked at in a second");
        }
    }

    /// Sets a new password, ends every sign-in of the user, and signs this one in again.
    pub async fn change_password(
        &self,
        ctx: &Ctx,
        address: IpAddr,
        current: &str,
        new: &str,
    ) -> Result<SignedIn, Error> {
        only_people(ctx)?;
        passwords::check_new("/new_password", new, self.loopback)?;
        let user = self.user(ctx.user()).await?;
        self.prove(address, &user.username, current).await?;
        let change = db::users::UserChange {
            password_hash: Some(self.passwords.hash(new).await?),
            ..Default::default()
        };
        let now = self.clock.now_ms();
        self.revoke_all(user.id, change, now).await?;
        self.login(address, &user.username, new).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        change: db::users::UserChange,
        now: i64,
    ) -> Result<(), Error> {
        let change = db::users::UserChange {
            revoke_tokens: true,
            ..change
        };
        let tx = db::begin(&self.db).await?;
        db::users::update(&tx, user, change, now).await?;
        db::refresh_tokens::revoke_user(&tx, user, now).await?;
        tx.commit().await?;
        self.revocations.cut_sign_ins(user);
        Ok(())
    }

    /// Who the caller is, as when the credential was judged: not more than a second ago.
    pub async fn me(&self, ctx: &Ctx) -> Result<Arc<User>, Error> {
        match &ctx.known {
            Some(user) => Ok(Arc::clone(user)),
            None => Ok(Arc::new(self.user(ctx.user()).await?.into())),
        }
    }

    async fn active(&self, id: UserId) -> Result<Option<user_rows::Model>, Error> {
        let user = db::users::by_id(&self.db, id).await?;
        Ok(db::users::let_in(&self.db, user).await?)
    }

    async fn user(&self, id: UserId) -> Result<user_rows::Model, Error> {
        db::users::by_id(&self.db, id)
            .await?
            .ok_or(Error::NotFound { what: "user" })
    }

    fn signed_in(
        &self,
        user: user_rows::Model,
        (sign_in, refresh_token): (RefreshTokenId, String),
        now: i64,
    ) -> Result<SignedIn, Error> {
        let version = user.token_version;
        let (access_token, _) = self.tokens.issue(user.id, sign_in, version, now)?;
        Ok(SignedIn {
            access_token,
            refresh_token,
            expires_in: ACCESS_SECONDS,
            user: user.into(),
        })
    }
}

/// A key or a link must not end, or change the password of, the person who made it.
pub(super) fn only_people(ctx: &Ctx) -> Result<(), Error> {
    match ctx.principal.credential {
        Credential::AccessToken { .. } | Credential::Outer(_) => Ok(()),
        Credential::ApiKey(_) | Credential::LinkToken(_) | Credential::Operator => {
            Err(Error::Unauthenticated {
                code: "sign_in_required",
                detail: "this needs the access token of a person who signed in",
            })
        }
    }
}

fn fresh(user: UserId, family: RefreshTokenId, now: i64) -> (String, refresh_tokens::Model) {
    let token = secret::generate(REFRESH_PREFIX);
    let row = refresh_tokens::Model {
        id: RefreshTokenId::new(),
        family_id: family,
        user_id: user,
        token_hash: secret::digest(&token),
        expires_at: now + REFRESH_MS,
        created_at: now,
        used_at: None,
        revoked_at: None,
    };
    (token, row)
}
