//! What devices ask of communities: stanzas of `w:g2`, and two queries over `w:mex`.

use serde_json::{Value, json};
use wacore::iq::mex_operations::{fetch_all_subgroups, query_subgroup_participant_count};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};

use super::{NewCommunity, groups, rules};
use crate::areas::groups::book::{Kind, Rules};
use crate::areas::groups::change::{self, FORBIDDEN, NewGroup};
use crate::areas::groups::query::{addressed, find};
use crate::areas::groups::{info, jid_of};
use crate::areas::mex::Data;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, attr, child, children, jid};
use crate::world::World;

pub(in crate::areas::groups) fn register(table: &mut HandlerTable) {
    table.iq("w:g2", "links", link);
    table.iq("w:g2", "unlink", unlink);
    table.iq("w:g2", "delete_parent", delete);
    table.iq("w:g2", "join_linked_group", join);
}

/// What `<create>` makes: a community, a group inside of one, or a group on its own. Returns its id.
pub(in crate::areas::groups) fn create_asked(
    world: &mut World,
    by: Pn,
    create: &Node,
    new: NewGroup<'_>,
) -> Result<String, Refusal> {
    if let Some(parent) = child(create, "parent") {
        let mode = attr(parent, "default_membership_approval_mode");
        let community = NewCommunity {
            subject: new.subject,
            rules: Rules {
                closed: mode.is_some_and(|mode| mode == "request_required"),
                members_create: child(create, "allow_non_admin_sub_group_creation").is_some(),
            },
            general_chat: child(create, "create_general_chat").is_some(),
        };
        return super::make(world, by, &community);
    }
    let Some(parent) = child(create, "linked_parent") else {
        return change::create(world, by, new);
    };
    let parent = jid(parent, "jid").filter(Jid::is_group);
    let parent = parent.ok_or(Refusal::BAD_REQUEST)?;
    super::make_within(world, &parent.user, by, new)
}

fn link(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let link = child(node, "links").and_then(|links| child(links, "link"));
    let link = link.ok_or(Refusal::BAD_REQUEST)?;
    if attr(link, "link_type").is_none_or(|kind| kind != "sub_group") {
        return Err(Refusal::BAD_REQUEST);
    }
    let wanted = named(link)?;
    let statuses = super::link(world, &id, client.device.pn, &wanted)?;
    let link = NodeBuilder::new("link")
        .attr("link_type", "sub_group")
        .children(results(&wanted, &statuses))
        .build();
    Answer::node(NodeBuilder::new("links").children([link]).build())
}

fn unlink(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let unlink = child(node, "unlink").ok_or(Refusal::BAD_REQUEST)?;
    if attr(unlink, "unlink_type").is_none_or(|kind| kind != "sub_group") {
        return Err(Refusal::BAD_REQUEST);
    }
    let wanted = named(unlink)?;
    let statuses = super::unlink(world, &id, client.device.pn, &wanted)?;
    let unlink = NodeBuilder::new("unlink")
        .attr("unlink_type", "sub_group")
        .children(results(&wanted, &statuses))
        .build();
    Answer::node(unlink)
}

/// The ids of the groups that a change names.
fn named(change: &Node) -> Result<Vec<String>, Refusal> {
    let wanted = children(change).iter();
    let ids = wanted.map(|group| {
        let jid = jid(group, "jid").filter(Jid::is_group);
        jid.map(|jid| jid.user.to_string())
    });
    let ids: Option<Vec<String>> = ids.collect();
    ids.filter(|ids| !ids.is_empty())
        .ok_or(Refusal::BAD_REQUEST)
}

fn results(groups: &[String], statuses: &[u16]) -> Vec<Node> {
    let results = groups.iter().zip(statuses);
    results
        .map(|(group, status)| {
            let mut node = NodeBuilder::new("group").attr("jid", jid_of(group));
            if *status != 200 {
                node = node.attr("error", status.to_string());
            }
            node.build()
        })
        .collect()
}

fn delete(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    super::delete(world, &id, client.device.pn)?;
    Answer::empty()
}

fn join(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let join = child(node, "join_linked_group").ok_or(Refusal::BAD_REQUEST)?;
    let group = jid(join, "jid").filter(Jid::is_group);
    let group = group.ok_or(Refusal::BAD_REQUEST)?;
    let is_in = super::join(world, &id, client.device.pn, &group.user)?;
    let inner = if is_in {
        info::group_node(world, &group.user, find(world, &group.user)?)
    } else {
        NodeBuilder::new("membership_approval_request")
            .attr("jid", &group)
            .build()
    };
    Answer::node(
        NodeBuilder::new("linked_group")
            .attr("jid", group)
            .children([inner])
            .build(),
    )
}

/// The answer to a query, if it is one about communities.
pub(crate) fn queried(world: &mut World, me: Pn, query: &str, variables: &Value) -> Option<Data> {
    match query {
        fetch_all_subgroups::DOC_ID => Some(subgroups(world, me, &variables["group_id"])),
        query_subgroup_participant_count::DOC_ID => {
            Some(counts(world, me, &variables["input"]["group_jid"]))
        }
        _ => None,
    }
}

/// The community that a query names, if the person is in it.
fn asked(world: &World, me: Pn, address: &Value) -> Result<String, Refusal> {
    let jid: Option<Jid> = address.as_str().and_then(|text| text.parse().ok());
    let jid = jid.filter(Jid::is_group).ok_or(Refusal::BAD_REQUEST)?;
    let id = jid.user.to_string();
    rules(world, &id)?;
    if find(world, &id)?.role(me).is_none() {
        return Err(FORBIDDEN);
    }
    Ok(id)
}

fn subgroups(world: &World, me: Pn, address: &Value) -> Data {
    let id = asked(world, me, address)?;
    let (mut announcements, mut edges) = (Value::Null, Vec::new());
    for (group, kind) in groups(world, &id) {
        let row = find(world, &group)?;
        let mut shown = json!({
            "id": jid_of(&group).to_string(),
            "subject": { "value": row.subject, "creation_time": row.subject_s },
        });
        if kind == Kind::Announcement {
            announcements = shown;
            continue;
        }
        shown["properties"] = json!({
            "general_chat": (kind == Kind::General).to_string(),
            "hidden_group": "false",
            "membership_approval_mode_enabled": row.settings.approval,
        });
        shown["membership_approval_requests"] = json!({ "total_count": row.requests.len() });
        edges.push(json!({ "node": shown }));
    }
    Ok(json!({ "xwa2_group_query_by_id": {
        "__typename": "XWA2CommunityGroup",
        "id": jid_of(&id).to_string(),
        "default_sub_group": announcements,
        "sub_groups": { "edges": edges },
    } }))
}

/// The group for announcements is not among them: everybody is in it.
fn counts(world: &World, me: Pn, address: &Value) -> Data {
    let id = asked(world, me, address)?;
    let mut edges = Vec::new();
    for (group, kind) in groups(world, &id) {
        if kind != Kind::Announcement {
            let count = find(world, &group)?.members.len();
            let id = jid_of(&group).to_string();
            edges.push(json!({ "node": { "id": id, "total_participants_count": count } }));
        }
    }
    Ok(json!({ "xwa2_group_query_by_id": {
        "__typename": "XWA2CommunityGroup",
        "id": jid_of(&id).to_string(),
        "sub_groups": { "edges": edges },
    } }))
}
