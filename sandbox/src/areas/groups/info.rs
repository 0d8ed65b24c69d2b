//! A group as the wire shows it.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::book::{Description, Group, Kind, Place, Role};
use super::jid_of;
use crate::jids::Pn;
use crate::world::World;

/// `<group>` with everything a member may see.
pub(super) fn group_node(world: &World, id: &str, group: &Group) -> Node {
    let mut children = settings(group);
    children.extend(place(group));
    children.extend(group.description.as_ref().map(|d| description(world, d)));
    children.extend(
        group
            .members
            .iter()
            .map(|(pn, role)| participant(world, *pn, Some(*role))),
    );
    head(world, id, group).children(children).build()
}

/// `<group>` as somebody sees it who only has the invite.
pub(super) fn preview_node(world: &World, id: &str, group: &Group) -> Node {
    let mut children = settings(group);
    children.extend(place(group));
    children.extend(group.description.as_ref().map(|d| description(world, d)));
    head(world, id, group).children(children).build()
}

fn head(world: &World, id: &str, group: &Group) -> NodeBuilder {
    NodeBuilder::new("group")
        .attr("id", id)
        .attr("addressing_mode", "lid")
        .attr("subject", group.subject.as_str())
        .attr("s_t", group.subject_s.to_string())
        .attr("s_o", world.lid_jid(group.subject_by.phone()))
        .attr("s_o_pn", group.subject_by.jid())
        .attr("creation", group.created_s.to_string())
        .attr("creator", world.lid_jid(group.creator.phone()))
        .attr("creator_pn", group.creator.jid())
        .attr("size", group.members.len().to_string())
        .attr("p_v_id", group.version.to_string())
}

/// `<participant jid phone_number type>`.
pub(super) fn participant(world: &World, pn: Pn, role: Option<Role>) -> Node {
    let mut node = NodeBuilder::new("participant")
        .attr("jid", world.lid_jid(pn.phone()))
        .attr("phone_number", pn.jid());
    if let Some(kind) = role.and_then(Role::wire) {
        node = node.attr("type", kind);
    }
    node.build()
}

pub(super) fn description(world: &World, description: &Description) -> Node {
    NodeBuilder::new("description")
        .attr("id", description.id.as_str())
        .attr("participant", world.lid_jid(description.by.phone()))
        .attr("participant_pn", description.by.jid())
        .attr("t", description.at_s.to_string())
        .children([NodeBuilder::new("body")
            .string_content(description.text.as_str())
            .build()])
        .build()
}

fn settings(group: &Group) -> Vec<Node> {
    let settings = &group.settings;
    let mut nodes = vec![add_mode(settings.admins_add)];
    if settings.locked {
        nodes.push(NodeBuilder::new("locked").build());
    }
    if settings.announcement {
        nodes.push(NodeBuilder::new("announcement").build());
    }
    if settings.approval {
        nodes.push(approval_mode(true));
    }
    if settings.ephemeral_s > 0 {
        nodes.push(ephemeral(settings.ephemeral_s));
    }
    nodes
}

/// Where a group stands among communities.
fn place(group: &Group) -> Vec<Node> {
    let tag = |tag: &'static str| NodeBuilder::new(tag).build();
    match &group.place {
        Place::Alone => Vec::new(),
        Place::Community(rules) => {
            let mut parent = NodeBuilder::new("parent");
            if rules.closed {
                parent = parent.attr("default_membership_approval_mode", "request_required");
            }
            let mut nodes = vec![parent.build()];
            nodes.extend(
                rules
                    .members_create
                    .then(|| tag("allow_non_admin_sub_group_creation")),
            );
            nodes
        }
        Place::Within(community, kind) => {
            let parent = NodeBuilder::new("linked_parent").attr("jid", jid_of(community));
            let mut nodes = vec![parent.build()];
            match kind {
                Kind::Announcement => nodes.push(tag("default_sub_group")),
                Kind::General => nodes.push(tag("general_chat")),
                Kind::Group => {}
            }
            nodes
        }
    }
}

pub(super) fn add_mode(admins_add: bool) -> Node {
    let mode = if admins_add {
        "admin_add"
    } else {
        "all_member_add"
    };
    NodeBuilder::new("member_add_mode")
        .string_content(mode)
        .build()
}

pub(super) fn approval_mode(on: bool) -> Node {
    let state = if on { "on" } else { "off" };
    NodeBuilder::new("membership_approval_mode")
        .children([NodeBuilder::new("group_join").attr("state", state).build()])
        .build()
}

pub(super) fn ephemeral(seconds: u32) -> Node {
    if seconds == 0 {
        return NodeBuilder::new("not_ephemeral").build();
    }
    NodeBuilder::new("ephemeral")
        .attr("expiration", seconds.to_string())
        .build()
}
