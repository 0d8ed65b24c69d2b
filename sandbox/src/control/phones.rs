//! Control: people.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;

use super::state::phone_json;
use super::{Body, ControlError, Reply, person};
use crate::areas::app_state;
use crate::hub::Hub;

pub(super) fn routes() -> Router<Hub> {
    Router::new().route("/phones", post(create))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPhone {
    number: String,
    name: Option<String>,
}

/// Makes a person, or renames one that exists: creating is idempotent.
async fn create(State(hub): State<Hub>, Body(body): Body<NewPhone>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &body.number)?;
        if let Some(name) = body.name
            && let Some(account) = world.accounts.get_mut(&pn)
        {
            account.name = name;
            app_state::name_changed(world, pn);
        }
        Ok(Reply::created(phone_json(world, pn)))
    })?
}
