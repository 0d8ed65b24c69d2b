//! What WhatsApp is asked and told about groups.
//!
//! Called by `service` on a borrowed client. Must never decide who may do what: WhatsApp does, and `service` names its
//! refusals.

use wacore_binary::Jid;
use whatsapp_rust::{
    GroupCreateOptions, GroupDescription, GroupMetadata, GroupParticipantOptions, GroupSubject,
    JoinGroupResult, MemberAddMode, MembershipApprovalMode, ParticipantChangeResponse,
    ParticipantType, PreviousDescription,
};

use super::{AskError, client::Client, contacts::seconds, convert};
use crate::domain::{
    address::{Address, Party},
    group::{
        Group, GroupChange, GroupInfo, GroupKind, JoinRequest, Joined, Member, MemberChange,
        MemberResult, NewGroup, Role, member_code,
    },
};

/// What a status of a member says that is not given.
const DONE: u16 = 200;

impl Client {
    /// The groups that this account is in.
    pub async fn groups(&self) -> Result<Vec<Group>, AskError> {
        let groups = self.inner.groups();
        let found = self.ask(groups.get_participating()).await?;
        let mut all = Vec::with_capacity(found.len());
        for group in found.into_values() {
            all.push(self.show(group).await);
        }
        Ok(all)
    }

