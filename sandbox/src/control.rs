//! The control API below `/sandbox`: plays the people behind the phones and shows the state.
//!
//! Owns the answers' shape (`{code,detail}` for errors), the body extractor and the routes that belong to no area.
//! Called over HTTP by tests, the console's phone panel and `wharf demo`.

mod phones;
mod reply;
mod state;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::areas;
use crate::hub::Hub;
use crate::jids::Pn;
use crate::world::World;

pub(crate) use reply::{Body, ControlError, Params, Reply, timestamp};

/// Media arrives as base64 inside JSON.
const BODY_LIMIT_BYTES: usize = 96 * 1024 * 1024;

/// Everything below `/sandbox`.
pub(crate) fn router() -> Router<Hub> {
    Router::new()
        .merge(state::routes())
        .merge(phones::routes())
        .merge(areas::routes())
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .fallback(async || ControlError::not_found("no_such_route", "no such route"))
        .method_not_allowed_fallback(async || {
            let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
            ControlError::new(
                status,
                "method_not_allowed",
                "this route takes another method",
            )
        })
}

/// The person of a path or body: exists on demand, except for numbers that end in 000.
pub(crate) fn person(world: &mut World, number: &str) -> Result<Pn, ControlError> {
    let pn = Pn::parse(number).ok_or_else(|| {
        ControlError::unprocessable(
            "bad_number",
            "a number has 5 to 15 digits and no leading zero",
        )
    })?;
    match world.person(pn) {
        Some(_) => Ok(pn),
        None => Err(ControlError::not_found(
            "not_on_whatsapp",
            "this number is not on WhatsApp",
        )),
    }
}
