//! What WhatsApp is asked and told about communities.
//!
//! Called by `service` on a borrowed client. Must never decide who may do what: WhatsApp does, and `service` names its
//! refusals. A community is a group as well: what is the same for both is in [`super::groups`].

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use wacore::{
    iq::{
        groups::JoinLinkedGroupIq,
        mex_operations::{fetch_all_subgroups, query_subgroup_participant_count},
        spec::IqSpec,
    },
    request::InfoQuery,
};
use wacore_binary::{Jid, NodeRef};
use whatsapp_rust::{GroupCreateOptions, GroupDescription, GroupMetadata, PreviousDescription};

use super::{AskError, client::Client};
use crate::domain::{
    community::{CommunityGroup, CommunityInfo, LinkResult, NewCommunity, link_code},
    group::{GroupKind, Joined},
};

/// What a result says that has no error.
const DONE: u16 = 200;

impl Client {
    /// The communities that this account is in.
    pub async fn communities(&self) -> Result<Vec<CommunityInfo>, AskError> {
        let groups = self.inner.groups();
        let found = self.ask(groups.get_participating()).await?;
        // Whoever is in a community is in its group for announcements too.
        let announcements = found.values().filter(|group| group.is_default_sub_group);
        let mut announcements: HashMap<Jid, String> = announcements
            .filter_map(|group| {
                let community = group.parent_group_jid.clone()?;
                Some((community, group.id.to_non_ad_string()))
            })
            .collect();
        let mut all = Vec::new();
        for group in found.into_values() {
            if group.is_parent_group {
                let announcements = announcements.remove(&group.id);
                all.push(self.describe(group, announcements).await);
            }
        }
        Ok(all)
    }

    /// A community without its groups; none is a group that is no community.
    pub async fn community_head(&self, id: &str) -> Result<Option<CommunityInfo>, AskError> {
        let id = &Jid::group(id);
        let groups = self.inner.groups();
        let found = self.ask(groups.get_metadata(id)).await?;
        if !found.is_parent_group {
            return Ok(None);
        }
        Ok(Some(self.describe(found, None).await))
    }

    /// The groups of a community, the one for announcements first.
    pub async fn community_groups(&self, id: &str) -> Result<Vec<CommunityGroup>, AskError> {
        use query_subgroup_participant_count as count;
        let id = Jid::group(id).to_string();
        let asked = (fetch_all_subgroups::NAME, fetch_all_subgroups::DOC_ID);
        let told = self.mex(asked, &json!({ "group_id": id })).await?;
        let counting = json!({ "input": { "group_jid": id } });
        let counted = match self.mex((count::NAME, count::DOC_ID), &counting).await {
            // How many are in each is beside the point.
            Err(AskError::Denied(_)) => Value::Null,
            counted => counted?,
        };
        let counts = edges(&counted).filter_map(|group| {
            let count = group["total_participants_count"].as_u64()?;
            Some((group["id"].as_str()?, u32::try_from(count).ok()?))
        });
        let counts: HashMap<&str, u32> = counts.collect();
        let announcements = &told["xwa2_group_query_by_id"]["default_sub_group"];
        let announcements = subgroup(announcements, GroupKind::Announcement);
        let others = edges(&told).filter_map(|group| subgroup(group, kind_of(group)));
        let mut all: Vec<CommunityGroup> = announcements.into_iter().chain(others).collect();
        for group in &mut all {
            group.participants = counts.get(&*group.id).copied();
        }
        Ok(all)
    }

