//! What happens to groups and who is in them.
//!
//! Called by [`Client::read`] alone.

use wacore::{
    stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo},
    types::events::GroupUpdate,
};
use wacore_binary::Jid;

use crate::{
    domain::{
        clock::rfc3339,
        event::{Event, GroupChanges, GroupParticipantsData, GroupUpdateData, ParticipantsAction},
    },
    protocol::client::Client,
};

impl Client {
    pub(super) async fn group_news(&self, update: &GroupUpdate) -> Option<Event> {
        let chat = self.chat(&update.group_jid).await;
        let by = match &update.participant {
            Some(by) => Some(self.person(by, update.participant_pn.as_ref()).await),
            None => None,
        };
        let timestamp = rfc3339(update.timestamp.timestamp_millis());
        if let Some((action, people, reason)) = people_of(&update.action) {
            let mut participants = Vec::with_capacity(people.len());
            for (jid, alt) in people {
                participants.push(self.person(jid, alt).await);
            }
            if participants.is_empty() {
                participants.extend(by.clone());
            }
            return Some(Event::GroupParticipants(GroupParticipantsData {
                chat,
                action,
                by,
                participants,
                timestamp,
                reason,
            }));
        }
        Some(Event::GroupUpdate(Box::new(GroupUpdateData {
            chat,
            by,
            timestamp,
            changes: changes_of(&update.action)?,
        })))
    }
}

type People<'a> = Vec<(&'a Jid, Option<&'a Jid>)>;

fn named(people: &[GroupParticipantInfo]) -> People<'_> {
    let named = people.iter();
    named
        .map(|one| (&one.jid, one.phone_number.as_ref().or(one.lid.as_ref())))
        .collect()
}

/// What became of whom, and why; none is about the group itself.
fn people_of(action: &Action) -> Option<(ParticipantsAction, People<'_>, Option<String>)> {
    Some(match action {
        Action::Add {
            participants,
            reason,
        } => (ParticipantsAction::Add, named(participants), reason.clone()),
        Action::Remove {
            participants,
            reason,
        } => (
            ParticipantsAction::Remove,
            named(participants),
            reason.clone(),
        ),
        Action::Promote { participants } => {
            (ParticipantsAction::Promote, named(participants), None)
        }
        Action::Demote { participants } => (ParticipantsAction::Demote, named(participants), None),
        Action::CreatedMembershipRequests { requests, .. } => {
            (ParticipantsAction::Request, named(requests), None)
        }
        // Whoever asks is the one who did it.
        Action::MembershipApprovalRequest { .. } => (ParticipantsAction::Request, Vec::new(), None),
        Action::RevokedMembershipRequests { participants } => {
            let people = participants.iter().map(|jid| (jid, None)).collect();
            (ParticipantsAction::RequestRevoked, people, None)
        }
        _ => return None,
    })
}

fn changes_of(action: &Action) -> Option<GroupChanges> {
    let mut changes = GroupChanges::default();
    match action {
        Action::Create { raw } => {
            changes.created = Some(true);
            let group = raw.get_optional_child("group");
            let subject = group.and_then(|group| group.attrs.get("subject"));
            changes.subject = subject.map(|subject| subject.as_str().into_owned());
        }
        Action::Delete { .. } => changes.deleted = Some(true),
        Action::Subject { subject, .. } => changes.subject = Some(subject.clone()),
        Action::Description { description, .. } => {
            changes.description = Some(description.clone().unwrap_or_default());
        }
        Action::Locked { .. } => changes.locked = Some(true),
        Action::Unlocked => changes.locked = Some(false),
        Action::Announce => changes.announce = Some(true),
        Action::NotAnnounce => changes.announce = Some(false),
        Action::Ephemeral { expiration, .. } => changes.ephemeral_s = Some(*expiration),
        Action::MembershipApprovalMode { enabled } => changes.approval = Some(*enabled),
        Action::MemberAddMode { mode } => changes.members_add = Some(mode == "all_member_add"),
        Action::RevokeInvite => changes.invite_renewed = Some(true),
        _ => return None,
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_of_a_group_is_no_event() {
        assert_eq!(changes_of(&Action::FrequentlyForwardedOk), None);
        let on = changes_of(&Action::MembershipApprovalMode { enabled: true });
        assert_eq!(on.unwrap().approval, Some(true));
        let gone = changes_of(&Action::Description {
            id: "1".to_owned(),
            description: None,
        });
        assert_eq!(gone.unwrap().description.as_deref(), Some(""));
    }
}
