//! Control: a person is a business, or no longer.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::put;
use serde_json::json;

use super::Business;
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;

pub(in crate::areas) fn routes() -> Router<Hub> {
    Router::new().route("/phones/{number}/business", put(set).delete(remove))
}

async fn set(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Business>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        world.areas.business.businesses.insert(pn, body);
        Ok(Reply::ok(json!({})))
    })?
}

async fn remove(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        world.areas.business.businesses.remove(&pn);
        Ok(Reply::ok(json!({})))
    })?
}
