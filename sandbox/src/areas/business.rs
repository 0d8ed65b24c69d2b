//! Businesses: the verified name that usync tells, and the profile that `w:biz` gives.
//!
//! Nobody is one until a tester says so.

mod routes;

use buffa::Message as _;
use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp as wa;

use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::Pn;
use crate::stanza::{Refusal, child, children, jid};
use crate::store::{Persist, Table};
use crate::world::World;

pub(super) use routes::routes;

/// Who verifies names.
const ISSUER: &str = "smb:wa";

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:biz", "business_profile", profiles);
}

/// What a business shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Business {
    /// That WhatsApp has verified.
    name: String,
    #[serde(default)]
    description: String,
    address: Option<String>,
    email: Option<String>,
    #[serde(default)]
    websites: Vec<String>,
    #[serde(default)]
    categories: Vec<Category>,
    hours: Option<Hours>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Category {
    id: String,
    name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    timezone: String,
    days: Vec<Opening>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// `mon`, …
    day: String,
    /// `open_24h`, `specific_hours`, `appointment_only`.
    mode: String,
    /// Minutes of the day.
    open: Option<u32>,
    close: Option<u32>,
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    businesses: Table<Pn, Business>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            businesses: Table::new("businesses"),
        }
    }

    pub(crate) fn tables(&mut self) -> [&mut dyn Persist; 1] {
        [&mut self.businesses]
    }
}

/// What usync says about a business: its name, in a certificate.
pub(super) fn about_person(world: &World, pn: Pn) -> Option<Node> {
    let business = world.areas.business.businesses.get(&pn)?;
    let details = wa::verified_name_certificate::Details {
        serial: Some(pn.0),
        issuer: Some(ISSUER.to_owned()),
        verified_name: Some(business.name.clone()),
        ..Default::default()
    };
    let certificate = wa::VerifiedNameCertificate {
        details: Some(details.encode_to_vec()),
        ..Default::default()
    };
    let name = NodeBuilder::new("verified_name")
        .bytes(certificate.encode_to_vec())
        .build();
    Some(NodeBuilder::new("business").children([name]).build())
}

/// The profiles that are asked for; of whoever is no business there is none.
fn profiles(world: &mut World, _: Client, node: &Node) -> Result<Answer, Refusal> {
    let asked = child(node, "business_profile").ok_or(Refusal::BAD_REQUEST)?;
    let mut profiles = Vec::new();
    for profile in children(asked) {
        let address = jid(profile, "jid").ok_or(Refusal::BAD_REQUEST)?;
        let Some(person) = world.resolve(&address) else {
            continue;
        };
        if let Some(business) = world.areas.business.businesses.get(&person.pn) {
            let profile = NodeBuilder::new("profile").attr("jid", address);
            profiles.push(profile.children(shown(business)).build());
        }
    }
    Answer::node(
        NodeBuilder::new("business_profile")
            .attr("v", "244")
            .children(profiles)
            .build(),
    )
}

fn shown(business: &Business) -> Vec<Node> {
    // As bytes: a text with an @ would be taken for an address.
    let text = |tag: &'static str, text: &str| NodeBuilder::new(tag).bytes(text.as_bytes()).build();
    let mut shown = vec![text("description", &business.description)];
    let address = business.address.iter().map(|a| text("address", a));
    let email = business.email.iter().map(|e| text("email", e));
    let websites = business.websites.iter().map(|w| text("website", w));
    shown.extend(address.chain(email).chain(websites));
    let categories = business.categories.iter().map(|category| {
        NodeBuilder::new("category")
            .attr("id", category.id.as_str())
            .bytes(category.name.as_bytes())
            .build()
    });
    shown.push(NodeBuilder::new("categories").children(categories).build());
    shown.extend(business.hours.iter().map(hours));
    shown
}

fn hours(hours: &Hours) -> Node {
    let days = hours.days.iter().map(|day| {
        let mut node = NodeBuilder::new("business_hours_config")
            .attr("day_of_week", day.day.as_str())
            .attr("mode", day.mode.as_str());
        for (name, at) in [("open_time", day.open), ("close_time", day.close)] {
            if let Some(at) = at {
                node = node.attr(name, at.to_string());
            }
        }
        node.build()
    });
    NodeBuilder::new("business_hours")
        .attr("timezone", hours.timezone.as_str())
        .children(days)
        .build()
}
