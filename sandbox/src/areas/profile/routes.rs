//! Control: a person edits the profile on the phone.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{about, block, picture, privacy, write_about};
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/phones/{number}/profile", get(show))
        .route("/phones/{number}/about", post(set_about))
        .route(
            "/phones/{number}/picture",
            post(set_picture).delete(remove_picture),
        )
        .route("/phones/{number}/block", post(set_block))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPicture {
    base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    number: String,
    blocked: bool,
}

async fn show(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn set_about(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<About>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        write_about(world, pn.phone(), &body.text).map_err(refused)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn set_picture(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<NewPicture>,
) -> Result<Reply, ControlError> {
    let image = BASE64_STANDARD
        .decode(&body.base64)
        .map_err(|_| ControlError::unprocessable("bad_media", "base64 does not decode"))?;
    hub.with(|world| {
        let pn = person(world, &number)?;
        picture::of_person(world, pn.phone(), Some(image)).map_err(refused)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn remove_picture(
    State(hub): State<Hub>,
    Path(number): Path<String>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        picture::of_person(world, pn.phone(), None).map_err(refused)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn set_block(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Block>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let whom = person(world, &body.number)?;
        block::set(world, pn, whom, body.blocked).map_err(refused)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

fn refused(refusal: Refusal) -> ControlError {
    ControlError::unprocessable("refused", refusal.text)
}

fn view(world: &World, pn: Pn) -> Value {
    let picture = world.areas.profile.pictures.get(&pn.to_string());
    let settings: Map<String, Value> = privacy::all(world, pn)
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let blocked: Vec<String> = block::list(world, pn)
        .map(|(whom, _)| whom.to_string())
        .collect();
    json!({
        "about": about(world, pn),
        "picture": picture.map(|p| json!({ "id": p.id, "size": p.image.0.len() })),
        "privacy": settings,
        "blocked": blocked,
    })
}
