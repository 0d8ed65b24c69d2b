//! The operator's own word: what the configuration allows without a user's credential.
//!
//! Owns whom it acts for. Must never take a token that is only nearly the right one. The dialects call it.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::Auth;
use crate::{
    db,
    domain::principal::{Credential, Principal, Scope},
    service::{Error, secret},
};

impl Auth {
    /// Whether `shown` is the operator's token. Both are digested first, so that the time tells nothing of either.
    pub fn is_operator(shown: &str, token: &SecretString) -> bool {
        let (shown, token) = (secret::digest(shown), secret::digest(token.expose_secret()));
        shown.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Whom the operator acts for: the first administrator who may sign in.
    pub async fn operator(&self) -> Result<Principal, Error> {
        let user = db::users::first_admin(&self.db).await?;
        let user = user.ok_or(Error::Unavailable {
            code: "no_administrator",
            detail: "there is no administrator yet; set the service up first",
        })?;
        Ok(Principal {
            user: user.id,
            role: user.role,
            tenant: user.tenant(),
            tenant_role: user.role_in_tenant(),
            scopes: Scope::ALL.to_vec(),
            session: None,
            credential: Credential::Operator,
            expires_at: None,
        })
    }
}
