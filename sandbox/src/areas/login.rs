//! From a finished handshake to a device that listens: `<success>`, the queue it missed, and every way out.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::{faults, pairing, presence, trust};
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::noise::Established;
use crate::stanza::{Refusal, iq_result};
use crate::world::World;
use crate::world::live::{Backlog, ConnId, Out, Stage};

pub(crate) fn register(table: &mut HandlerTable) {
    table.iq("passive", "active", active);
    table.iq("passive", "passive", |_, _, _| Answer::empty());
    table.iq("abt", "props", props);
    // `<ib>` carries hints (unified session, dirty bits) that ask for no answer.
    table.stanza("ib", |_, _, _| Ok(()));
}

/// The handshake is done: a payload with a user name is a login, one without asks to be linked.
pub(crate) fn open(
    world: &mut World,
    tx: mpsc::Sender<Out>,
    more: Arc<Notify>,
    established: &Established,
) -> ConnId {
    let Some(username) = established.payload.username else {
        return pairing::open(world, tx, more, established);
    };
    let device = u16::try_from(established.payload.device.unwrap_or(0)).unwrap_or(0);
    let key = Pn(username).device(device);
    let known = world
        .devices
        .get(&key)
        .is_some_and(|d| d.noise.0 == established.client_static);
    if !known {
        let failure = faults::failure(401).build();
        return refuse(world, tx, more, &failure);
    }
    if let Some(failure) = faults::login_refusal(world, key) {
        return refuse(world, tx, more, &failure);
    }
    replace(world, key);
    let stage = Stage::Device {
        key,
        backlog: Backlog::NotAsked,
    };
    let conn = world.live.open(tx, more, stage);
    world.counters.logins += 1;
    let now_ms = world.now_ms;
    if let Some(row) = world.devices.get_mut(&key) {
        row.last_login_ms = Some(now_ms);
    }
    let success = NodeBuilder::new("success")
        .attr("t", world.now_s().to_string())
        .attr("props", "27")
        .attr("location", "loc")
        .attr("lid", world.lid_jid(key))
        .build();
    world.send(conn, &success);
    conn
}

/// A device that may not come in: never linked, no longer linked, or banned.
fn refuse(world: &mut World, tx: mpsc::Sender<Out>, more: Arc<Notify>, failure: &Node) -> ConnId {
    let conn = world.live.open(tx, more, Stage::Pairing(Box::default()));
    world.send(conn, failure);
    world.live.close(conn);
    conn
}

/// One connection per device: the newer one wins and the older one is told.
fn replace(world: &mut World, key: DeviceKey) {
    if let Some(older) = world.live.conn_of(key) {
        world.counters.replaced += 1;
        world.send(older, &conflict("replaced"));
        world.live.close(older);
    }
}

/// `<stream:error><conflict type=…/></stream:error>`.
pub(crate) fn conflict(kind: &'static str) -> Node {
    let child = NodeBuilder::new("conflict").attr("type", kind).build();
    NodeBuilder::new("stream:error").children([child]).build()
}

/// `<stream:error code=…/>`.
pub(crate) fn stream_error(code: u16) -> Node {
    NodeBuilder::new("stream:error")
        .attr("code", code.to_string())
        .build()
}

/// The socket is gone.
pub(crate) fn closed(world: &mut World, conn: ConnId) {
    world.live.closed(conn);
    faults::closed(world, conn);
    presence::disconnected(world, conn);
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an IQ handler may refuse, this one never does"
)]
fn active(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    world.send(client.conn, &iq_result(node, Vec::new()));
    world.start_flush(client.conn, client.device);
    Ok(Answer::Sent)
}

/// Experiments: what testers have switched on, and nothing new until tomorrow.
fn props(world: &mut World, _: Client, _: &Node) -> Result<Answer, Refusal> {
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "sandbox")
        .attr("hash", "sandbox")
        .attr("refresh", "86400")
        .attr("refresh_id", "1")
        .children(trust::props(world));
    Answer::node(props.build())
}
