//! Labels: the phone's own list of them, as every device of the account has it.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use buffa::MessageField;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wacore_appstate::Mutation;
use wacore_appstate::schemas::{LABEL_EDIT, LABEL_JID};
use waproto::whatsapp as wa;

use super::book::Collection;
use super::{notify, phone};
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::store::{Persist, Table};
use crate::world::World;

/// A label as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    name: String,
    color: i32,
}

/// What the phone keeps.
#[derive(Debug)]
pub(crate) struct Labels {
    labels: Table<(Pn, String), Label>,
    /// By label and address of the chat: true, as a row of nothing is none.
    chats: Table<(Pn, String, String), bool>,
}

impl Labels {
    pub(super) fn new() -> Self {
        Self {
            labels: Table::new("labels"),
            chats: Table::new("label_chats"),
        }
    }

    pub(super) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.labels, &mut self.chats]
    }
}

/// A device has changed a label, or put one on a chat.
pub(super) fn read(world: &mut World, pn: Pn, mutation: &Mutation) {
    let kept = &mut world.areas.app_state.labels;
    let (Some(kind), Some(id)) = (mutation.index.first(), mutation.index.get(1)) else {
        return;
    };
    let Some(value) = mutation.action_value.as_ref() else {
        return;
    };
    if kind == LABEL_EDIT.name
        && let Some(edit) = value.label_edit_action.as_option()
    {
        let key = (pn, id.clone());
        if edit.deleted == Some(true) {
            kept.labels.remove(&key);
            return;
        }
        let label = Label {
            name: edit.name.clone().unwrap_or_default(),
            color: edit.color.unwrap_or_default(),
        };
        kept.labels.insert(key, label);
    }
    if kind == LABEL_JID.name
        && let Some(of) = value.label_association_action.as_option()
        && let Some(chat) = mutation.index.get(2)
    {
        let key = (pn, id.clone(), chat.clone());
        if of.labeled == Some(true) {
            kept.chats.insert(key, true);
        } else {
            kept.chats.remove(&key);
        }
    }
}

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/phones/{number}/labels", get(list).post(edit))
        .route("/phones/{number}/labels/{label}/chats", post(put))
}

async fn list(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let kept = &world.areas.app_state.labels;
        let labels = kept
            .labels
            .range((pn, String::new())..)
            .take_while(|((of, _), _)| *of == pn);
        let data: Vec<_> = labels
            .map(|((_, id), label)| {
                let from = (pn, id.clone(), String::new());
                let chats = kept.chats.range(from..);
                let chats = chats.take_while(|((of, label, _), _)| *of == pn && label == id);
                let chats: Vec<&String> = chats.map(|((_, _, chat), _)| chat).collect();
                json!({ "id": id, "name": label.name, "color": label.color, "chats": chats })
            })
            .collect();
        Ok(Reply::ok(json!({ "data": data })))
    })?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    id: String,
    name: Option<String>,
    #[serde(default)]
    color: i32,
    #[serde(default)]
    deleted: bool,
}

/// The person makes, changes or deletes a label on the phone.
async fn edit(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Edit>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let value = wa::SyncActionValue {
            label_edit_action: MessageField::some(wa::sync_action_value::LabelEditAction {
                name: body.name,
                color: Some(body.color),
                deleted: Some(body.deleted),
                ..Default::default()
            }),
            timestamp: i64::try_from(world.now_ms).ok(),
            ..Default::default()
        };
        let index = [body.id.as_str()];
        let version = phone::write(
            world,
            pn,
            Collection::Regular,
            (&LABEL_EDIT, &index),
            &value,
        );
        tell(world, pn, version)
    })?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    /// A number, or the address of a group.
    chat: String,
    labeled: bool,
}

/// The person puts a label on a chat, or takes it away.
async fn put(
    State(hub): State<Hub>,
    Path((number, label)): Path<(String, String)>,
    Body(body): Body<Put>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let chat = if body.chat.ends_with("@g.us") {
            body.chat
        } else {
            let other = person(world, &body.chat)?;
            world.lid_jid(other.phone()).to_string()
        };
        let value = wa::SyncActionValue {
            label_association_action: MessageField::some(
                wa::sync_action_value::LabelAssociationAction {
                    labeled: Some(body.labeled),
                    ..Default::default()
                },
            ),
            timestamp: i64::try_from(world.now_ms).ok(),
            ..Default::default()
        };
        let index = [label.as_str(), chat.as_str()];
        let version = phone::write(world, pn, Collection::Regular, (&LABEL_JID, &index), &value);
        tell(world, pn, version)
    })?
}

fn tell(world: &mut World, pn: Pn, version: Option<u64>) -> Result<Reply, ControlError> {
    let version = version.ok_or_else(|| {
        ControlError::unprocessable("bad_patch", "the phone cannot write its own patch")
    })?;
    notify(world, pn, None, Collection::Regular, version);
    Ok(Reply::ok(json!({ "version": version })))
}
