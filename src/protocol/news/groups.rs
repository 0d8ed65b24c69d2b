//! What happens to groups and who is in them.
//!
//! Called by [`Client::read`] alone.

use wacore::{
    stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo},
    types::events::GroupUpdate,
};
use wacore_binary::{Jid, Node, NodeValue};

use crate::{
    domain::{
        clock::rfc3339,
        community::LinkedGroup,
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
            let parent = group.and_then(|group| group.get_optional_child("linked_parent"));
            changes.community = parent.and_then(address);
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
        Action::Link { link_type, raw } => match link_type.as_str() {
            "parent_group" => changes.community = groups_of(raw).pop().map(|group| group.id),
            "sub_group" => changes.linked = Some(groups_of(raw)),
            // That a group of the same community has a new neighbour says nothing about it.
            _ => return None,
        },
        Action::Unlink {
            unlink_type, raw, ..
        } => match unlink_type.as_str() {
            "parent_group" => changes.community = Some(String::new()),
            "sub_group" => changes.unlinked = Some(groups_of(raw)),
            _ => return None,
        },
        Action::AllowNonAdminSubGroupCreation => changes.members_create = Some(true),
        Action::NotAllowNonAdminSubGroupCreation => changes.members_create = Some(false),
        _ => return None,
    }
    Some(changes)
}

/// The groups that a link names.
fn groups_of(link: &Node) -> Vec<LinkedGroup> {
    let groups = link.get_children_by_tag("group");
    groups
        .filter_map(|group| {
            let subject = group.attrs.get("subject");
            Some(LinkedGroup {
                id: address(group)?,
                subject: subject.map(|subject| subject.as_str().into_owned()),
            })
        })
        .collect()
}

/// Which group a node is about.
fn address(node: &Node) -> Option<String> {
    let jid = node.attrs.get("jid").and_then(NodeValue::to_jid);
    let id = || Some(Jid::group(&*node.attrs.get("id")?.as_str()));
    jid.or_else(id).map(|jid| jid.to_non_ad_string())
}

#[cfg(test)]
mod tests {
    use wacore_binary::builder::NodeBuilder;

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

    fn link(tag: &'static str) -> Node {
        let group = NodeBuilder::new("group")
            .attr("jid", Jid::group("1"))
            .attr("subject", "Crew");
        NodeBuilder::new(tag).children([group.build()]).build()
    }

    #[test]
    fn a_link_is_told_of_the_group_and_of_its_community_and_not_of_a_neighbour() {
        let linked = |kind: &str| {
            changes_of(&Action::Link {
                link_type: kind.to_owned(),
                raw: link("link"),
            })
        };
        let crew = LinkedGroup {
            id: "1@g.us".to_owned(),
            subject: Some("Crew".to_owned()),
        };
        assert_eq!(linked("sub_group").unwrap().linked, Some(vec![crew]));
        let of_group = linked("parent_group").unwrap();
        assert_eq!(of_group.community.as_deref(), Some("1@g.us"));
        assert_eq!(linked("sibling_group"), None);
        let left = changes_of(&Action::Unlink {
            unlink_type: "parent_group".to_owned(),
            unlink_reason: None,
            raw: link("unlink"),
        });
        assert_eq!(left.unwrap().community.as_deref(), Some(""));
    }
}
