//! Control: people make and change groups on their phones.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{Group, Place, Role};
use super::change::{self, Change, NewGroup, Outcome};
use super::{community, jid_of};
use crate::control::{Body, ControlError, Params, Reply, person};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::stanza::Refusal;
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/groups", post(create).get(list))
        .route("/groups/{id}", get(show).patch(edit))
        .route("/groups/{id}/members", post(add))
        .route("/groups/{id}/members/{number}", delete(remove))
        .route("/groups/{id}/admins", post(promote))
        .route("/groups/{id}/admins/{number}", delete(demote))
        .merge(community::routes())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    subject: String,
    /// The first one makes the group and owns it.
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Who does it; the owner if nobody is named.
    by: Option<String>,
    subject: Option<String>,
    /// Empty = the description goes.
    description: Option<String>,
    locked: Option<bool>,
    announcement: Option<bool>,
    approval: Option<bool>,
    admins_add: Option<bool>,
    ephemeral_s: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    by: Option<String>,
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) by: Option<String>,
}

async fn create(State(hub): State<Hub>, Body(body): Body<New>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let people = people(world, &body.members)?;
        let Some((owner, others)) = people.split_first() else {
            let detail = "a group needs at least the member who makes it";
            return Err(ControlError::unprocessable("no_members", detail));
        };
        let new = NewGroup {
            subject: &body.subject,
            others,
            ..NewGroup::default()
        };
        let id = change::create(world, *owner, new).map_err(refused)?;
        Ok(Reply::created(group_json(world, &id)))
    })?
}

async fn list(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    let groups = hub.with(|world| {
        let ids: Vec<String> = world
            .areas
            .groups
            .groups
            .iter()
            .map(|(id, _)| id.clone())
            .collect();
        ids.iter()
            .map(|id| group_json(world, id))
            .collect::<Vec<_>>()
    })?;
    Ok(Reply::ok(json!({ "data": groups })))
}

async fn show(State(hub): State<Hub>, Path(id): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let (id, _) = find(world, &id)?;
        Ok(Reply::ok(group_json(world, &id)))
    })?
}

async fn edit(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Body(body): Body<Edit>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let (id, by) = actor(world, &id, body.by.as_deref())?;
        let text_id = world.new_id();
        let description = body
            .description
            .map(|text| Change::Description(text_id, Some(text).filter(|t| !t.is_empty())));
        let changes = [
            body.subject.map(Change::Subject),
            description,
            body.locked.map(Change::Locked),
            body.announcement.map(Change::Announcement),
            body.approval.map(Change::Approval),
            body.admins_add.map(Change::AdminsAdd),
            body.ephemeral_s.map(Change::Ephemeral),
        ];
        for change in changes.into_iter().flatten() {
            change::apply(world, &id, by, &change).map_err(refused)?;
        }
        Ok(Reply::ok(group_json(world, &id)))
    })?
}

async fn add(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Body(body): Body<Members>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let people = people(world, &body.members)?;
        members(world, &id, body.by.as_deref(), &Change::Add(people))
    })?
}

async fn promote(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Body(body): Body<Members>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let people = people(world, &body.members)?;
        members(world, &id, body.by.as_deref(), &Change::Promote(people))
    })?
}

async fn demote(
    State(hub): State<Hub>,
    Path((id, number)): Path<(String, String)>,
    Params(query): Params<By>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        members(world, &id, query.by.as_deref(), &Change::Demote(vec![pn]))
    })?
}

/// Who removes themselves leaves.
async fn remove(
    State(hub): State<Hub>,
    Path((id, number)): Path<(String, String)>,
    Params(query): Params<By>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let leaves = query.by.as_deref().and_then(Pn::parse) == Some(pn);
        let change = if leaves {
            Change::Leave
        } else {
            Change::Remove(vec![pn])
        };
        members(world, &id, query.by.as_deref(), &change)
    })?
}

fn members(
    world: &mut World,
    id: &str,
    by: Option<&str>,
    change: &Change,
) -> Result<Reply, ControlError> {
    let (id, by) = actor(world, id, by)?;
    let outcomes = change::apply(world, &id, by, change).map_err(refused)?;
    let outcome = |o: &Outcome| json!({ "number": o.pn.to_string(), "status": o.status });
    let mut body = group_json(world, &id);
    if let Some(body) = body.as_object_mut() {
        body.insert(
            "outcomes".to_owned(),
            outcomes.iter().map(outcome).collect(),
        );
    }
    Ok(Reply::ok(body))
}

fn people(world: &mut World, numbers: &[String]) -> Result<Vec<Pn>, ControlError> {
    numbers.iter().map(|number| person(world, number)).collect()
}

fn find<'a>(world: &'a World, id: &str) -> Result<(String, &'a Group), ControlError> {
    let id = id.strip_suffix("@g.us").unwrap_or(id).to_owned();
    match world.areas.groups.groups.get(&id) {
        Some(group) => Ok((id, group)),
        None => Err(refused(Refusal::NOT_FOUND)),
    }
}

pub(super) fn actor(
    world: &mut World,
    id: &str,
    by: Option<&str>,
) -> Result<(String, Pn), ControlError> {
    let (id, group) = find(world, id)?;
    let owner = group.members.iter().find(|(_, role)| **role == Role::Owner);
    let owner = owner.map_or(group.creator, |(pn, _)| *pn);
    let by = match by {
        Some(number) => person(world, number)?,
        None => owner,
    };
    Ok((id, by))
}

/// A refusal of the protocol, as the control API says it.
pub(crate) fn refused(refusal: Refusal) -> ControlError {
    match refusal.code {
        404 => ControlError::not_found("no_such_group", "there is no such group"),
        403 => {
            let detail = "this person may not do that in this group";
            ControlError::new(StatusCode::FORBIDDEN, "not_allowed", detail)
        }
        _ => ControlError::unprocessable("refused", refusal.text),
    }
}

pub(super) fn group_json(world: &World, id: &str) -> Value {
    let Some(group) = world.areas.groups.groups.get(&id.to_owned()) else {
        return json!({ "id": jid_of(id).to_string(), "members": [] });
    };
    let members: Vec<Value> = group
        .members
        .iter()
        .map(|(pn, role)| json!({ "number": pn.to_string(), "role": role }))
        .collect();
    let (kind, community) = match &group.place {
        Place::Alone => (json!("group"), None),
        Place::Community(_) => (json!("community"), None),
        Place::Within(community, kind) => (json!(kind), Some(jid_of(community).to_string())),
    };
    json!({
        "id": jid_of(id).to_string(),
        "subject": group.subject,
        "description": group.description.as_ref().map(|d| &d.text),
        "settings": group.settings,
        "kind": kind,
        "community": community,
        "invite": group.invite,
        "members": members,
    })
}
