//! Faults: what goes wrong on purpose, for whom, how often.
//!
//! Owns the rules and the three places where they strike: a stanza comes in ([`incoming`]), a stanza goes out
//! ([`outgoing`]), a device logs in ([`login_refusal`]). A rule never changes the world by itself: it decides what the frame
//! does with one stanza. Called by the hub, by `World::send`, by the login and by a phone that scans.

mod routes;
mod rule;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::login::{conflict, stream_error};
use super::pairing;
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{self, Refusal, attr, jid};
use crate::store::{Persist, Table};
use crate::world::World;
use crate::world::live::ConnId;

pub(crate) use routes::{routes, state_json};
use rule::{Kind, Rule, StreamEnd, Victim};

const RATE_OVERLIMIT: Refusal = Refusal {
    code: 429,
    text: "rate-overlimit",
};

/// The rules, oldest first, and stanzas that wait to be overtaken.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Table<u64, Rule>,
    /// The stanza that the next one to this connection overtakes. Not kept: a lost connection loses it, and the
    /// device's queue still has it.
    held: BTreeMap<ConnId, Vec<u8>>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            rules: Table::new("faults"),
            held: BTreeMap::new(),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.rules]
    }
}

/// The first rule that wants this opportunity: counts it, rolls the dice, and strikes or not.
fn strike(world: &mut World, victim: Victim, wanted: impl Fn(&Kind) -> bool) -> Option<Kind> {
    let rules = &world.areas.faults.rules;
    let ids: Vec<u64> = rules
        .iter()
        .filter(|(_, rule)| rule.target.covers(victim) && wanted(&rule.kind))
        .map(|(id, _)| *id)
        .collect();
    for id in ids {
        let rule = world.areas.faults.rules.get(&id)?;
        if !rule.is_live() {
            continue;
        }
        let waits = rule.after > 0;
        if !waits && rule.probability < 1.0 && !world.rng.random_bool(rule.probability) {
            continue;
        }
        let rule = world.areas.faults.rules.get_mut(&id)?;
        if waits {
            rule.after -= 1;
        } else {
            rule.strikes += 1;
            return Some(rule.kind);
        }
    }
    None
}

/// A stanza arrives. Returns whether it goes on to its handler.
pub(crate) fn incoming(world: &mut World, conn: ConnId, node: &Node) -> bool {
    if world.areas.faults.rules.iter().next().is_none() {
        return true;
    }
    let victim = Victim(world.live.device_of(conn));
    let Some(kind) = strike(world, victim, |kind| kind.strikes_incoming(node)) else {
        return true;
    };
    match kind {
        Kind::Drop => world.live.cut(conn),
        Kind::StreamError { end } => end_stream(world, conn, end),
        Kind::Nack { code } => {
            let refusal = Refusal {
                code,
                text: "injected",
            };
            refuse(world, conn, node, refusal);
        }
        Kind::RateLimit => refuse(world, conn, node, RATE_OVERLIMIT),
        // What a deaf server hears, and a receipt that is lost, leave no trace.
        _ => {}
    }
    false
}

fn refuse(world: &mut World, conn: ConnId, node: &Node, refusal: Refusal) {
    let answer = if node.tag == "iq" {
        stanza::iq_error(node, refusal)
    } else {
        stanza::ack(node, world.now_s(), Some(refusal))
    };
    world.send(conn, &answer);
}

fn end_stream(world: &mut World, conn: ConnId, end: StreamEnd) {
    let node = match end {
        StreamEnd::Code(code) => stream_error(code),
        StreamEnd::Replaced => conflict("replaced"),
        StreamEnd::DeviceRemoved => conflict("device_removed"),
    };
    world.send(conn, &node);
    world.live.close(conn);
}

/// What happens to one stanza on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    Lost,
    Twice,
    Delayed(Duration),
    /// Behind the next stanza to the same connection.
    Overtaken,
}

/// A stanza leaves for a connection.
pub(crate) fn outgoing(world: &mut World, conn: ConnId, node: &Node) -> Fate {
    if world.areas.faults.rules.iter().next().is_none() {
        return Fate::Sent;
    }
    let victim = Victim(world.live.device_of(conn));
    match strike(world, victim, |kind| kind.strikes_outgoing(node)) {
        Some(Kind::Deaf) => Fate::Lost,
        Some(Kind::Duplicate) => Fate::Twice,
        Some(Kind::Delay { ms }) => Fate::Delayed(Duration::from_millis(ms)),
        Some(Kind::Reorder) => Fate::Overtaken,
        _ => Fate::Sent,
    }
}

