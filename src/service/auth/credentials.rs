//! What a credential stands for.
//!
//! Must never tell a foreign credential from a made-up one.

use std::sync::Arc;

use entity::enums::Role;
use subtle::ConstantTimeEq;

use super::{Auth, Authenticated, Outer};
use crate::{
    db,
    domain::principal::{Credential, Principal, Scope},
    service::{Error, api_keys, secret, tickets::LINK_PREFIX, tokens},
};

/// A use of an API key is noted at most this often.
const TOUCH_EVERY_MS: i64 = 60_000;

impl Auth {
    /// What a credential stands for: an API key, a link token or an access token.
    ///
    /// One that was good a moment ago is good still, unless this process has revoked it since: a busy caller is looked
    /// up once a second.
    pub async fn authenticate(&self, credential: &str) -> Result<Authenticated, Error> {
        let digest = secret::digest(credential);
        if let Some(recent) = self.revocations.recall(&digest, self.clock.now_ms()) {
            return Ok(recent);
        }
        // Before the look-up: what is revoked during it must not be remembered.
        let asked = self.revocations.asking();
        let found = if api_keys::is_key(credential) {
            self.by_api_key(credential).await
        } else if credential.starts_with(LINK_PREFIX) {
            self.by_link_token(credential).await
        } else if let Some(outer) = self.outer.as_ref().filter(|it| it.is_claimed(credential)) {
            self.by_outer_token(outer, credential, &digest).await
        } else {
            self.by_access_token(credential).await
        }?;
        let now = self.clock.now_ms();
        self.revocations.remember(asked, digest, found.clone(), now);
        Ok(found)
    }

    async fn by_access_token(&self, token: &str) -> Result<Authenticated, Error> {
        let claims = self.tokens.check(token, self.clock.now_ms())?;
        let user = self
            .active(claims.sub)
            .await?
            .filter(|user| user.token_version == claims.tv)
            .ok_or_else(tokens::invalid)?;
        if !db::refresh_tokens::stands(&self.db, user.id, claims.sid).await? {
            return Err(tokens::invalid());
        }
        Ok(Authenticated {
            principal: Principal {
                user: user.id,
                role: user.role,
                tenant: user.tenant(),
                tenant_role: user.role_in_tenant(),
                scopes: Scope::ALL.to_vec(),
                session: None,
                credential: Credential::AccessToken {
                    sign_in: claims.sid,
                    version: claims.tv,
                },
                expires_at: Some(claims.exp * 1000),
            },
            user: Some(Arc::new(user.into())),
            allowed_origins: None,
        })
    }

    /// A token of the outer issuer stands for the user of the name that it says.
    async fn by_outer_token(
        &self,
        outer: &Outer,
        token: &str,
        digest: &str,
    ) -> Result<Authenticated, Error> {
        let said = outer.check(token).await?;
        let user = db::users::by_name(&self.db, &said.username).await?;
        let user = db::users::let_in(&self.db, user).await?;
        let user = user.ok_or_else(tokens::invalid)?;
        Ok(Authenticated {
            principal: Principal {
                user: user.id,
                role: user.role,
                tenant: user.tenant(),
                tenant_role: user.role_in_tenant(),
                scopes: Scope::ALL.to_vec(),
                session: None,
                credential: Credential::Outer(digest.to_owned()),
                expires_at: Some(said.expires_at),
            },
            user: Some(Arc::new(user.into())),
            allowed_origins: None,
        })
    }

    async fn by_api_key(&self, key: &str) -> Result<Authenticated, Error> {
        let now = self.clock.now_ms();
        let digest = secret::digest(key);
        let row = db::api_keys::by_hash(&self.db, &digest)
            .await?
            .filter(|row| bool::from(row.key_hash.as_bytes().ct_eq(digest.as_bytes())))
            .filter(|row| row.expires_at.is_none_or(|end| now < end))
            .ok_or_else(tokens::invalid)?;
        let user = self
            .active(row.owner_id)
            .await?
            .ok_or_else(tokens::invalid)?;
        let stale = now - TOUCH_EVERY_MS;
        if row.last_used_at.is_none_or(|used| used < stale) {
            db::api_keys::touch(&self.db, row.id, now, stale).await?;
        }
        Ok(Authenticated {
            principal: Principal {
                user: user.id,
                role: user.role,
                tenant: user.tenant(),
                tenant_role: user.role_in_tenant(),
                scopes: api_keys::scopes(&row.scopes),
                session: row.session_id,
                credential: Credential::ApiKey(row.id),
                expires_at: row.expires_at,
            },
            user: Some(Arc::new(user.into())),
            allowed_origins: None,
        })
    }

    async fn by_link_token(&self, token: &str) -> Result<Authenticated, Error> {
        let now = self.clock.now_ms();
        let row = db::link_tokens::by_hash(&self.db, &secret::digest(token))
            .await?
            .filter(|row| now < row.expires_at)
            .ok_or_else(tokens::invalid)?;
        let user = self
            .active(row.owner_id)
            .await?
            .ok_or_else(tokens::invalid)?;
        let allowed_origins = row
            .allowed_origins
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(Error::internal)?;
        Ok(Authenticated {
            principal: Principal {
                user: user.id,
                // A page of somebody else never acts as an administrator.
                role: Role::User,
                tenant: user.tenant(),
                tenant_role: user.role_in_tenant(),
                // It may also pair: `service::sessions` lets it.
                scopes: vec![Scope::SessionsRead],
                session: Some(row.session_id),
                credential: Credential::LinkToken(row.token_hash),
                expires_at: Some(row.expires_at),
            },
            user: Some(Arc::new(user.into())),
            allowed_origins,
        })
    }
}
