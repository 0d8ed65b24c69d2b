//! A group as it is kept, and who may do what in it.

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

    pub(super) fn may_write(&self, pn: Pn) -> bool {
        self.is_admin(pn) || (self.role(pn).is_some() && !self.settings.announcement)
    }

    pub(super) fn may_add(&self, pn: Pn) -> bool {
        self.is_admin(pn) || (self.role(pn).is_some() && !self.settings.admins_add)
    }
}
