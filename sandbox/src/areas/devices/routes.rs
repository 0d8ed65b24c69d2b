//! Control: the person removes a linked device.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use super::unlink;
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::jids::DeviceKey;

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route("/phones/{number}/unlink", post(unlink_devices))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unlink {
    /// Without it every linked device is removed.
    device: Option<u16>,
}

async fn unlink_devices(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Unlink>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let linked = world
            .devices_of(pn)
            .into_iter()
            .filter(|key| !key.is_phone());
        let gone: Vec<DeviceKey> = linked
            .filter(|key| body.device.is_none_or(|device| device == key.device))
            .collect();
        if gone.is_empty() {
            return Err(ControlError::conflict(
                "no_such_device",
                "this phone has no such linked device",
            ));
        }
        for key in &gone {
            unlink(world, *key);
        }
        let removed: Vec<u16> = gone.iter().map(|key| key.device).collect();
        Ok(Reply::ok(json!({ "removed": removed })))
    })?
}
