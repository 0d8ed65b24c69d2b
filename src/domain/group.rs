//! Groups: who is in them, what they are set to, and how a change went for each member.

use serde::{Deserialize, Serialize};

use super::address::Party;

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Changes the group as well.
    Admin,
    /// Has made the group: an admin whom nobody can remove.
    Owner,
}

impl Role {
    /// Whether it may change the group.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}

/// What a group is among communities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// A group like any, on its own or of a community.
    Group,
    /// A community itself, which holds groups.
    Community,
    /// The group of a community in which its admins write to everybody.
    Announcement,
    /// The group that a community has for everybody to talk in.
    General,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// What they may do.
    pub role: Role,
}

/// A group without its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with its own name in the API"
)]
pub struct GroupInfo {
    /// `…@g.us`.
    pub id: String,
    /// Its name.
    pub subject: String,
    /// Null when it has none.
    pub description: Option<String>,
    /// Who made it, where WhatsApp tells.
    pub owner: Option<Party>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// Only admins write.
    pub announce: bool,
    /// Only admins change subject, description and picture.
    pub locked: bool,
    /// Whoever comes by link waits for an admin.
    pub approval: bool,
    /// Messages disappear after so many seconds; 0 is never.
    pub ephemeral_s: u32,
    /// How many members it has.
    pub size: u32,
    /// What it is among communities.
    pub kind: GroupKind,
    /// Whether it is a community, which holds groups.
    pub is_community: bool,
    /// The community that it belongs to.
    pub community: Option<String>,
    /// What this account is in it; null when it is no member.
    pub role: Option<Role>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// All but the members.
    #[serde(flatten)]
    pub info: GroupInfo,
    /// Who is in it.
    pub participants: Vec<Member>,
}

/// How a change went for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemberResult {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// What they are in the group now; null when they are not in it.
    pub role: Option<Role>,
    /// As WhatsApp says it: 200 done, 403 not allowed by their privacy, 404 not there, 408 left a short while ago, 409 is there
    /// already, 419 no room.
    pub status: u16,
    /// The stable word of that number.
    pub code: &'static str,
}

/// The word of a member's status.
pub const fn member_code(status: u16) -> &'static str {
    match status {
        200 => "done",
        401 => "blocked",
        403 => "not_allowed",
        404 => "not_found",
        406 => "not_acceptable",
        408 => "left_recently",
        409 => "already_there",
        419 => "group_full",
        _ => "refused",
    }
}

/// What an admin does with people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// Takes them in.
    Add,
    /// Puts them out.
    Remove,
    /// Makes them admins.
    Promote,
    /// Makes them members.
    Demote,
    /// Lets in who asked to join.
    Approve,
    /// Turns away who asked to join.
    Reject,
}

/// A new group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name.
    pub subject: String,
    /// Its description.
    pub description: Option<String>,
    /// The community to make it in.
    pub community: Option<String>,
}

/// One thing about a group that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// Its name.
    Subject(String),
    /// Its description; none removes it.
    Description(Option<String>),
    /// Whether only admins write.
    Announce(bool),
    /// Whether only admins change how it looks.
    Locked(bool),
    /// Whether whoever comes by link waits for an admin.
    Approval(bool),
    /// Whether members add others.
    MembersAdd(bool),
    /// After how many seconds messages disappear.
    Ephemeral(u32),
}

/// What became of following an invite link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// One is in the group.
    Member(String),
    /// An admin has to agree.
    Pending(String),
}

/// Somebody who asks to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JoinRequest {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// Since when, RFC 3339.
    pub requested_at: Option<String>,
}
