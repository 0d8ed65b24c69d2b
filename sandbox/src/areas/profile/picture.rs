//! Pictures of people and groups.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rand::RngExt as _;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};

use super::{Picture, notification, tell_acquaintances};
use crate::areas::{groups, media};
use crate::dispatch::{ANY_CHILD, Answer, Client, HandlerTable};
use crate::hub::Hub;
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, attr, bytes, child, error_node, jid};
use crate::store::Blob;
use crate::world::World;

/// Clients send them scaled down.
pub(super) const MAX_PICTURE_BYTES: usize = 1024 * 1024;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:profile:picture", ANY_CHILD, picture);
}

/// Whose picture.
#[derive(Debug, Clone)]
enum Owner {
    Person(Pn),
    Group(Jid),
}

impl Owner {
    fn key(&self) -> String {
        match self {
            Self::Person(pn) => pn.to_string(),
            Self::Group(group) => group.user.to_string(),
        }
    }
}

fn picture(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let owner = match jid(node, "target") {
        None => Owner::Person(client.device.pn),
        Some(target) if target.is_group() => Owner::Group(target),
        Some(target) => Owner::Person(world.resolve(&target).ok_or(Refusal::NOT_FOUND)?.pn),
    };
    if attr(node, "type").is_some_and(|kind| kind == "set") {
        let image = child(node, "picture")
            .and_then(bytes)
            .map(std::borrow::Cow::into_owned);
        return set(world, client.device, &owner, image);
    }
    let asked = child(node, "picture").ok_or(Refusal::BAD_REQUEST)?;
    let Some(picture) = world.areas.profile.pictures.get(&owner.key()) else {
        let missing = NodeBuilder::new("picture").children([error_node(Refusal::NOT_FOUND)]);
        return Answer::node(missing.build());
    };
    if attr(asked, "id").is_some_and(|known| known == picture.id) {
        return Answer::empty();
    }
    let path = format!("/pps/{}/{}", owner.key(), picture.id);
    let kind = attr(asked, "type").unwrap_or_default().into_owned();
    let found = NodeBuilder::new("picture")
        .attr("id", picture.id.as_str())
        .attr("type", kind)
        .attr("url", media::public_url(world, &path))
        .attr("direct_path", path)
        .build();
    Answer::node(found)
}

fn set(
    world: &mut World,
    by: DeviceKey,
    owner: &Owner,
    image: Option<Vec<u8>>,
) -> Result<Answer, Refusal> {
    match owner {
        Owner::Person(pn) if *pn == by.pn => {}
        Owner::Group(group) if groups::may_edit(world, group, by.pn) => {}
        _ => {
            return Err(Refusal {
                code: 403,
                text: "forbidden",
            });
        }
    }
    let Some(id) = replace(world, by, owner, image)? else {
        return Answer::empty();
    };
    Answer::node(NodeBuilder::new("picture").attr("id", id).build())
}

/// The person changes or removes their picture. Returns the id of the new one.
pub(super) fn of_person(
    world: &mut World,
    by: DeviceKey,
    image: Option<Vec<u8>>,
) -> Result<Option<String>, Refusal> {
    replace(world, by, &Owner::Person(by.pn), image)
}

fn replace(
    world: &mut World,
    by: DeviceKey,
    owner: &Owner,
    image: Option<Vec<u8>>,
) -> Result<Option<String>, Refusal> {
    let id = if let Some(image) = image {
        if image.is_empty() || image.len() > MAX_PICTURE_BYTES {
            return Err(Refusal::NOT_ACCEPTABLE);
        }
        let id = world.rng.random_range(1_000_000_000..10_000_000_000_u64);
        let id = id.to_string();
        let picture = Picture {
            id: id.clone(),
            image: Blob(image),
        };
        world.areas.profile.pictures.insert(owner.key(), picture);
        Some(id)
    } else {
        world.areas.profile.pictures.remove(&owner.key());
        None
    };
    let whose = match owner {
        Owner::Person(pn) => pn.jid(),
        Owner::Group(group) => group.clone(),
    };
    let change = match &id {
        Some(id) => NodeBuilder::new("set").attr("id", id.as_str()),
        None => NodeBuilder::new("delete"),
    };
    let change = change
        .attr("jid", &whose)
        .attr("author", world.lid_jid(by.pn.phone()))
        .build();
    let mut told = notification(world, by.pn, "picture", change);
    match owner {
        Owner::Person(_) => tell_acquaintances(world, by, &told),
        Owner::Group(group) => {
            told.attrs.insert("from", whose);
            for pn in groups::members(world, group).unwrap_or_default() {
                for device in world.devices_of(pn) {
                    world.deliver(device, &told);
                }
            }
        }
    }
    Ok(id)
}

/// `/pps/{owner}/{id}`: the picture itself.
pub(crate) fn router() -> Router<Hub> {
    Router::new().route("/pps/{owner}/{id}", get(download))
}

async fn download(State(hub): State<Hub>, Path((owner, id)): Path<(String, String)>) -> Response {
    let found = hub.with(|world| {
        let picture = world.areas.profile.pictures.get(&owner);
        picture
            .filter(|picture| picture.id == id)
            .map(|picture| picture.image.0.clone())
    });
    match found {
        Ok(Some(image)) => ([(header::CONTENT_TYPE, "image/jpeg")], image).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
