//! Privacy settings: one value for each category.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, attr, child, children};
use crate::world::World;

/// Each category, what it may be, the default first.
const CATEGORIES: [(&str, &[&str]); 9] = [
    ("last", &["all", "contacts", "contact_blacklist", "none"]),
    ("online", &["all", "match_last_seen"]),
    ("profile", &["all", "contacts", "contact_blacklist", "none"]),
    ("status", &["all", "contacts", "contact_blacklist", "none"]),
    (
        "groupadd",
        &["all", "contacts", "contact_blacklist", "none"],
    ),
    ("readreceipts", &["all", "none"]),
    ("calladd", &["all", "known"]),
    ("messages", &["all", "contacts"]),
    ("defense", &["off", "on_standard"]),
];

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("privacy", "privacy", privacy);
}

fn privacy(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let pn = client.device.pn;
    let request = child(node, "privacy").ok_or(Refusal::BAD_REQUEST)?;
    if attr(node, "type").is_some_and(|kind| kind == "set") {
        return set(world, pn, request);
    }
    let categories: Vec<Node> = all(world, pn)
        .map(|(name, value)| category(name, value))
        .collect();
    Answer::node(NodeBuilder::new("privacy").children(categories).build())
}

fn set(world: &mut World, pn: Pn, request: &Node) -> Result<Answer, Refusal> {
    let mut wanted = Vec::new();
    for node in children(request) {
        let (Some(name), Some(value)) = (attr(node, "name"), attr(node, "value")) else {
            return Err(Refusal::BAD_REQUEST);
        };
        let (name, values) = CATEGORIES
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or(Refusal::BAD_REQUEST)?;
        let value = values
            .iter()
            .find(|v| **v == value)
            .ok_or(Refusal::BAD_REQUEST)?;
        wanted.push((name, *value));
    }
    for (name, value) in &wanted {
        let settings = &mut world.areas.profile.privacy;
        settings.insert((pn, (*name).to_owned()), (*value).to_owned());
    }
    let categories = wanted
        .into_iter()
        .map(|(name, value)| category(name, value));
    Answer::node(NodeBuilder::new("privacy").children(categories).build())
}

fn category(name: &str, value: &str) -> Node {
    NodeBuilder::new("category")
        .attr("name", name)
        .attr("value", value)
        .build()
}

/// A person's settings.
pub(super) fn all(world: &World, pn: Pn) -> impl Iterator<Item = (&'static str, &str)> {
    CATEGORIES.into_iter().map(move |(name, values)| {
        let kept = world.areas.profile.privacy.get(&(pn, name.to_owned()));
        (name, kept.map_or(values[0], String::as_str))
    })
}

fn setting<'a>(world: &'a World, pn: Pn, name: &str) -> &'a str {
    all(world, pn)
        .find(|(known, _)| *known == name)
        .map_or("all", |(_, value)| value)
}

/// The person tells nobody when they were last there. (Who is whose contact is not known to the server.)
pub(crate) fn hides_last_seen(world: &World, pn: Pn) -> bool {
    setting(world, pn, "last") == "none"
}

/// Nor that they are there now.
pub(crate) fn hides_online(world: &World, pn: Pn) -> bool {
    setting(world, pn, "online") == "match_last_seen" && hides_last_seen(world, pn)
}
