//! Changes: the right to make them, the row, and the word to everybody's devices.

use rand::RngExt as _;
use wacore_binary::builder::NodeBuilder;

use super::book::{Description, Group, Place, Role, Settings};
use super::{announce, info, roster};
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

pub(super) const FORBIDDEN: Refusal = Refusal {
    code: 403,
    text: "forbidden",
};

/// What WhatsApp allows.
const MAX_SUBJECT_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 2048;
pub(super) const MAX_MEMBERS: usize = 1024;
/// Length of an invite code.
const INVITE_CHARS: usize = 22;

/// Something that a member does to a group.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Add(Vec<Pn>),
    Remove(Vec<Pn>),
    Promote(Vec<Pn>),
    Demote(Vec<Pn>),
    Leave,
    Subject(String),
    /// Id of the new text, and the text; none = the description goes.
    Description(String, Option<String>),
    Locked(bool),
    Announcement(bool),
    Approval(bool),
    AdminsAdd(bool),
    Ephemeral(u32),
    /// A new invite link; the old one is void.
    Invite,
}

/// How it went for one person of a change.
pub(super) struct Outcome {
    pub(super) pn: Pn,
    /// `200`, or why not.
    pub(super) status: u16,
}

/// A group that is to be.
#[derive(Debug, Default)]
pub(super) struct NewGroup<'a> {
    pub(super) subject: &'a str,
    /// Who is in it beside its creator.
    pub(super) others: &'a [Pn],
    pub(super) settings: Settings,
    pub(super) place: Place,
}

