//! What a session knows: who, which chats, and messages that are handed on or read.

use axum::{Router, extract::State};
use serde_json::{Value, json};

use super::{
    Face,
    auth::Owned,
    dto::{self, only},
    error::Refusal,
    fields::{Fields, MAX_MESSAGE, MAX_MESSAGE_ID, TO},
    messaging::{jid, live},
};
use crate::{
    domain::{
        address::{ChatKind, Party},
        clock::rfc3339,
    },
    http::{
        extract::Json,
        routing::{get, post},
    },
    service::{
        Error,
        chats::{Listed, Silence},
        contacts::Known,
        messages::{MAX_WAIT, NewMessage},
    },
};

/// Rows of one read of a list.
const PAGE: usize = 500;

const TO_AND_ID: &str = "To and message_id fields are required";

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/sessions/{id}/forward", post(forward))
        .route("/api/sessions/{id}/read", post(read))
        .route("/api/sessions/{id}/contacts", get(contacts))
        .route("/api/sessions/{id}/conversations", get(conversations))
}

/// Hands on the message as it is; its text alone where the message is not known here.
async fn forward(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let to = body.recipient(&TO, TO_AND_ID)?;
    let message = body.said(&["message_id"], MAX_MESSAGE_ID, TO_AND_ID)?;
    let text = body.text(&["text"], MAX_MESSAGE)?;
    let text = text.filter(|text| !text.is_empty());
    let session = live(&face, &owned).await?;
    let messages = &face.api.messages;
    let about = (owned.id.as_str(), message.as_str());
    let sent = messages.forward(&owned.ctx, about, to.clone(), MAX_WAIT);
    let sent = match (sent.await, text) {
        (
            Err(
                Error::NotFound { what: "message" }
                | Error::Conflict {
                    code: "message_not_kept",
                    ..
                },
            ),
            Some(text),
        ) => {
            let mut new = NewMessage::text(to, text);
            new.forwarded = true;
            messages.send(&owned.ctx, &owned.id, new).await?
        }
        (sent, _) => sent.map_err(Refusal::of_message)?,
    };
    let now = face.api.clock.now_ms();
    let told = "Message forwarded successfully";
    Ok(Json(dto::sent(&session.handle, told, &sent, now)))
}

async fn read(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    body.recipient(&TO, TO_AND_ID)?;
    let message = body.said(&["message_id"], MAX_MESSAGE_ID, TO_AND_ID)?;
    live(&face, &owned).await?;
    let read = face.api.messages.read(&owned.ctx, &owned.id, &message);
    read.await.map_err(Refusal::of_message)?;
    Ok(Json(only("Message marked as read")))
}

async fn contacts(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let mut found: Vec<Known> = Vec::new();
    loop {
        let after = found.last().map(|known| known.party.id.clone());
        let page = face
            .api
            .contacts
            .list(&ctx, &id, after.as_deref(), PAGE as u64);
        let page = page.await?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        if is_last {
            break;
        }
    }
    let contacts: Vec<Value> = found.iter().map(contact).collect();
    Ok(Json(
        json!({"success": true, "contacts": contacts, "data": contacts}),
    ))
}

/// What only a business shows is not in an address book.
fn contact(known: &Known) -> Value {
    json!({
        "jid": jid(&known.party),
        "name": known.name.as_deref().unwrap_or_default(),
        "push_name": known.push_name.as_deref().unwrap_or_default(),
        "business_name": "",
        "verified": false,
    })
}

async fn conversations(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let mut found: Vec<Listed> = Vec::new();
    loop {
        let after = found.last().map(|listed| listed.place.clone());
        let after = after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = face.api.chats.list(&ctx, &id, None, after, PAGE as u64);
        let page = page.await?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        if is_last {
            break;
        }
    }
    let conversations: Vec<Value> = found.iter().map(conversation).collect();
    Ok(Json(json!({
        "success": true,
        "message": "Conversations retrieved successfully",
        "data": {"conversations": conversations, "count": conversations.len()},
    })))
}

fn conversation(listed: &Listed) -> Value {
    let party = &listed.chat.party;
    let mut shown = json!({
        "jid": jid(party),
        "name": listed.name.as_deref().unwrap_or_else(|| user(party)),
        "is_group": listed.chat.kind == ChatKind::Group,
        "unread_count": listed.unread,
        "is_pinned": listed.pinned,
        "is_muted": listed.silence != Silence::Off,
        "is_archived": listed.archived,
    });
    if let Some(last) = &listed.last {
        shown["last_message_id"] = last.message_id.clone().into();
        shown["last_message_time"] = rfc3339(last.sent_at).into();
    }
    shown
}

/// What somebody without a name is called: the number, or what stands before the `@`.
fn user(party: &Party) -> &str {
    let id = party.id.split('@').next().unwrap_or_default();
    party.phone.as_deref().unwrap_or(id)
}
