//! The first user: made from the configuration, or by whoever holds the one-time setup token.

use std::sync::{Arc, Mutex, PoisonError};

use entity::enums::Role;
use sea_orm::DatabaseConnection;
use subtle::ConstantTimeEq;

use super::{NewUser, User, Users, insert, row};
use crate::{
    db,
    domain::clock::SharedClock,
    service::{Error, passwords, secret},
};

/// How long a setup token waits.
const SETUP_MS: i64 = 30 * 60 * 1000;

const SETUP_PREFIX: &str = "setup_";

/// What the first start found.
#[derive(Debug)]
pub enum Bootstrap {
    /// There are users already.
    NotFirst,
    /// The configured administrator was made.
    Created(User),
    /// There is no user and no password for one: a setup token is needed.
    NeedsSetup,
}

/// Makes the administrator when there is no user yet and a password is configured.
///
/// A password that stands in documentation is refused off loopback, and then the service must not start. On loopback
/// the operator's own choice is taken as it is, also a short one.
pub async fn bootstrap(
    users: &Users,
    username: &str,
    password: Option<&str>,
) -> Result<Bootstrap, Error> {
    if db::users::any(&users.db).await? {
        return Ok(Bootstrap::NotFirst);
    }
    let Some(password) = password else {
        return Ok(Bootstrap::NeedsSetup);
    };
    super::check_name("/ADMIN_USERNAME", username)?;
    if password.is_empty() || !users.loopback {
        passwords::check_new("/ADMIN_PASSWORD", password, users.loopback)?;
    }
    let hash = users.passwords.hash(password).await?;
    let new = administrator(username, password);
    let user = insert(&users.db, row(new, hash, users.clock.now_ms())).await?;
    Ok(Bootstrap::Created(user))
}

fn administrator(username: &str, password: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        password: password.to_owned(),
        role: Role::Admin,
        session_limit: None,
    }
}

/// The one-time setup token of this boot.
#[derive(Debug, Clone)]
pub struct SetupToken {
    db: DatabaseConnection,
    clock: SharedClock,
    /// The hash of the token and when it ends.
    issued: Arc<Mutex<Option<(String, i64)>>>,
}

impl SetupToken {
    /// None yet.
    pub fn new(users: &Users) -> Self {
        Self {
            db: users.db.clone(),
            clock: users.clock.clone(),
            issued: Arc::default(),
        }
    }

    /// A fresh token, for the console and the data folder of the operator; the one before is worthless.
    pub fn issue(&self) -> String {
        let token = secret::generate(SETUP_PREFIX);
        let ends = self.clock.now_ms() + SETUP_MS;
        *self.lock() = Some((secret::digest(&token), ends));
        token
    }

    /// Makes the administrator for whoever holds the token. It works once, and only while there is no user.
    pub async fn redeem(
        &self,
        users: &Users,
        token: &str,
        username: &str,
        password: &str,
    ) -> Result<User, Error> {
        let refused = Error::Unauthenticated {
            code: "setup_token_invalid",
            detail: "the setup token is not valid; start the service again for a new one",
        };
        if !self.matches(token) {
            return Err(refused);
        }
        if db::users::any(&self.db).await? {
            return Err(Error::Conflict {
                code: "already_set_up",
                detail: "there are users already; sign in".to_owned(),
            });
        }
        let user = users.add(administrator(username, password), "").await?;
        *self.lock() = None;
        Ok(user)
    }

    fn matches(&self, token: &str) -> bool {
        let now = self.clock.now_ms();
        let digest = secret::digest(token);
        self.lock().as_ref().is_some_and(|(hash, ends)| {
            now < *ends && hash.as_bytes().ct_eq(digest.as_bytes()).into()
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(String, i64)>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
