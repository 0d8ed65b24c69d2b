//! A sign-in for faces whose tokens live longer and say more than ours.
//!
//! Owns that such a token is no less bound to its sign-in: it ends with it, with the password and with the user.

use std::net::IpAddr;

use entity::ids::RefreshTokenId;

use super::{Auth, fresh};
use crate::{
    db,
    service::{Error, users::User},
};

pub use crate::service::tokens::Passport;

/// A user who has proven who they are.
#[derive(Debug)]
pub struct SignIn {
    /// Who.
    pub user: User,
    id: RefreshTokenId,
    version: i64,
}

impl Auth {
    /// Signs a user in without a token to refresh with: when its passport ends, they sign in anew.
    pub async fn sign_in(
        &self,
        address: IpAddr,
        username: &str,
        password: &str,
    ) -> Result<SignIn, Error> {
        let user = self.prove(address, username, password).await?;
        let now = self.clock.now_ms();
        db::refresh_tokens::sweep(&self.db, user.id, now).await?;
        let (_, row) = fresh(user.id, RefreshTokenId::new(), now);
        let id = row.id;
        db::refresh_tokens::insert(&self.db, row).await?;
        Ok(SignIn {
            id,
            version: user.token_version,
            user: user.into(),
        })
    }

    /// A token of this sign-in.
    pub fn passport(&self, sign_in: &SignIn, passport: Passport) -> Result<String, Error> {
        let holder = (sign_in.user.id, sign_in.id, sign_in.version);
        self.tokens
            .issue_passport(holder, passport, self.clock.now_ms())
    }
}
