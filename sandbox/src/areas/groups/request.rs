//! Changes that a device asks for.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};

use super::book::{Place, Settings};
use super::change::{self, Change, NewGroup, Outcome};
use super::query::{addressed, find};
use super::{community, info};
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{self, Refusal, attr, child, children, jid};
use crate::world::World;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:g2", "create", create);
    table.iq("w:g2", "leave", leave);
    table.iq("w:g2", "add", |w, c, n| {
        members(w, c, n, "add", Change::Add)
    });
    table.iq("w:g2", "remove", |w, c, n| {
        members(w, c, n, "remove", Change::Remove)
    });
    table.iq("w:g2", "promote", |w, c, n| {
        members(w, c, n, "promote", Change::Promote)
    });
    table.iq("w:g2", "demote", |w, c, n| {
        members(w, c, n, "demote", Change::Demote)
    });
    table.iq("w:g2", "subject", subject);
    table.iq("w:g2", "description", description);
    table.iq("w:g2", "ephemeral", ephemeral);
    table.iq("w:g2", "not_ephemeral", |w, c, n| {
        set(w, c, n, &Change::Ephemeral(0))
    });
    table.iq("w:g2", "locked", |w, c, n| {
        set(w, c, n, &Change::Locked(true))
    });
    table.iq("w:g2", "unlocked", |w, c, n| {
        set(w, c, n, &Change::Locked(false))
    });
    table.iq("w:g2", "announcement", |w, c, n| {
        set(w, c, n, &Change::Announcement(true))
    });
    table.iq("w:g2", "not_announcement", |w, c, n| {
        set(w, c, n, &Change::Announcement(false))
    });
    table.iq("w:g2", "membership_approval_mode", approval_mode);
    table.iq("w:g2", "member_add_mode", add_mode);
}

fn set(world: &mut World, client: Client, node: &Node, change: &Change) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    change::apply(world, &id, client.device.pn, change)?;
    Answer::empty()
}

/// The people that an action names: their address as it was given, and who they are.
pub(super) fn named(world: &mut World, action: &Node) -> Vec<(Jid, Option<Pn>)> {
    let participants = children(action).iter().filter(|c| c.tag == "participant");
    let addresses: Vec<(Jid, Option<Jid>)> = participants
        .filter_map(|p| Some((jid(p, "jid")?, jid(p, "phone_number"))))
        .collect();
    addresses
        .into_iter()
        .map(|(address, number)| {
            let person = world.resolve(&address);
            let person = person.or_else(|| world.resolve(&number?));
            (address, person.map(|key| key.pn))
        })
        .collect()
}

/// `<participant jid type="200"/>`, or `error=…`.
pub(super) fn outcome_node(world: &World, outcome: &Outcome) -> Node {
    let node = info::participant(world, outcome.pn, None);
    with_status(node, outcome.status)
}

fn with_status(mut node: Node, status: u16) -> Node {
    let name = if status == 200 { "type" } else { "error" };
    node.attrs.insert(name, status.to_string());
    node
}

/// Who is not on WhatsApp.
pub(super) fn nobody_node(address: &Jid) -> Node {
    with_status(
        NodeBuilder::new("participant").attr("jid", address).build(),
        404,
    )
}

fn members(
    world: &mut World,
    client: Client,
    node: &Node,
    tag: &'static str,
    change: fn(Vec<Pn>) -> Change,
) -> Result<Answer, Refusal> {
    let id = addressed(world, node)?;
    let action = child(node, tag).ok_or(Refusal::BAD_REQUEST)?;
    let named = named(world, action);
    let people = named.iter().filter_map(|(_, person)| *person).collect();
    let outcomes = change::apply(world, &id, client.device.pn, &change(people))?;
    let mut nodes: Vec<Node> = outcomes.iter().map(|o| outcome_node(world, o)).collect();
    let nobody = named.iter().filter(|(_, person)| person.is_none());
    nodes.extend(nobody.map(|(address, _)| nobody_node(address)));
    Answer::node(NodeBuilder::new(tag).children(nodes).build())
}