    /// One group that this account is in.
    pub async fn group(&self, id: &str) -> Result<Group, AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        let found = self.ask(groups.get_metadata(id)).await?;
        Ok(self.show(found).await)
    }

    /// Makes a group of people who are on WhatsApp.
    pub async fn create_group(&self, new: &NewGroup, people: &[Party]) -> Result<Group, AskError> {
        let participants = people
            .iter()
            .filter_map(|party| party.phone.as_deref())
            .map(|phone| GroupParticipantOptions::new(Jid::pn(phone)))
            .collect();
        let description = new.description.as_deref();
        let options = GroupCreateOptions::builder()
            .subject(new.subject.as_str())
            .participants(participants)
            .maybe_description(description.map(GroupDescription::new_unchecked))
            .maybe_linked_parent(new.community.as_deref().map(Jid::group))
            .build();
        let groups = self.inner.groups();
        let made = self.ask(groups.create_group(options)).await?;
        Ok(self.show(made.metadata).await)
    }

    /// Changes one thing about a group.
    pub async fn change_group(&self, id: &str, change: GroupChange) -> Result<(), AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        match change {
            GroupChange::Subject(subject) => {
                let subject = GroupSubject::new_unchecked(subject);
                self.ask(groups.set_subject(id, subject)).await
            }
            GroupChange::Description(text) => {
                let text = text.map(GroupDescription::new_unchecked);
                let changing = groups.set_description(id, text, PreviousDescription::Resolve);
                self.ask(changing).await
            }
            GroupChange::Announce(on) => self.ask(groups.set_announce(id, on)).await,
            GroupChange::Locked(on) => self.ask(groups.set_locked(id, on)).await,
            GroupChange::Approval(on) => {
                let mode = if on {
                    MembershipApprovalMode::On
                } else {
                    MembershipApprovalMode::Off
                };
                self.ask(groups.set_membership_approval(id, mode)).await
            }
            GroupChange::MembersAdd(on) => {
                let mode = if on {
                    MemberAddMode::AllMemberAdd
                } else {
                    MemberAddMode::AdminAdd
                };
                self.ask(groups.set_member_add_mode(id, mode)).await
            }
            GroupChange::Ephemeral(after) => self.ask(groups.set_ephemeral(id, after)).await,
        }
    }

    /// Changes who is in a group, or what they may do.
    pub async fn change_members(
        &self,
        id: &str,
        change: MemberChange,
        people: &[Address],
    ) -> Result<Vec<MemberResult>, AskError> {
        let id = &Jid::group(id);
        let mut jids = Vec::with_capacity(people.len());
        for person in people {
            jids.extend(self.member_jid(change, person).await);
        }
        let groups = self.inner.groups();
        let answered = match change {
            MemberChange::Add => self.ask(groups.add_participants(id, &jids)).await,
            MemberChange::Remove => self.ask(groups.remove_participants(id, &jids)).await,
            MemberChange::Promote => self.ask(groups.promote_participants(id, &jids)).await,
            MemberChange::Demote => self.ask(groups.demote_participants(id, &jids)).await,
            MemberChange::Approve => {
                let approving = groups.approve_membership_requests(id, &jids);
                self.ask(approving).await
            }
            MemberChange::Reject => {
                let rejecting = groups.reject_membership_requests(id, &jids);
                self.ask(rejecting).await
            }
        }?;
        let mut results = Vec::with_capacity(answered.len());
        for one in answered {
            results.push(self.outcome(change, one).await);
        }
        Ok(results)
    }

    /// Who is in a group is known there by LID; who is not yet may be named by phone.
    async fn member_jid(&self, change: MemberChange, person: &Address) -> Option<Jid> {
        let jid = convert::jid(person)?;
        if change == MemberChange::Add || !jid.is_pn() {
            return Some(jid);
        }
        match self.inner.get_lid_pn_entry(&jid).await {
            Ok(Some(entry)) => Some(Jid::lid(&*entry.lid)),
            Ok(None) | Err(_) => Some(jid),
        }
    }

    async fn outcome(&self, change: MemberChange, one: ParticipantChangeResponse) -> MemberResult {
        let said = one.error.as_deref().or(one.status.as_deref());
        let status = said.and_then(|said| said.parse().ok()).unwrap_or(DONE);
        let role = match change {
            _ if status != DONE => None,
            MemberChange::Add | MemberChange::Demote | MemberChange::Approve => Some(Role::Member),
            MemberChange::Promote => Some(Role::Admin),
            MemberChange::Remove | MemberChange::Reject => None,
        };
        MemberResult {
            party: self.person(&one.jid, one.phone_number.as_ref()).await,
            role,
            status,
            code: member_code(status),
        }
    }

    /// The link that lets people in; `anew` makes the old one void.
    pub async fn invite_link(&self, id: &str, anew: bool) -> Result<String, AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        self.ask(groups.get_invite_link(id, anew)).await
    }

    /// The group behind an invite.
    pub async fn invited_to(&self, code: &str) -> Result<Group, AskError> {
        let groups = self.inner.groups();
        let found = self.ask(groups.get_invite_info(code)).await?;
        Ok(self.show(found).await)
    }

    /// Follows an invite.
    pub async fn join_group(&self, code: &str) -> Result<Joined, AskError> {
        let groups = self.inner.groups();
        let joined = self.ask(groups.join_with_invite_code(code)).await?;
        Ok(match joined {
            JoinGroupResult::Joined(id) => Joined::Member(id.to_non_ad_string()),
            JoinGroupResult::PendingApproval(id) => Joined::Pending(id.to_non_ad_string()),
        })
    }

    /// Who asks to join.
    pub async fn join_requests(&self, id: &str) -> Result<Vec<JoinRequest>, AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        let found = self.ask(groups.get_membership_requests(id)).await?;
        let mut requests = Vec::with_capacity(found.len());
        for one in found {
            requests.push(JoinRequest {
                party: self.person(&one.jid, None).await,
                requested_at: one.request_time.map(seconds),
            });
        }
        Ok(requests)
    }

    /// Changes a group's picture, a JPEG; none removes it.
    pub async fn set_group_picture(&self, id: &str, jpeg: Option<Vec<u8>>) -> Result<(), AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        let set = match jpeg {
            Some(jpeg) => self.ask(groups.set_profile_picture(id, jpeg)).await,
            None => self.ask(groups.remove_profile_picture(id)).await,
        };
        set.map(drop)
    }

    /// Leaves a group.
    pub async fn leave_group(&self, id: &str) -> Result<(), AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        self.ask(groups.leave(id)).await
    }

    pub(super) async fn show(&self, group: GroupMetadata) -> Group {
        let own = self.account();
        let mut participants = Vec::with_capacity(group.participants.len());
        for one in &group.participants {
            let alt = one.phone_number.as_ref().or(one.lid.as_ref());
            participants.push(Member {
                party: self.person(&one.jid, alt).await,
                role: match one.participant_type {
                    ParticipantType::Member => Role::Member,
                    ParticipantType::Admin => Role::Admin,
                    ParticipantType::SuperAdmin => Role::Owner,
                },
            });
        }
        let is_own = |party: &Party| {
            (own.phone.is_some() && party.phone == own.phone)
                || (own.lid.is_some() && party.lid == own.lid)
        };
        let mine = participants.iter().find(|one| is_own(&one.party));
        let owner = match &group.creator {
            Some(creator) => Some(self.person(creator, group.creator_pn.as_ref()).await),
            None => None,
        };
        let count = u32::try_from(participants.len()).unwrap_or(u32::MAX);
        let ephemeral = group.ephemeral.as_ref();
        let kind = kind_of(&group);
        let info = GroupInfo {
            id: group.id.to_non_ad_string(),
            subject: group.subject,
            description: group.description.filter(|text| !text.is_empty()),
            owner,
            created_at: group.creation_time.map(seconds),
            announce: group.is_announcement,
            locked: group.is_locked,
            approval: group.membership_approval,
            ephemeral_s: ephemeral.and_then(|set| set.expiration).unwrap_or(0),
            size: group.size.unwrap_or(count),
            kind,
            is_community: group.is_parent_group,
            community: group.parent_group_jid.map(|jid| jid.to_non_ad_string()),
            role: mine.map(|one| one.role),
        };
        Group { info, participants }
    }
}

fn kind_of(group: &GroupMetadata) -> GroupKind {
    if group.is_default_sub_group {
        GroupKind::Announcement
    } else if group.is_general_chat {
        GroupKind::General
    } else if group.is_parent_group {
        GroupKind::Community
    } else {
        GroupKind::Group
    }
}
