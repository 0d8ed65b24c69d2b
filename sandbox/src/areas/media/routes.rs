//! Control: the person looks at the media of a message, or WhatsApp drops it.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::again::drop_file;
use super::{Sealed, opened, sealed};
use crate::areas::phone::view::unwrap;
use crate::control::{ControlError, Params, Reply, person};
use crate::hub::Hub;
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route(
        "/phones/{number}/messages/{id}/media",
        get(show).delete(drop_it),
    )
}

/// Whose copies go.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those of the phones, too: nobody can put it up again.
    everywhere: bool,
}

async fn drop_it(
    State(hub): State<Hub>,
    Path((number, id)): Path<(String, String)>,
    Params(wanted): Params<Wanted>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let sealed = of_message(world, &number, &id)?;
        drop_file(world, &sealed, wanted.everywhere);
        Ok(Reply::ok(json!({ "dropped": true })))
    })?
}

fn of_message(world: &mut World, number: &str, id: &str) -> Result<Sealed, ControlError> {
    let pn = person(world, number)?;
    let entry = world.areas.phone.log.find(pn, id);
    let found = entry.and_then(|entry| sealed(unwrap(&entry.message())));
    found.ok_or_else(|| {
        ControlError::not_found("no_media", "this phone has no such message with media")
    })
}

async fn show(
    State(hub): State<Hub>,
    Path((number, id)): Path<(String, String)>,
) -> Result<Response, ControlError> {
    let sealed = hub.with(|world| of_message(world, &number, &id))??;
    match opened(&hub, &sealed).await {
        Ok(plain) => {
            let kind = [(header::CONTENT_TYPE, sealed.mimetype)];
            Ok((kind, plain).into_response())
        }
        Err(fault) => Err(ControlError::unprocessable(
            "cannot_open",
            &fault.to_string(),
        )),
    }
}
