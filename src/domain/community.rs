//! Communities: groups of groups, with one for announcements.

use serde::{Deserialize, Serialize};

use super::{
    address::Party,
    group::{GroupKind, Role},
};

/// A community without its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CommunityInfo {
    /// `…@g.us`.
    #[schema(example = "120363000000000001@g.us")]
    pub id: String,
    /// Its name.
    pub subject: String,
    /// Null when it has none.
    pub description: Option<String>,
    /// Who made it, where WhatsApp tells.
    pub owner: Option<Party>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// Whoever comes waits for an admin.
    pub closed: bool,
    /// Members make groups in it, not admins alone.
    pub members_create: bool,
    /// How many members it has.
    pub size: u32,
    /// What this account is in it; null when it is no member.
    pub role: Option<Role>,
    /// The group in which its admins write to everybody, `…@g.us`; null when WhatsApp does not tell.
    pub announcements: Option<String>,
}

/// A community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Community {
    /// All but the groups.
    #[serde(flatten)]
    pub info: CommunityInfo,
    /// Its groups, the one for announcements first.
    pub groups: Vec<CommunityGroup>,
}

impl Community {
    /// A community and its groups, of which one is for announcements.
    pub fn of(mut info: CommunityInfo, mut groups: Vec<CommunityGroup>) -> Self {
        let mut all = groups.iter_mut();
        if let Some(one) = all.find(|group| group.kind == GroupKind::Announcement) {
            info.announcements = Some(one.id.clone());
            // Everybody is in it, so it is not counted apart.
            one.participants.get_or_insert(info.size);
        }
        Self { info, groups }
    }
}

/// A group of a community, as everybody in the community sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CommunityGroup {
    /// `…@g.us`.
    pub id: String,
    /// Its name.
    pub subject: String,
    /// What it is there.
    pub kind: GroupKind,
    /// How many members it has, where WhatsApp tells.
    pub participants: Option<u32>,
}

/// A community to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommunity {
    /// Its name.
    pub subject: String,
    /// Its description.
    pub description: Option<String>,
    /// Whether whoever comes waits for an admin.
    pub closed: bool,
    /// Whether members make groups in it.
    pub members_create: bool,
    /// Whether it has a group for everybody to talk in from the start.
    pub general_chat: bool,
}

/// How linking one group went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LinkResult {
    /// The group.
    pub id: String,
    /// As WhatsApp says it: 200 done, 403 this account is no admin of the group, 404 not there, 406 no room, 409 is in a
    /// community already.
    pub status: u16,
    /// The stable word of that number.
    pub code: &'static str,
}

/// The word of a group's status.
pub const fn link_code(status: u16) -> &'static str {
    match status {
        200 => "done",
        401 | 403 => "not_allowed",
        404 => "not_found",
        406 | 419 => "community_full",
        409 => "already_linked",
        _ => "refused",
    }
}

/// A group that came into a community or left it, as events tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkedGroup {
    /// The group.
    pub id: String,
    /// Its name, where WhatsApp tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}
