//! Control: the person looks at the media of a message.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::{opened, sealed};
use crate::areas::phone::view::unwrap;
use crate::control::{ControlError, person};
use crate::hub::Hub;

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route("/phones/{number}/messages/{id}/media", get(show))
}

async fn show(
    State(hub): State<Hub>,
    Path((number, id)): Path<(String, String)>,
) -> Result<Response, ControlError> {
    let found = hub.with(|world| -> Result<_, ControlError> {
        let pn = person(world, &number)?;
        let entry = world.areas.phone.log.find(pn, &id);
        Ok(entry.and_then(|entry| sealed(unwrap(&entry.message()))))
    })??;
    let sealed = found.ok_or_else(|| {
        ControlError::not_found("no_media", "this phone has no such message with media")
    })?;
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