/// A receipt is about to be queued for a device: true if it is lost on account of the phone that wrote it. Those of
/// linked devices are lost on their way in.
pub(crate) fn receipt_is_lost(world: &mut World, node: &Node) -> bool {
    if world.areas.faults.rules.iter().next().is_none() || !is_receipt(node) {
        return false;
    }
    let author = jid(node, "participant").or_else(|| jid(node, "from"));
    let author = author
        .and_then(|author| world.resolve(&author))
        .filter(|key| key.is_phone());
    author.is_some_and(|author| {
        strike(world, Victim(Some(author)), |kind| {
            matches!(kind, Kind::LoseReceipts)
        })
        .is_some()
    })
}

/// Keeps a frame back until the next one to the same connection; gives it back if one is kept already.
pub(crate) fn hold(world: &mut World, conn: ConnId, frame: Vec<u8>) -> Result<(), Vec<u8>> {
    let held = &mut world.areas.faults.held;
    if held.contains_key(&conn) {
        return Err(frame);
    }
    held.insert(conn, frame);
    Ok(())
}

/// The frame that the one just sent has overtaken.
pub(crate) fn overtaken(world: &mut World, conn: ConnId) -> Option<Vec<u8>> {
    world.areas.faults.held.remove(&conn)
}

/// A connection is gone, and what was held back for it.
pub(crate) fn closed(world: &mut World, conn: ConnId) {
    world.areas.faults.held.remove(&conn);
}

/// A device logs in: `<failure>` if it may not.
pub(crate) fn login_refusal(world: &mut World, device: DeviceKey) -> Option<Node> {
    let victim = Victim(Some(device));
    strike(world, victim, Kind::refuses_login).and_then(Kind::failure)
}

/// A phone scans a QR code: true if it finds the code expired.
pub(crate) fn scan_is_late(world: &mut World, pn: Pn) -> bool {
    let victim = Victim(Some(pn.phone()));
    strike(world, victim, |kind| matches!(kind, Kind::ExpireQr)).is_some()
}

/// A new rule may concern who is connected already: these do not wait for the next stanza.
fn strike_now(world: &mut World, id: u64) {
    let Some(rule) = world.areas.faults.rules.get(&id) else {
        return;
    };
    let at_once = rule.kind.strikes_at_once() && rule.after == 0 && rule.probability >= 1.0;
    let (target, kind) = (rule.target, rule.kind);
    if !at_once {
        return;
    }
    let mut conns: Vec<ConnId> = world.live.conns.keys().copied().collect();
    conns.sort_unstable();
    for conn in conns {
        let live = world.areas.faults.rules.get(&id).is_some_and(Rule::is_live);
        if !live || !target.covers(Victim(world.live.device_of(conn))) {
            continue;
        }
        match (kind, kind.failure()) {
            (Kind::Drop, _) => world.live.cut(conn),
            (Kind::StreamError { end }, _) => end_stream(world, conn, end),
            (Kind::ExpireQr, _) if pairing::run_out_of_codes(world, conn) => {}
            (Kind::ExpireQr, _) => continue,
            (_, Some(failure)) => {
                world.send(conn, &failure);
                world.live.close(conn);
            }
            _ => {}
        }
        if let Some(rule) = world.areas.faults.rules.get_mut(&id) {
            rule.strikes += 1;
        }
    }
}

/// `<failure reason=…>`, as a login is refused.
pub(crate) fn failure(reason: u16) -> NodeBuilder {
    NodeBuilder::new("failure")
        .attr("reason", reason.to_string())
        .attr("location", "loc")
}

/// Whether a stanza is one that a device has to acknowledge.
fn is_queued_class(node: &Node) -> bool {
    matches!(
        node.tag.as_ref(),
        "message" | "receipt" | "notification" | "call"
    )
}

/// A confirmation. One that asks for a retry is none: losing it would lose a message.
fn is_receipt(node: &Node) -> bool {
    node.tag == "receipt" && attr(node, "type").is_none_or(|kind| kind != "retry")
}
