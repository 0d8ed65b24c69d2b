//! Who may write to whom: privacy tokens, and the refusal of a stranger who has none (463).
//!
//! Off until a tester switches it on. Whoever writes to somebody trusts them: the device says so with `<tokens>`, the
//! server makes a token and relays it, and the other side shows it with its messages. Who has none may show what only an
//! account with the salt can compute, as a known contact of nobody yet.

mod routes;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use wacore::iq::abprops::{AbProp, web};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::app_state;
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, attr, child, child_bytes, children, jid};
use crate::store::{Blob, Persist, Table};
use crate::world::World;

pub(super) use routes::routes;

/// How long a token is good, in seconds: four buckets of a week.
const TOKEN_LIFE_S: u64 = 4 * 604_800;

/// A stranger without a token.
const REACH_OUT: Refusal = Refusal {
    code: 463,
    text: "reach-out-timelocked",
};

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("privacy", "tokens", issue);
}

/// What a tester has switched.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Rules {
    /// Messages to people that do not trust the writer are refused.
    required: bool,
    /// Devices are told to show the tokens that they have.
    shown: bool,
    /// Devices are told to fall back on the salt.
    salted: bool,
}

/// That one person trusts another.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    bytes: Blob,
    /// Seconds.
    at: u64,
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    rules: Table<u8, Rules>,
    /// (who trusts, whom).
    tokens: Table<(Pn, Pn), Token>,
    salts: Table<Pn, Blob>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            rules: Table::new("trust_rules"),
            tokens: Table::new("trust_tokens"),
            salts: Table::new("trust_salts"),
        }
    }

    pub(crate) fn tables(&mut self) -> [&mut dyn Persist; 3] {
        [&mut self.rules, &mut self.tokens, &mut self.salts]
    }

    fn rules(&self) -> Rules {
        self.rules.get(&0).copied().unwrap_or_default()
    }
}

/// What devices are told at their login.
pub(super) fn props(world: &World) -> Vec<Node> {
    let rules = world.areas.trust.rules();
    let prop = |prop: AbProp, on: bool| {
        on.then(|| {
            NodeBuilder::new("prop")
                .attr("config_code", prop.code.to_string())
                .attr("config_value", "1")
                .build()
        })
    };
    [
        prop(
            web::PRIVACY_TOKEN_SENDING_ON_ALL_1_ON_1_MESSAGES,
            rules.shown,
        ),
        prop(web::WA_NCT_TOKEN_SEND_ENABLED, rules.salted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A device trusts people. The answer holds nothing: the token goes to them.
fn issue(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let tokens = child(node, "tokens").ok_or(Refusal::BAD_REQUEST)?;
    let mut trusted = Vec::new();
    for token in children(tokens) {
        if attr(token, "type").is_none_or(|kind| kind != "trusted_contact") {
            continue;
        }
        let whom = jid(token, "jid").and_then(|jid| world.resolve(&jid));
        let at = attr(token, "t").and_then(|t| t.parse().ok());
        trusted.push((
            whom.ok_or(Refusal::NOT_FOUND)?.pn,
            at.ok_or(Refusal::BAD_REQUEST)?,
        ));
    }
    for (whom, at) in trusted {
        relay(world, client.device.pn, whom, at);
    }
    Answer::empty()
}

/// A phone has written to somebody, whom its person trusts from then on.
pub(crate) fn wrote(world: &mut World, from: Pn, to: Pn) {
    if world.areas.trust.rules().required && from != to {
        let now = world.now_s();
        relay(world, from, to, now);
    }
}

/// Makes the token of one who trusts, and gives it to each device of whom they trust.
fn relay(world: &mut World, from: Pn, to: Pn, at: u64) {
    let bytes = match world.areas.trust.tokens.get(&(from, to)) {
        Some(known) if known.at == at => known.bytes.clone(),
        _ => Blob(world.random::<16>().to_vec()),
    };
    let token = NodeBuilder::new("token")
        .attr("type", "trusted_contact")
        .attr("t", at.to_string())
        .bytes(bytes.0.clone())
        .build();
    world
        .areas
        .trust
        .tokens
        .insert((from, to), Token { bytes, at });
    let notification = NodeBuilder::new("notification")
        .attr("from", from.jid())
        .attr("sender_lid", world.lid_jid(from.phone()))
        .attr("type", "privacy_token")
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children([NodeBuilder::new("tokens").children([token]).build()])
        .build();
    let devices = world.devices_of(to);
    for device in devices.into_iter().filter(|device| !device.is_phone()) {
        world.deliver(device, &notification);
    }
}

/// Whether a message may go from a device to a person.
pub(super) fn admit(world: &World, from: DeviceKey, to: Pn, message: &Node) -> Result<(), Refusal> {
    if !world.areas.trust.rules().required || from.pn == to {
        return Ok(());
    }
    let token = child_bytes(message, "tctoken");
    let known = world.areas.trust.tokens.get(&(to, from.pn));
    if let (Some(token), Some(known)) = (token, known)
        && *token == known.bytes.0
        && world.now_s() <= known.at + TOKEN_LIFE_S
    {
        return Ok(());
    }
    let salted = child_bytes(message, "cstoken");
    let salt = world.areas.trust.salts.get(&from.pn);
    if let (Some(salted), Some(salt)) = (salted, salt)
        && by_salt(salt, &world.lid_jid(to.phone()).to_string()).is_some_and(|own| own == *salted)
    {
        return Ok(());
    }
    Err(REACH_OUT)
}

fn by_salt(salt: &Blob, lid: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&salt.0).ok()?;
    mac.update(lid.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

/// The salt that a phone tells its new devices with the past.
pub(super) fn salt(world: &World, pn: Pn) -> Option<Vec<u8>> {
    world.areas.trust.salts.get(&pn).map(|salt| salt.0.clone())
}

/// The person's phone makes a salt. New devices hear of it with the past; those that are linked only by the app state.
fn make_salt(world: &mut World, pn: Pn, in_app_state: bool) {
    let salt = world.random::<32>().to_vec();
    world.areas.trust.salts.insert(pn, Blob(salt.clone()));
    if in_app_state {
        app_state::salt_made(world, pn, salt);
    }
}