    /// Makes a community. Which groups it has from the start is not told.
    pub async fn create_community(&self, new: NewCommunity) -> Result<CommunityInfo, AskError> {
        let options = GroupCreateOptions::builder()
            .subject(new.subject)
            .is_parent(true)
            .closed(new.closed)
            .allow_non_admin_sub_group_creation(new.members_create)
            .create_general_chat(new.general_chat)
            .build();
        let groups = self.inner.groups();
        let mut made = self.ask(groups.create_group(options)).await?.metadata;
        if let Some(text) = new.description {
            let description = Some(GroupDescription::new_unchecked(text.as_str()));
            let absent = PreviousDescription::Absent;
            let setting = groups.set_description(&made.id, description, absent);
            // The community is there all the same: a refusal here would have it made twice.
            match self.ask(setting).await {
                Ok(()) => made.description = Some(text),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a new community stays without its description"
                ),
            }
        }
        Ok(self.describe(made, None).await)
    }

    /// Takes groups into a community; tells for each how it went.
    pub async fn link_groups(
        &self,
        id: &str,
        groups: &[String],
    ) -> Result<Vec<LinkResult>, AskError> {
        let wanted: Vec<Jid> = groups
            .iter()
            .map(|group| Jid::group(group.as_str()))
            .collect();
        let community = self.inner.community();
        let linking = community.link_subgroups(Jid::group(id), &wanted);
        let said = self.ask(linking).await?;
        let failed: HashMap<String, u32> = said
            .failed_groups
            .into_iter()
            .map(|(group, code)| (group.to_non_ad_string(), code))
            .collect();
        let results = wanted.iter().map(|group| {
            let id = group.to_non_ad_string();
            let code = failed.get(&id).copied();
            let status = code.map_or(DONE, |code| u16::try_from(code).unwrap_or(500));
            LinkResult {
                id,
                status,
                code: link_code(status),
            }
        });
        Ok(results.collect())
    }

    /// Lets a group go from its community; its members stay in the community.
    pub async fn unlink_group(&self, id: &str, group: &str) -> Result<(), AskError> {
        let community = self.inner.community();
        let groups = [Jid::group(group)];
        let unlinking = community.unlink_subgroups(Jid::group(id), &groups, false);
        let said = self.ask(unlinking).await?;
        match said.failed_groups.first() {
            None => Ok(()),
            Some((_, code)) => Err(AskError::denied(u16::try_from(*code).unwrap_or(500))),
        }
    }

    /// Ends a community. Its groups stay, on their own.
    pub async fn deactivate_community(&self, id: &str) -> Result<(), AskError> {
        let community = self.inner.community();
        self.ask(community.deactivate(Jid::group(id))).await
    }

    /// Comes into a group of a community that this account is in.
    pub async fn join_linked(&self, id: &str, group: &str) -> Result<Joined, AskError> {
        let question = JoinLinkedGroupIq::new(&Jid::group(id), &Jid::group(group));
        let is_in = self.ask(self.inner.execute(Join(question))).await?;
        let group = Jid::group(group).to_non_ad_string();
        Ok(if is_in {
            Joined::Member(group)
        } else {
            Joined::Pending(group)
        })
    }

    async fn describe(&self, group: GroupMetadata, announcements: Option<String>) -> CommunityInfo {
        let closed = group.parent_membership_approval_required;
        let members_create = group.allow_non_admin_sub_group_creation;
        let info = self.show(group).await.info;
        CommunityInfo {
            id: info.id,
            subject: info.subject,
            description: info.description,
            owner: info.owner,
            created_at: info.created_at,
            closed,
            members_create,
            size: info.size,
            role: info.role,
            announcements,
        }
    }
}

/// As the library asks it, which does not understand that an admin has to agree.
struct Join(JoinLinkedGroupIq);

impl IqSpec for Join {
    /// Whether the account is in the group: else it waits.
    type Response = bool;

    fn build_iq(&self) -> InfoQuery<'static> {
        self.0.build_iq()
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> Result<bool, anyhow::Error> {
        let linked = response.get_optional_child("linked_group");
        let linked = linked.context("an answer without a group")?;
        let waits = linked.get_optional_child("membership_approval_request");
        Ok(waits.is_none())
    }
}

/// The groups of an answer, but the one for announcements.
fn edges(told: &Value) -> impl Iterator<Item = &Value> {
    let edges = told["xwa2_group_query_by_id"]["sub_groups"]["edges"].as_array();
    edges.into_iter().flatten().map(|edge| &edge["node"])
}

fn kind_of(group: &Value) -> GroupKind {
    let general = &group["properties"]["general_chat"];
    if *general == true || matches!(general.as_str(), Some("true" | "1")) {
        GroupKind::General
    } else {
        GroupKind::Group
    }
}

fn subgroup(told: &Value, kind: GroupKind) -> Option<CommunityGroup> {
    let subject = &told["subject"];
    let subject = subject.as_str().or_else(|| subject["value"].as_str());
    Some(CommunityGroup {
        id: told["id"].as_str()?.to_owned(),
        subject: subject.unwrap_or_default().to_owned(),
        kind,
        participants: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_a_community_is_read_with_its_name_in_either_form() {
        let plain = json!({ "id": "1@g.us", "subject": "Crew" });
        let read = subgroup(&plain, kind_of(&plain)).unwrap();
        assert_eq!((&*read.subject, read.kind), ("Crew", GroupKind::Group));
        let general = json!({
            "id": "2@g.us", "subject": { "value": "General" }, "properties": { "general_chat": "1" },
        });
        let read = subgroup(&general, kind_of(&general)).unwrap();
        assert_eq!((&*read.subject, read.kind), ("General", GroupKind::General));
        assert_eq!(subgroup(&Value::Null, GroupKind::Announcement), None);
    }
}
