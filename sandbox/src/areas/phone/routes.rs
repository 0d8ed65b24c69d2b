//! Control: the person writes, reads, types and calls.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use wacore_binary::Jid;
use wacore_binary::builder::NodeBuilder;

use super::content::{Draft, DraftFault};
use super::log::Entry;
use super::send::{self, Outgoing};
use super::view;
use crate::areas::media::{self, AttachFault};
use crate::areas::messages::Chat;
use crate::areas::receipts::{self, Kind, Slip};
use crate::areas::{calls, groups, status};
use crate::control::{Body, ControlError, Params, Reply, person};
use crate::hub::Hub;
use crate::jids::{DeviceKey, Pn};
use crate::world::World;

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/phones/{number}/messages", get(list).post(write))
        .route("/phones/{number}/receipts", post(confirm))
        .route("/phones/{number}/typing", post(typing))
        .route("/phones/{number}/call", post(call))
}

/// Who a message of the control API is for.
fn chat_of(world: &mut World, to: &str) -> Result<Chat, ControlError> {
    if to.ends_with("@g.us") {
        let group: Result<Jid, _> = to.parse();
        return group.map(Chat::Group).map_err(|_| bad_recipient(to));
    }
    if to == status::chat().to_string() {
        return Ok(Chat::Group(status::chat()));
    }
    person(world, to.trim_end_matches("@s.whatsapp.net")).map(Chat::Person)
}

fn bad_recipient(to: &str) -> ControlError {
    ControlError::unprocessable(
        "bad_recipient",
        &format!("{to:?} is no number, no group and not status@broadcast"),
    )
}

