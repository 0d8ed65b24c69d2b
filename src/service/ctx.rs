//! Who asks, in every call.

use std::sync::Arc;

use entity::ids::{SessionId, UserId};

use super::{Error, shares::Turn, users::User};
use crate::domain::principal::{Principal, Scope};

/// Who asks and under which request id: the first argument of every verb.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The authenticated caller.
    pub principal: Arc<Principal>,
    /// The id of the request, as answered in `X-Request-Id`.
    pub request_id: Arc<str>,
    /// Who that is, where it was just read.
    pub known: Option<Arc<User>>,
    /// The place that the request has among those that are worked on.
    pub turn: Turn,
}

impl Ctx {
    /// The owner whose rows the caller sees: the tenant.
    pub fn owner(&self) -> UserId {
        self.principal.tenant
    }

    /// The caller: whose password, sign-ins and keys it is about, and who has done what.
    pub fn user(&self) -> UserId {
        self.principal.user
    }

    /// Refuses a credential that is bound to one session where it is about the whole account.
    pub fn require_account(&self) -> Result<(), Error> {
        match self.principal.session {
            None => Ok(()),
            Some(_) => Err(Error::Denied {
                code: "credential_bound",
                detail: "this credential is for one session, and this is about the account"
                    .to_owned(),
            }),
        }
    }

    /// Refuses a caller whose credential lacks `scope`.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.principal.may(scope) {
            Ok(())
        } else {
            Err(Error::Forbidden { scope })
        }
    }

    /// Refuses a credential that is bound to another session, as if `session` did not exist.
    pub fn require_session(&self, session: SessionId) -> Result<(), Error> {
        if self.principal.may_touch(session) {
            Ok(())
        } else {
            Err(Error::NotFound { what: "session" })
        }
    }
}
