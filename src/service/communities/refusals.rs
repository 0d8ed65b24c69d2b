//! The names of WhatsApp's refusals about communities, and who is let through before it is asked.

use crate::{
    domain::community::CommunityInfo,
    protocol::{AskError, Client},
    service::{Error, running::ask_error},
};

/// The community `id` without its groups.
pub(in crate::service) async fn head(client: &Client, id: &str) -> Result<CommunityInfo, Error> {
    match client.community_head(id).await {
        Ok(Some(community)) => Ok(community),
        Ok(None) => Err(Error::conflict(
            "not_a_community",
            "this group is no community",
        )),
        Err(AskError::Denied(401 | 403)) => Err(not_a_member()),
        Err(error) => Err(community_error(error)),
    }
}

/// Whether this account may make a group in the community.
pub(in crate::service) fn require_creating(community: &CommunityInfo) -> Result<(), Error> {
    match community.role {
        None => Err(not_a_member()),
        Some(role) if role.is_admin() || community.members_create => Ok(()),
        Some(_) => Err(not_an_admin()),
    }
}

/// Why something about a community was refused.
pub(super) fn community_error(error: AskError) -> Error {
    match error {
        AskError::Denied(404) => Error::NotFound { what: "community" },
        AskError::Denied(401 | 403) => not_an_admin(),
        other => ask_error(other),
    }
}

/// Why this account does not come into a group of its community.
pub(super) fn join_error(error: AskError) -> Error {
    match error {
        AskError::Denied(401 | 403) => {
            refused("not_allowed_to_join", "this account may not join the group")
        }
        AskError::Denied(404) => Error::NotFound { what: "group" },
        AskError::Denied(409) => Error::conflict(
            "already_group_member",
            "this account is in the group already",
        ),
        AskError::Denied(419) => {
            Error::conflict("group_full", "the group has no room for more members")
        }
        other => ask_error(other),
    }
}

pub(super) fn refused(code: &'static str, detail: &str) -> Error {
    let detail = detail.to_owned();
    Error::Denied { code, detail }
}

pub(super) fn not_a_member() -> Error {
    refused(
        "not_community_member",
        "this account is not in the community",
    )
}

pub(super) fn not_an_admin() -> Error {
    refused(
        "not_community_admin",
        "only an admin of the community may do this",
    )
}
