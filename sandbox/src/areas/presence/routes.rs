//! Control: a person takes the phone up or puts it down, and sees who types.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::set;
use crate::control::{Body, ControlError, Reply, person, timestamp};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route("/phones/{number}/presence", get(show).post(change))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    available: bool,
}

async fn change(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Change>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        set(world, pn.phone(), body.available);
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn show(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

/// The person as others see them, and what the phone shows of others.
fn view(world: &World, pn: Pn) -> Value {
    let presences = &world.areas.presence;
    let typing: Vec<Value> = presences
        .typing
        .iter()
        .filter(|((phone, _, _), _)| *phone == pn)
        .map(|((_, chat, who), state)| json!({ "chat": chat, "from": who.to_string(), "state": state }))
        .collect();
    json!({
        "available": presences.is_online(pn),
        "last_seen": presences.last_seen.get(&pn).map(|at_s| timestamp(at_s * 1000)),
        "typing": typing,
    })
}
