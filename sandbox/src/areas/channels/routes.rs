//! Control: people make channels on their phones, post, follow, react and look.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};
use waproto::whatsapp as wa;

use super::book::Post;
use super::change::{self, Changes};
use super::{jid_of, post as posts};
use crate::areas::media::{self, AttachFault, Attachment, File, Kind};
use crate::areas::messages::Chat;
use crate::areas::phone::log::Entry;
use crate::areas::phone::view;
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::stanza::Refusal;
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/channels", post(create).get(list))
        .route("/channels/{id}", get(show))
        .route(
            "/channels/{id}/followers/{number}",
            put(follow).delete(leave),
        )
        .route("/channels/{id}/posts", post(publish))
        .route("/channels/{id}/posts/{post}/reactions/{number}", put(react))
        .route("/channels/{id}/posts/{post}/views/{number}", put(look))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewChannel {
    name: String,
    description: Option<String>,
    /// Who makes it.
    owner: String,
}

/// One of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPost {
    text: Option<String>,
    image: Option<File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Emoji {
    /// Empty takes the reaction back.
    emoji: String,
}

async fn create(
    State(hub): State<Hub>,
    Body(body): Body<NewChannel>,
) -> Result<Reply, ControlError> {
    let id = hub.with(|world| {
        let owner = person(world, &body.owner)?;
        let changes = Changes {
            name: Some(body.name),
            description: body.description,
            picture: None,
        };
        change::create(world, owner, changes).map_err(refused)
    })??;
    Ok(Reply::created(shown(&hub, &id).await?))
}

async fn list(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    let ids: Vec<String> = hub.with(|world| {
        let channels = world.areas.channels.channels.iter();
        channels.map(|(id, _)| id.clone()).collect()
    })?;
    let mut data = Vec::with_capacity(ids.len());
    for id in ids {
        data.push(shown(&hub, &id).await?);
    }
    Ok(Reply::ok(json!({ "data": data })))
}

async fn show(State(hub): State<Hub>, Path(id): Path<String>) -> Result<Reply, ControlError> {
    Ok(Reply::ok(shown(&hub, bare(&id)).await?))
}

async fn follow(
    State(hub): State<Hub>,
    Path((id, number)): Path<(String, String)>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        change::follow(world, bare(&id), pn).map_err(refused)
    })??;
    Ok(Reply::ok(shown(&hub, bare(&id)).await?))
}

async fn leave(
    State(hub): State<Hub>,
    Path((id, number)): Path<(String, String)>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        change::leave(world, bare(&id), pn).map_err(refused)
    })??;
    Ok(Reply::ok(shown(&hub, bare(&id)).await?))
}

async fn publish(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Body(body): Body<NewPost>,
) -> Result<Reply, ControlError> {
    let attachment = match &body.image {
        Some(file) => Some(attached(media::attach_open(&hub, Kind::Image, file).await)?),
        None => None,
    };
    let content = match (body.text, attachment) {
        (Some(text), None) => wa::Message {
            conversation: Some(text),
            ..Default::default()
        },
        (None, Some(image)) => image.message(buffa::MessageField::default()),
        _ => {
            let detail = "a post is a text or an image";
            return Err(ControlError::unprocessable("bad_content", detail));
        }
    };
    hub.with(|world| {
        let owner = change::find(world, bare(&id)).map_err(refused)?.owner;
        let message_id = world.new_id();
        let post = (message_id.clone(), content);
        let number = posts::publish(world, bare(&id), (owner, None), post).map_err(refused)?;
        let body = json!({ "message_id": message_id, "server_id": number });
        Ok(Reply::created(body))
    })?
}

fn attached(file: Result<Attachment, AttachFault>) -> Result<Attachment, ControlError> {
    file.map_err(|fault| match fault {
        AttachFault::Stopped(stopped) => stopped.into(),
        fault => ControlError::unprocessable("bad_media", &fault.to_string()),
    })
}

async fn react(
    State(hub): State<Hub>,
    Path((id, post, number)): Path<(String, u64, String)>,
    Body(body): Body<Emoji>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        posts::react(world, bare(&id), post, pn, &body.emoji).map_err(refused)?;
        Ok(Reply::ok(json!({})))
    })?
}

async fn look(
    State(hub): State<Hub>,
    Path((id, post, number)): Path<(String, u64, String)>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        posts::see(world, bare(&id), post, pn).map_err(refused)?;
        Ok(Reply::ok(json!({})))
    })?
}

fn bare(id: &str) -> &str {
    id.strip_suffix("@newsletter").unwrap_or(id)
}

fn refused(refusal: Refusal) -> ControlError {
    match refusal.code {
        404 => ControlError::not_found("no_such_channel", "there is no such channel or post"),
        403 => {
            let detail = "this person may not do that in this channel";
            ControlError::new(StatusCode::FORBIDDEN, "not_allowed", detail)
        }
        _ => ControlError::unprocessable("refused", refusal.text),
    }
}

/// A channel with its followers and posts. Files are looked at as phones do.
async fn shown(hub: &Hub, id: &str) -> Result<Value, ControlError> {
    let (mut channel, rows) = hub.with(|world| {
        let shown = channel_json(world, id)?;
        let all = (id.to_owned(), 0)..=(id.to_owned(), u64::MAX);
        let posts = world.areas.channels.posts.range(all);
        let posts: Vec<_> = posts
            .map(|((_, number), post)| {
                let file = media::sealed(view::unwrap(&post.message()));
                (post_json(world, id, *number, post), file)
            })
            .collect();
        Ok::<_, ControlError>((shown, posts))
    })??;
    let mut posts = Vec::with_capacity(rows.len());
    for (mut row, file) in rows {
        if let Some(file) = file {
            row["media"] = media::shown(hub, &file).await;
        }
        posts.push(row);
    }
    channel["posts"] = Value::Array(posts);
    Ok(channel)
}

fn channel_json(world: &World, id: &str) -> Result<Value, ControlError> {
    let channel = change::find(world, id).map_err(refused)?;
    let follower = |(pn, one): (&crate::jids::Pn, &super::book::Follower)| json!({ "number": pn.to_string(), "muted": one.muted });
    Ok(json!({
        "id": jid_of(id).to_string(),
        "name": channel.name,
        "description": channel.description,
        "picture_id": channel.picture.as_ref().map(|picture| &picture.id),
        "invite": channel.invite,
        "owner": channel.owner.to_string(),
        "owner_muted": channel.owner_muted,
        "followers": channel.followers.iter().map(follower).collect::<Vec<_>>(),
    }))
}

fn post_json(world: &World, id: &str, number: u64, post: &Post) -> Value {
    let owner = change::find(world, id).map(|channel| channel.owner);
    let Ok(owner) = owner else {
        return Value::Null;
    };
    let chat = Chat::Group(jid_of(id));
    let entry = Entry::new(world, &post.id, owner.phone(), &chat, &post.message()).at(post.at_ms);
    let mut row = view::entry(world, owner, number, &entry);
    row["server_id"] = json!(number);
    row["edited"] = json!(post.edited);
    row["deleted"] = json!(post.deleted);
    let reactions = post.reactions.iter();
    let reaction = |(pn, emoji): (&crate::jids::Pn, &String)| json!({ "number": pn.to_string(), "emoji": emoji });
    row["reactions"] = reactions.map(reaction).collect();
    row["views"] = json!(post.seen_by.len());
    row
}
