//! A group as it is kept, where it stands among communities, and who may do what in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::jids::Pn;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(super) subject: String,
    pub(super) subject_by: Pn,
    pub(super) subject_s: u64,
    pub(super) creator: Pn,
    pub(super) created_s: u64,
    pub(super) description: Option<Description>,
    pub(super) settings: Settings,
    #[serde(default)]
    pub(super) place: Place,
    /// The code in the group's invite link.
    pub(super) invite: String,
    pub(super) members: BTreeMap<Pn, Role>,
    /// People who ask to join, and since when (seconds).
    pub(super) requests: BTreeMap<Pn, u64>,
    /// Counts changes of the member list.
    pub(super) version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) by: Pn,
    pub(super) at_s: u64,
}

/// A group starts with none of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with its own tag on the wire"
)]
pub(super) struct Settings {
    /// Only admins change subject, description and picture.
    pub(super) locked: bool,
    /// Only admins write.
    pub(super) announcement: bool,
    /// Whoever comes by link waits for an admin.
    pub(super) approval: bool,
    /// Only admins add people.
    pub(super) admins_add: bool,
    /// Messages disappear after so many seconds; 0 = never.
    pub(super) ephemeral_s: u32,
}

/// Where a group stands among communities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// On its own.
    #[default]
    Alone,
    /// It is a community.
    Community(Rules),
    /// It belongs to the community of this id.
    Within(String, Kind),
}

/// What a community adds to the settings of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    /// Whoever comes waits for an admin.
    pub(super) closed: bool,
    /// Not admins alone make groups in it.
    pub(super) members_create: bool,
}

/// What a group is to its community.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Everybody is in it, and admins write.
    Announcement,
    /// Was made along with the community, to talk in.
    General,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    Member,
    Admin,
    /// Made the group: cannot be demoted or removed.
    Owner,
}

impl Role {
    pub(super) fn is_admin(self) -> bool {
        self != Self::Member
    }

    /// `type` of a participant on the wire.
    pub(super) fn wire(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::Owner => Some("superadmin"),
        }
    }
}

impl Group {
    pub(super) fn role(&self, pn: Pn) -> Option<Role> {
        self.members.get(&pn).copied()
    }

    pub(super) fn is_admin(&self, pn: Pn) -> bool {
        self.role(pn).is_some_and(Role::is_admin)
    }

    pub(super) fn may_edit(&self, pn: Pn) -> bool {
        self.is_admin(pn) || (self.role(pn).is_some() && !self.settings.locked)
    }

    /// Nobody writes in a community itself.
    pub(super) fn may_write(&self, pn: Pn) -> bool {
        let is_open = self.role(pn).is_some() && !self.settings.announcement;
        self.rules().is_none() && (self.is_admin(pn) || is_open)
    }

    pub(super) fn may_add(&self, pn: Pn) -> bool {
        self.is_admin(pn) || (self.role(pn).is_some() && !self.settings.admins_add)
    }

    /// Its rules, if it is a community.
    pub(super) fn rules(&self) -> Option<Rules> {
        match self.place {
            Place::Community(rules) => Some(rules),
            Place::Alone | Place::Within(..) => None,
        }
    }

    /// The community that it belongs to, and what it is there.
    pub(super) fn within(&self) -> Option<(&str, Kind)> {
        match &self.place {
            Place::Within(community, kind) => Some((community, *kind)),
            Place::Alone | Place::Community(_) => None,
        }
    }

    /// Whether it is where a community announces.
    pub(super) fn is_announcement(&self) -> bool {
        matches!(self.place, Place::Within(_, Kind::Announcement))
    }
}
