//! What is said about groups, in both directions.

use serde::{Deserialize, Serialize};

use crate::{
    domain::group::{GroupInfo, Joined, MemberResult, NewGroup, Role},
    http::v1::users::given,
    service::groups::{GroupPatch, Made},
};

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateGroupRequest {
    /// 1 to 100 characters.
    #[schema(example = "Family")]
    subject: String,
    /// Up to 2048 characters.
    description: Option<String>,
    /// Up to 256 phone numbers or addresses of people.
    #[serde(default)]
    #[schema(required = false, example = json!(["+5511999887766"]))]
    pub(super) participants: Vec<String>,
    /// `…@g.us` of a community in which it is made; without one it is a group on its own.
    community: Option<String>,
}

impl CreateGroupRequest {
    pub(super) fn split(self) -> (NewGroup, Vec<String>) {
        let new = NewGroup {
            subject: self.subject,
            description: self.description.filter(|text| !text.is_empty()),
            community: self.community,
        };
        (new, self.participants)
    }
}

/// A group that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct MadeGroupResponse {
    #[serde(flatten)]
    info: GroupInfo,
    /// Its members, and whoever was asked for and is none: `status` and `code` say why.
    participants: Vec<MemberResult>,
}

impl From<Made> for MadeGroupResponse {
    fn from(made: Made) -> Self {
        Self {
            info: made.info,
            participants: made.participants,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateGroupRequest {
    /// 1 to 100 characters.
    subject: Option<String>,
    /// Up to 2048 characters; null removes it.
    #[expect(
        clippy::option_option,
        reason = "a null that was given differs from a field that was not"
    )]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// Only admins write.
    announce: Option<bool>,
    /// Only admins change subject, description and picture.
    locked: Option<bool>,
    /// Whoever comes by link waits for an admin.
    approval: Option<bool>,
    /// Members add others, not admins alone. It can be set, and is not shown.
    members_add: Option<bool>,
    /// Messages disappear after so many seconds: 0 (never), 86400, 604800 or 7776000.
    ephemeral_s: Option<u32>,
}

impl From<UpdateGroupRequest> for GroupPatch {
    fn from(request: UpdateGroupRequest) -> Self {
        Self {
            subject: request.subject,
            description: request.description,
            announce: request.announce,
            locked: request.locked,
            approval: request.approval,
            members_add: request.members_add,
            ephemeral_s: request.ephemeral_s,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParticipantsRequest {
    /// 1 to 256 phone numbers or addresses of people.
    #[schema(example = json!(["+5511999887766"]))]
    pub(super) participants: Vec<String>,
}

/// What a member may be made.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NewRole {
    Member,
    Admin,
}

impl From<NewRole> for Role {
    fn from(role: NewRole) -> Self {
        match role {
            NewRole::Member => Self::Member,
            NewRole::Admin => Self::Admin,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRequest {
    pub(super) role: NewRole,
}

/// An invite.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct InviteResponse {
    code: String,
    /// What people open.
    #[schema(example = "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")]
    url: String,
}

impl From<String> for InviteResponse {
    fn from(code: String) -> Self {
        let url = format!("https://chat.whatsapp.com/{code}");
        Self { code, url }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinGroupRequest {
    /// The code of an invite, or its link.
    #[schema(example = "AbCdEfGhIjKlMnOpQrStUv")]
    pub(super) code: String,
}

/// What became of following an invite.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JoinedAs {
    /// The account is in the group.
    Joined,
    /// An admin has to agree.
    Pending,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http::v1) struct JoinedResponse {
    /// The group.
    id: String,
    status: JoinedAs,
}

impl From<Joined> for JoinedResponse {
    fn from(joined: Joined) -> Self {
        let (id, status) = match joined {
            Joined::Member(id) => (id, JoinedAs::Joined),
            Joined::Pending(id) => (id, JoinedAs::Pending),
        };
        Self { id, status }
    }
}