fn create(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let create = child(node, "create").ok_or(Refusal::BAD_REQUEST)?;
    let subject = attr(create, "subject").ok_or(Refusal::BAD_REQUEST)?;
    let me = client.device.pn;
    let people: Vec<Pn> = named(world, create)
        .into_iter()
        .filter_map(|(_, pn)| pn)
        .collect();
    let settings = Settings {
        locked: child(create, "locked").is_some(),
        announcement: child(create, "announcement").is_some(),
        approval: child(create, "membership_approval_mode").is_some_and(is_on),
        admins_add: child(create, "member_add_mode").is_some_and(|m| text(m) == "admin_add"),
        ephemeral_s: child(create, "ephemeral").map_or(Ok(0), seconds)?,
    };
    let new = NewGroup {
        subject: &subject,
        others: &people,
        settings,
        place: Place::Alone,
    };
    let id = community::create_asked(world, me, create, new)?;
    if let Some(description) = child(create, "description") {
        let text_id = attr(description, "id").unwrap_or_default().into_owned();
        let body = child(description, "body").map(text);
        change::apply(world, &id, me, &Change::Description(text_id, body))?;
    }
    let group = find(world, &id)?;
    Answer::node(info::group_node(world, &id, group))
}

fn leave(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let leave = child(node, "leave").ok_or(Refusal::BAD_REQUEST)?;
    let groups: Vec<Jid> = children(leave)
        .iter()
        .filter_map(|group| jid(group, "id"))
        .collect();
    if groups.is_empty() || !groups.iter().all(Jid::is_group) {
        return Err(Refusal::BAD_REQUEST);
    }
    let mut left = Vec::new();
    for group in groups {
        change::apply(world, group.user.as_ref(), client.device.pn, &Change::Leave)?;
        left.push(NodeBuilder::new("group").attr("id", group).build());
    }
    Answer::node(NodeBuilder::new("leave").children(left).build())
}

fn subject(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let subject = child(node, "subject")
        .map(text)
        .ok_or(Refusal::BAD_REQUEST)?;
    set(world, client, node, &Change::Subject(subject))
}

fn description(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let new = child(node, "description").ok_or(Refusal::BAD_REQUEST)?;
    let id = addressed(world, node)?;
    // A text written on top of one that is gone by now is refused.
    let now = find(world, &id)?
        .description
        .as_ref()
        .map(|d| d.id.as_str());
    if let Some(prev) = attr(new, "prev")
        && now.is_some_and(|now| now != prev)
    {
        return Err(Refusal {
            code: 409,
            text: "conflict",
        });
    }
    let text_id = attr(new, "id").ok_or(Refusal::BAD_REQUEST)?.into_owned();
    let body = child(new, "body").map(text);
    set(world, client, node, &Change::Description(text_id, body))
}

fn ephemeral(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let ephemeral = child(node, "ephemeral").ok_or(Refusal::BAD_REQUEST)?;
    let seconds = seconds(ephemeral)?;
    set(world, client, node, &Change::Ephemeral(seconds))
}

fn approval_mode(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let on = child(node, "membership_approval_mode").is_some_and(is_on);
    set(world, client, node, &Change::Approval(on))
}

fn add_mode(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let mode = child(node, "member_add_mode")
        .map(text)
        .ok_or(Refusal::BAD_REQUEST)?;
    let admins_add = match mode.as_str() {
        "admin_add" => true,
        "all_member_add" => false,
        _ => return Err(Refusal::BAD_REQUEST),
    };
    set(world, client, node, &Change::AdminsAdd(admins_add))
}

fn is_on(mode: &Node) -> bool {
    child(mode, "group_join")
        .and_then(|join| attr(join, "state"))
        .is_some_and(|s| s == "on")
}

fn seconds(ephemeral: &Node) -> Result<u32, Refusal> {
    let seconds = attr(ephemeral, "expiration").and_then(|s| s.parse().ok());
    seconds.ok_or(Refusal::BAD_REQUEST)
}

fn text(node: &Node) -> String {
    String::from_utf8_lossy(&stanza::bytes(node).unwrap_or_default()).into_owned()
}
