//! Control: what there is.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use super::{ControlError, Reply, timestamp};
use crate::areas::faults;
use crate::hub::Hub;
use crate::jids::{DeviceKey, Pn};
use crate::world::World;
use crate::world::live::Stage;

pub(super) fn routes() -> Router<Hub> {
    Router::new().route("/state", get(state))
}

async fn state(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    let root_key = hex::encode(hub.keys().root_public);
    let body = hub.with(|world| {
        let numbers: Vec<Pn> = world.accounts.iter().map(|(pn, _)| *pn).collect();
        let phones: Vec<Value> = numbers
            .into_iter()
            .map(|pn| phone_json(world, pn))
            .collect();
        let counters = world.counters;
        json!({
            "phones": phones,
            "waiting": waiting(world),
            "faults": faults::state_json(world),
            "counters": {
                "frames": counters.frames,
                "logins": counters.logins,
                "live_sockets": world.live.conns.len(),
                "replaced": counters.replaced,
                "counter_reuse": counters.counter_reuse,
            },
            "root_key": root_key,
        })
    })?;
    Ok(Reply::ok(body))
}

/// One person with the linked devices and their queues.
pub(super) fn phone_json(world: &World, pn: Pn) -> Value {
    let Some(account) = world.accounts.get(&pn) else {
        return Value::Null;
    };
    let devices: Vec<Value> = world
        .devices_of(pn)
        .into_iter()
        .filter(|key| !key.is_phone())
        .map(|key| device_json(world, key))
        .collect();
    json!({
        "number": pn.to_string(),
        "lid": world.lid_jid(pn.phone()).to_string(),
        "name": account.name,
        "devices": devices,
    })
}

fn device_json(world: &World, key: DeviceKey) -> Value {
    json!({
        "device": key.device,
        "jid": key.pn_jid().to_string(),
        "connected": world.live.conn_of(key).is_some(),
        "queued": world.queued(key),
        "prekeys": world.prekeys.range((key, 0)..=(key, u32::MAX)).count(),
        "linked_at": world.devices.get(&key).map(|d| timestamp(d.linked_ms)),
        "last_login_at": world.devices.get(&key).and_then(|d| d.last_login_ms).map(timestamp),
    })
}

/// Sockets that show a QR code, with the ref that is on show now.
fn waiting(world: &World) -> Vec<Value> {
    let mut waiting: Vec<_> = world
        .live
        .conns
        .iter()
        .filter_map(|(conn, open)| {
            let Stage::Pairing(socket) = &open.stage else {
                return None;
            };
            let current = socket.refs.iter().find(|r| world.now_ms <= r.expires_ms)?;
            let entry = json!({
                "ref": current.value,
                "push_name": socket.push_name,
                "since": timestamp(socket.since_ms),
            });
            Some((*conn, entry))
        })
        .collect();
    waiting.sort_by_key(|(conn, _)| *conn);
    waiting.into_iter().map(|(_, entry)| entry).collect()
}
