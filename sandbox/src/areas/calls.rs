//! Calls: who calls whom, and how the called devices take it. No voice is carried.
//!
//! A call is over in a minute, so nothing here survives a restart.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, get};
use serde_json::{Value, json};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::control::{ControlError, Reply, person};
use crate::dispatch::{Client, HandlerTable};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::stanza::{Refusal, ack, attr, child};
use crate::world::World;

/// The calls that there were since the start, by id.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<String, Call>);

#[derive(Debug)]
struct Call {
    from: Pn,
    to: Pn,
    video: bool,
    state: &'static str,
}

pub(crate) fn register(table: &mut HandlerTable) {
    table.stanza("call", signal);
}

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/phones/{number}/calls", get(list))
        .route("/phones/{number}/calls/{id}", delete(hang_up))
}

/// A person calls another.
pub(crate) fn begin(world: &mut World, id: &str, (from, to): (Pn, Pn), video: bool) {
    let call = Call {
        from,
        to,
        video,
        state: "ringing",
    };
    world.areas.calls.0.insert(id.to_owned(), call);
}

/// `<call>` of a linked device: what it does about a call that rings.
fn signal(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let taken = ack(node, world.now_s(), None);
    if let Some(reject) = child(node, "reject") {
        let id = attr(reject, "call-id").ok_or(Refusal::BAD_REQUEST)?;
        let call = world.areas.calls.0.get_mut(id.as_ref());
        let call = call
            .filter(|call| call.to == client.device.pn && call.state == "ringing")
            .ok_or(Refusal::NOT_FOUND)?;
        call.state = "rejected";
    }
    world.send(client.conn, &taken);
    Ok(())
}

async fn list(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let calls = world.areas.calls.0.iter();
        let calls: Vec<Value> = calls
            .filter(|(_, call)| call.from == pn || call.to == pn)
            .map(|(id, call)| {
                json!({
                    "call_id": id,
                    "from": call.from.to_string(),
                    "to": call.to.to_string(),
                    "video": call.video,
                    "state": call.state,
                })
            })
            .collect();
        Ok(Reply::ok(json!({ "data": calls })))
    })?
}

/// The caller gives up.
async fn hang_up(
    State(hub): State<Hub>,
    Path((number, id)): Path<(String, String)>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let call = world.areas.calls.0.get_mut(&id);
        let Some(call) = call.filter(|call| call.from == pn && call.state == "ringing") else {
            let detail = "no such call of this person rings";
            return Err(ControlError::not_found("no_such_call", detail));
        };
        call.state = "ended";
        let to = call.to;
        let from = world.lid_jid(pn.phone());
        let terminate = NodeBuilder::new("terminate")
            .attr("call-id", id.as_str())
            .attr("call-creator", &from)
            .build();
        let devices = world.devices_of(to).into_iter();
        for device in devices.filter(|device| !device.is_phone()) {
            let stanza = NodeBuilder::new("call")
                .attr("from", &from)
                .attr("id", world.new_id())
                .attr("t", world.now_s().to_string())
                .children([terminate.clone()])
                .build();
            world.deliver(device, &stanza);
        }
        Ok(Reply::ok(json!({ "call_id": id, "state": "ended" })))
    })?
}
