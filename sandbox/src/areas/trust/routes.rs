//! Control: whether strangers are refused, what devices are told of it, and a person's salt.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rules, make_salt};
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::world::World;

pub(in crate::areas) fn routes() -> Router<Hub> {
    Router::new()
        .route("/privacy-tokens", get(show).put(set))
        .route("/phones/{number}/salt", post(salt))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRules {
    required: bool,
    /// Devices hear of these two at their next login.
    #[serde(default)]
    shown: bool,
    #[serde(default)]
    salted: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Salt {
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    /// With the past, to whoever is linked from now on.
    History,
    /// To every device.
    AppState,
}

async fn set(State(hub): State<Hub>, Body(body): Body<NewRules>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let rules = Rules {
            required: body.required,
            shown: body.shown,
            salted: body.salted,
        };
        world.areas.trust.rules.insert(0, rules);
        Ok(Reply::ok(view(world)))
    })?
}

async fn show(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    hub.with(|world| Ok(Reply::ok(view(world))))?
}

async fn salt(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Salt>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        make_salt(world, pn, body.by == By::AppState);
        Ok(Reply::ok(json!({})))
    })?
}

/// The rules, and who trusts whom.
fn view(world: &World) -> Value {
    let rules = world.areas.trust.rules();
    let tokens = world.areas.trust.tokens.iter();
    let tokens: Vec<Value> = tokens
        .map(|((from, to), token)| {
            json!({ "from": from.to_string(), "to": to.to_string(), "t": token.at })
        })
        .collect();
    json!({
        "required": rules.required,
        "shown": rules.shown,
        "salted": rules.salted,
        "tokens": tokens,
    })
}