async fn write(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<Reply, ControlError> {
    let attachment = match draft.file() {
        Some((kind, file)) => Some(
            media::attach(&hub, kind, file)
                .await
                .map_err(not_attached)?,
        ),
        None => None,
    };
    hub.with(|world| {
        let writer = person(world, &number)?;
        let chat = chat_of(world, &draft.to)?;
        let message = draft
            .message(world, writer, &chat, attachment.as_ref())
            .map_err(refused)?;
        let outgoing = Outgoing {
            id: world.new_id(),
            edit: send::edit_of(&message),
            message,
        };
        match &chat {
            Chat::Person(to) => send::to_person(world, writer, *to, &outgoing),
            Chat::Group(group) if *group == status::chat() => {
                if let Some(author) = draft.reacts_to(world, writer) {
                    status::react(world, writer, author, &outgoing);
                } else {
                    let people = draft.recipients.iter().map(|one| person(world, one));
                    let people = people.collect::<Result<Vec<Pn>, _>>()?;
                    status::write(world, writer, &people, &outgoing);
                }
            }
            Chat::Group(group) => {
                groups::write(world, writer, group, &outgoing).map_err(groups::refused)?;
            }
        }
        Ok(Reply::created(json!({ "message_id": outgoing.id })))
    })?
}

fn not_attached(fault: AttachFault) -> ControlError {
    match fault {
        AttachFault::Stopped(stopped) => stopped.into(),
        fault => ControlError::unprocessable("bad_media", &fault.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn refused(fault: DraftFault) -> ControlError {
    let code = match fault {
        DraftFault::OneKind(_) => "bad_content",
        DraftFault::UnknownMessage(_) => "unknown_message",
        DraftFault::NotTheWriter => "not_the_writer",
        DraftFault::NoWording => "bad_edit",
        DraftFault::NoPoll(_) | DraftFault::NoOption(_) | DraftFault::OptionCount => "bad_poll",
        DraftFault::NoEvent(_) => "bad_event",
        DraftFault::BadBytes => "bad_bytes",
        DraftFault::BadNumber(_) => "bad_number",
    };
    ControlError::unprocessable(code, &fault.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: u64,
}

async fn list(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Params(page): Params<Page>,
) -> Result<Reply, ControlError> {
    let rows = hub.with(|world| -> Result<_, ControlError> {
        let pn = person(world, &number)?;
        let entries = world.areas.phone.log.after(pn, page.after);
        let row = |(n, entry)| {
            let media = media::sealed(view::unwrap(&Entry::message(entry)));
            (view::entry(world, pn, n, entry), media)
        };
        Ok(entries.map(row).collect::<Vec<_>>())
    })??;
    let mut data = Vec::with_capacity(rows.len());
    for (mut row, media) in rows {
        if let (Some(media), Some(row)) = (media, row.as_object_mut()) {
            row.insert("media".to_owned(), media::shown(&hub, &media).await);
        }
        data.push(row);
    }
    Ok(Reply::ok(json!({ "data": data })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    message_ids: Vec<String>,
    kind: Confirmed,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Confirmed {
    Delivered,
    Read,
    Played,
}

/// The person has received, read or played messages that others wrote.
async fn confirm(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Confirm>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let log = &world.areas.phone.log;
        let known = |id: &String| {
            let entry = log.find(pn, id).filter(|entry| entry.from.pn != pn);
            let entry = entry.ok_or_else(|| refused(DraftFault::UnknownMessage(id.clone())))?;
            Ok((id.clone(), entry.from, entry.to.clone()))
        };
        let messages: Result<Vec<_>, ControlError> = body.message_ids.iter().map(known).collect();
        for (id, sender, to) in messages? {
            let chat = match to.parse::<Jid>() {
                Ok(chat) if status::is_shared(&chat) => Chat::Group(chat),
                _ => Chat::Person(sender.pn),
            };
            let kind = match body.kind {
                Confirmed::Delivered => Kind::Delivered,
                Confirmed::Read => Kind::Read,
                Confirmed::Played => Kind::Played,
            };
            let slip = Slip {
                from: pn.phone(),
                chat,
                ids: vec![id],
                kind,
                lid: true,
            };
            receipts::tell(world, &slip, sender);
        }
        Ok(Reply::ok(json!({})))
    })?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    to: String,
    #[serde(default)]
    state: TypingState,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum TypingState {
    #[default]
    Composing,
    Recording,
    Paused,
}

/// The person types (or stops): worth nothing later, so it goes only to devices that listen.
async fn typing(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Typing>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let to = person(world, &body.to)?;
        let state = match body.state {
            TypingState::Composing => NodeBuilder::new("composing"),
            TypingState::Recording => NodeBuilder::new("composing").attr("media", "audio"),
            TypingState::Paused => NodeBuilder::new("paused"),
        };
        let stanza = NodeBuilder::new("chatstate")
            .attr("from", world.lid_jid(pn.phone()))
            .children([state.build()])
            .build();
        for device in linked(world, to) {
            world.send_if_listening(device, &stanza);
        }
        Ok(Reply::ok(json!({})))
    })?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    to: String,
    #[serde(default)]
    video: bool,
}

/// The person calls: every linked device of the other rings.
async fn call(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Call>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let to = person(world, &body.to)?;
        let call_id = world.new_id();
        calls::begin(world, &call_id, (pn, to), body.video);
        let from = world.lid_jid(pn.phone());
        let mut media = vec![
            NodeBuilder::new("audio")
                .attr("enc", "opus")
                .attr("rate", "16000")
                .build(),
        ];
        if body.video {
            media.push(NodeBuilder::new("video").attr("enc", "vp8").build());
        }
        let offer = NodeBuilder::new("offer")
            .attr("call-id", call_id.as_str())
            .attr("call-creator", &from)
            .attr("caller_pn", pn.jid())
            .children(media)
            .build();
        let name = world
            .accounts
            .get(&pn)
            .map(|a| a.name.clone())
            .unwrap_or_default();
        for device in linked(world, to) {
            let stanza = NodeBuilder::new("call")
                .attr("from", &from)
                .attr("id", world.new_id())
                .attr("t", world.now_s().to_string())
                .attr("notify", name.as_str())
                .attr("platform", "android")
                .attr("version", "2.24.1")
                .children([offer.clone()])
                .build();
            world.deliver(device, &stanza);
        }
        Ok(Reply::created(json!({ "call_id": call_id })))
    })?
}

fn linked(world: &World, pn: Pn) -> Vec<DeviceKey> {
    world
        .devices_of(pn)
        .into_iter()
        .filter(|key| !key.is_phone())
        .collect()
}
