//! Control: people make communities on their phones, and what they do with the groups of one.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NewCommunity, groups};
use crate::areas::groups::book::Rules;
use crate::areas::groups::change::{self, Change};
use crate::areas::groups::jid_of;
use crate::areas::groups::routes::{By, actor, group_json, refused};
use crate::control::{Body, ControlError, Params, Reply, person};
use crate::hub::Hub;
use crate::world::World;

pub(in crate::areas::groups) fn routes() -> Router<Hub> {
    Router::new()
        .route("/communities", post(create).get(list))
        .route("/communities/{id}", get(show).delete(end))
        .route("/communities/{id}/groups/{group}", put(link).delete(unlink))
        .route(
            "/communities/{id}/groups/{group}/members/{number}",
            put(join),
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    subject: String,
    /// Who makes it.
    owner: String,
    description: Option<String>,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    members_create: bool,
    #[serde(default)]
    general_chat: bool,
    /// Whom the owner takes in at once.
    #[serde(default)]
    members: Vec<String>,
}

async fn create(State(hub): State<Hub>, Body(body): Body<New>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let owner = person(world, &body.owner)?;
        let mut members = Vec::with_capacity(body.members.len());
        for number in &body.members {
            members.push(person(world, number)?);
        }
        let community = NewCommunity {
            subject: &body.subject,
            rules: Rules {
                closed: body.closed,
                members_create: body.members_create,
            },
            general_chat: body.general_chat,
        };
        let id = super::make(world, owner, &community).map_err(refused)?;
        let text_id = world.new_id();
        let description = body.description.filter(|text| !text.is_empty());
        let description = description.map(|text| Change::Description(text_id, Some(text)));
        let members = (!members.is_empty()).then_some(Change::Add(members));
        for change in description.into_iter().chain(members) {
            change::apply(world, &id, owner, &change).map_err(refused)?;
        }
        Ok(Reply::created(community_json(world, &id)))
    })?
}

async fn list(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    let data: Vec<Value> = hub.with(|world| {
        let rows = world.areas.groups.groups.iter();
        let communities = rows.filter(|(_, group)| group.rules().is_some());
        communities
            .map(|(id, _)| community_json(world, id))
            .collect()
    })?;
    Ok(Reply::ok(json!({ "data": data })))
}

async fn show(State(hub): State<Hub>, Path(id): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        super::rules(world, bare(&id)).map_err(refused)?;
        Ok(Reply::ok(community_json(world, bare(&id))))
    })?
}

async fn end(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Params(query): Params<By>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let (id, by) = actor(world, &id, query.by.as_deref())?;
        super::delete(world, &id, by).map_err(refused)?;
        Ok(Reply::ok(json!({})))
    })?
}

async fn link(
    State(hub): State<Hub>,
    Path((id, group)): Path<(String, String)>,
    Params(query): Params<By>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let (id, by) = actor(world, &id, query.by.as_deref())?;
        let statuses = super::link(world, &id, by, &[bare(&group).to_owned()]);
        Ok(changed(world, &id, &statuses.map_err(refused)?))
    })?
}

async fn unlink(
    State(hub): State<Hub>,
    Path((id, group)): Path<(String, String)>,
    Params(query): Params<By>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let (id, by) = actor(world, &id, query.by.as_deref())?;
        let statuses = super::unlink(world, &id, by, &[bare(&group).to_owned()]);
        Ok(changed(world, &id, &statuses.map_err(refused)?))
    })?
}

async fn join(
    State(hub): State<Hub>,
    Path((id, group, number)): Path<(String, String, String)>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let is_in = super::join(world, bare(&id), pn, bare(&group)).map_err(refused)?;
        let mut body = group_json(world, bare(&group));
        body["joined"] = json!(is_in);
        Ok(Reply::ok(body))
    })?
}

fn bare(id: &str) -> &str {
    id.strip_suffix("@g.us").unwrap_or(id)
}

/// The community after a change, and how the change went.
fn changed(world: &World, id: &str, statuses: &[u16]) -> Reply {
    let mut body = community_json(world, id);
    body["status"] = json!(statuses.first());
    Reply::ok(body)
}

/// A community as a group, and the groups in it.
fn community_json(world: &World, id: &str) -> Value {
    let mut body = group_json(world, id);
    let groups = groups(world, id).into_iter();
    let groups = groups.map(|(group, kind)| {
        let members = change::everybody(world, &group).len();
        json!({ "id": jid_of(&group).to_string(), "kind": kind, "members": members })
    });
    body["groups"] = groups.collect();
    body
}
