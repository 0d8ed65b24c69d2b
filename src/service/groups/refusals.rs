//! The names of WhatsApp's refusals about groups.
//!
//! WhatsApp says the same number for "you are not in it" and "you are no admin", and not always the same one: who is
//! refused looks at the group to know.

use crate::{
    protocol::{AskError, Client},
    service::{Error, running::ask_error},
};

/// Why something about the group `id` was refused.
pub(super) async fn explain(client: &Client, id: &str, error: AskError) -> Error {
    match error {
        AskError::Denied(code @ (401 | 403)) => match client.group(id).await {
            Ok(group) => match group.info.role {
                None => not_a_member(),
                Some(role) if !role.is_admin() => not_an_admin(),
                Some(_) => ask_error(AskError::Denied(code)),
            },
            Err(AskError::Denied(404)) => NO_GROUP,
            Err(AskError::Denied(_)) => not_a_member(),
            Err(other) => ask_error(other),
        },
        AskError::Denied(404) => NO_GROUP,
        AskError::Denied(419) => full(),
        other => ask_error(other),
    }
}

/// Why an invite leads nowhere.
pub(super) fn invite_error(error: AskError) -> Error {
    match error {
        AskError::Denied(404 | 406 | 410) => Error::NotFound { what: "invite" },
        AskError::Denied(409) => Error::Conflict {
            code: "already_group_member",
            detail: "this account is in the group already".to_owned(),
        },
        AskError::Denied(401 | 403) => Error::Denied {
            code: "not_allowed_to_join",
            detail: "this account may not join the group".to_owned(),
        },
        AskError::Denied(419) => full(),
        other => ask_error(other),
    }
}

const NO_GROUP: Error = Error::NotFound { what: "group" };

fn not_a_member() -> Error {
    Error::Denied {
        code: "not_group_member",
        detail: "this account is not in the group".to_owned(),
    }
}

fn not_an_admin() -> Error {
    Error::Denied {
        code: "not_group_admin",
        detail: "only an admin of the group may do this".to_owned(),
    }
}

fn full() -> Error {
    Error::Conflict {
        code: "group_full",
        detail: "the group has no room for more members".to_owned(),
    }
}