/// Makes a group with its creator and whoever is on WhatsApp. Returns its id.
pub(super) fn create(world: &mut World, creator: Pn, new: NewGroup<'_>) -> Result<String, Refusal> {
    let NewGroup {
        subject,
        others,
        settings,
        place,
    } = new;
    check_length(subject, 1, MAX_SUBJECT_CHARS)?;
    if others.len() >= MAX_MEMBERS {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    let id = loop {
        let id = format!(
            "120363{:012}",
            world.rng.random_range(0..1_000_000_000_000_u64)
        );
        if !world.areas.groups.groups.contains(&id) {
            break id;
        }
    };
    let mut members: std::collections::BTreeMap<_, _> =
        others.iter().map(|pn| (*pn, Role::Member)).collect();
    members.insert(creator, Role::Owner);
    let group = Group {
        subject: subject.to_owned(),
        subject_by: creator,
        subject_s: world.now_s(),
        creator,
        created_s: world.now_s(),
        description: None,
        settings,
        place,
        invite: new_invite(world),
        members,
        requests: std::collections::BTreeMap::new(),
        version: 1,
    };
    let everybody: Vec<Pn> = group.members.keys().copied().collect();
    let create = NodeBuilder::new("create")
        .attr("type", "new")
        .children([info::group_node(world, &id, &group)])
        .build();
    world.areas.groups.groups.insert(id.clone(), group);
    announce(world, &id, creator, &everybody, vec![create]);
    Ok(id)
}

fn new_invite(world: &mut World) -> String {
    let alphabet = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let pick =
        |rng: &mut rand::rngs::StdRng| char::from(alphabet[rng.random_range(0..alphabet.len())]);
    (0..INVITE_CHARS).map(|_| pick(&mut world.rng)).collect()
}

fn check_length(text: &str, at_least: usize, at_most: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if (at_least..=at_most).contains(&length) {
        Ok(())
    } else {
        Err(Refusal::NOT_ACCEPTABLE)
    }
}

/// A member changes a group. Nothing has changed when it is refused.
pub(super) fn apply(
    world: &mut World,
    id: &str,
    by: Pn,
    change: &Change,
) -> Result<Vec<Outcome>, Refusal> {
    let group = world
        .areas
        .groups
        .groups
        .get(&id.to_owned())
        .ok_or(Refusal::NOT_FOUND)?;
    if group.role(by).is_none() || !allowed(group, by, change) {
        return Err(FORBIDDEN);
    }
    if group.is_announcement() && is_given(change) {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    match change {
        Change::Add(people) => roster::add(world, id, by, people),
        Change::Remove(people) => roster::remove(world, id, by, people),
        Change::Leave => roster::leave(world, id, by),
        Change::Promote(people) => roster::rank(world, id, by, people, Role::Admin),
        Change::Demote(people) => roster::rank(world, id, by, people, Role::Member),
        _ => set(world, id, by, change).map(|()| Vec::new()),
    }
}

fn allowed(group: &Group, by: Pn, change: &Change) -> bool {
    match change {
        Change::Leave => true,
        Change::Add(_) => group.may_add(by),
        Change::Subject(_) | Change::Description(..) | Change::Ephemeral(_) => group.may_edit(by),
        _ => group.is_admin(by),
    }
}

/// What the announcement group of a community has from its community, and nobody changes there.
fn is_given(change: &Change) -> bool {
    matches!(
        change,
        Change::Add(_)
            | Change::Remove(_)
            | Change::Promote(_)
            | Change::Demote(_)
            | Change::Leave
            | Change::Announcement(_)
    )
}

/// Changes one row; the caller knows that there is one.
pub(super) fn edit<R>(
    world: &mut World,
    id: &str,
    edit: impl FnOnce(&mut Group) -> R,
) -> Result<R, Refusal> {
    let group = world.areas.groups.groups.get_mut(&id.to_owned());
    group.map(edit).ok_or(Refusal::NOT_FOUND)
}

pub(super) fn everybody(world: &World, id: &str) -> Vec<Pn> {
    let group = world.areas.groups.groups.get(&id.to_owned());
    group
        .map(|g| g.members.keys().copied().collect())
        .unwrap_or_default()
}

/// Subject, description and settings.
fn set(world: &mut World, id: &str, by: Pn, change: &Change) -> Result<(), Refusal> {
    let at_s = world.now_s();
    let node = match change {
        Change::Subject(subject) => {
            check_length(subject, 1, MAX_SUBJECT_CHARS)?;
            edit(world, id, |group| {
                (group.subject, group.subject_by, group.subject_s) = (subject.clone(), by, at_s);
            })?;
            NodeBuilder::new("subject")
                .attr("subject", subject.as_str())
                .attr("s_o", world.lid_jid(by.phone()))
                .attr("s_o_pn", by.jid())
                .attr("s_t", at_s.to_string())
                .build()
        }
        Change::Description(text_id, Some(text)) => {
            check_length(text, 1, MAX_DESCRIPTION_CHARS)?;
            let description = Description {
                id: text_id.clone(),
                text: text.clone(),
                by,
                at_s,
            };
            let node = info::description(world, &description);
            edit(world, id, |group| group.description = Some(description))?;
            node
        }
        Change::Description(text_id, None) => {
            edit(world, id, |group| group.description = None)?;
            NodeBuilder::new("description")
                .attr("id", text_id.as_str())
                .children([NodeBuilder::new("delete").build()])
                .build()
        }
        Change::Locked(on) => {
            edit(world, id, |group| group.settings.locked = *on)?;
            NodeBuilder::new(if *on { "locked" } else { "unlocked" }).build()
        }
        Change::Announcement(on) => {
            edit(world, id, |group| group.settings.announcement = *on)?;
            NodeBuilder::new(if *on {
                "announcement"
            } else {
                "not_announcement"
            })
            .build()
        }
        Change::Approval(on) => {
            edit(world, id, |group| group.settings.approval = *on)?;
            info::approval_mode(*on)
        }
        Change::AdminsAdd(on) => {
            edit(world, id, |group| group.settings.admins_add = *on)?;
            info::add_mode(*on)
        }
        Change::Ephemeral(seconds) => {
            edit(world, id, |group| group.settings.ephemeral_s = *seconds)?;
            info::ephemeral(*seconds)
        }
        Change::Invite => {
            let invite = new_invite(world);
            edit(world, id, |group| group.invite.clone_from(&invite))?;
            NodeBuilder::new("revoke").build()
        }
        Change::Add(_)
        | Change::Remove(_)
        | Change::Promote(_)
        | Change::Demote(_)
        | Change::Leave => return Err(Refusal::INTERNAL),
    };
    let everybody = everybody(world, id);
    announce(world, id, by, &everybody, vec![node]);
    Ok(())
}
