//! Who asks, in every call.

use std::sync::Arc;

use entity::ids::{SessionId, UserId};

use super::Error;
use crate::domain::principal::{Principal, Scope};

/// Who asks and under which request id: the first argument of every verb.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The authenticated caller.
    pub principal: Arc<Principal>,
    /// The id of the request, as answered in `X-Request-Id`.
    pub request_id: Arc<str>,
}

impl Ctx {
    /// The owner whose rows the caller sees.
    pub fn owner(&self) -> UserId {
        self.principal.user
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
