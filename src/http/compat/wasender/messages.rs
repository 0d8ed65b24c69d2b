//! `/api/messages/…`: what is done about a message that was sent; and what a chat is shown.

use std::time::Duration;

use axum::{Router, extract::State};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Reached, Scoped},
    content,
    dto::{done, jid},
    error::Refusal,
    form::{Form, MAX_LINE, MAX_TEXT},
    sending::address,
};
use crate::{
    domain::{
        clock::from_rfc3339,
        event::PresenceState,
        message::{Ack, Content, Text},
    },
    http::{
        extract::{Json, Path},
        routing::{delete, get, post, put},
    },
    service::{
        messages::{StoredMessage, Wording},
        numbers,
    },
};

/// What happens within it is known when the answer goes out.
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/messages/read", post(read))
        .route("/api/messages/{number}", put(edit).merge(delete(remove)))
        .route("/api/messages/{number}/info", get(info))
        .route("/api/messages/{number}/resend", post(resend))
        .route("/api/send-presence-update", post(presence))
}

/// A message of the session by its number, or by WhatsApp's id.
async fn find(face: &Face, owned: &Reached, named: &str) -> Result<StoredMessage, Refusal> {
    let Reached { ctx, id, .. } = owned;
    let messages = &face.api.messages;
    let found = match named.parse::<i64>() {
        Ok(number) => messages.numbered(ctx, id, number).await,
        Err(_) => messages.get(ctx, id, named).await,
    };
    Ok(found?)
}

async fn edit(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(named): Path<String>,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let text = form.said("text", MAX_TEXT);
    let text = form.done(text)?;
    let message = find(&face, &owned, &named).await?;
    let wording = match message.message.content {
        Content::Image { .. } | Content::Video { .. } | Content::Document { .. } => {
            Wording::Caption(text)
        }
        _ => Wording::Text(Text { body: text }),
    };
    let at = (owned.id.as_str(), &*message.id.to_string());
    let edited = face.api.messages.edit(&owned.ctx, at, wording, WAIT).await;
    edited.map_err(|error| {
        Refusal::from(error).renamed(|field| (field != "text").then_some("text"))
    })?;
    let number = numbers::of_message(message.id);
    Ok(done("Message edited", json!({"msgId": number})))
}

async fn remove(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(named): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let message = find(&face, &owned, &named).await?;
    let at = (owned.id.as_str(), &*message.id.to_string());
    face.api.messages.revoke(&owned.ctx, at, WAIT).await?;
    let number = numbers::of_message(message.id);
    Ok(done("Message deleted", json!({"msgId": number})))
}

/// The number of an ack in WhatsApp's own words: 0 error, 1 pending, 2 sent, 3 delivered, 4 read, 5 played.
pub(super) const fn status_number(ack: Ack) -> i16 {
    ack.number() + 1
}

async fn info(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(named): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let stored = find(&face, &owned, &named).await?;
    let message = &stored.message;
    let chat = jid(&message.chat.party);
    let written = from_rfc3339(&message.timestamp).unwrap_or_else(|| stored.id.at_ms());
    let base = &face.api.settings.public_url;
    Ok(done(
        "Message retrieved successfully",
        json!({
            "remoteJid": chat,
            "id": message.message_id,
            "msgId": numbers::of_message(stored.id),
            "key": {"id": message.message_id, "fromMe": message.from_me, "remoteJid": chat},
            "message": content::of(message, base),
            "messageTimestamp": written.div_euclid(1000).to_string(),
            "status": status_number(stored.ack),
        }),
    ))
}

async fn resend(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(named): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let message = find(&face, &owned, &named).await?;
    let at = (owned.id.as_str(), &*message.id.to_string());
    let messages = &face.api.messages;
    let again = messages.send_again(&owned.ctx, at, Duration::ZERO).await?;
    let data = json!({"msgId": numbers::of_message(again.id)});
    Ok(done("Message resend initiated successfully.", data))
}

/// Counts the chat of a message as read.
async fn read(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let chat = if form.has("key") {
        form.object("key", |key| {
            key.said("id", MAX_LINE);
            address(key, "remoteJid")
        })
    } else {
        form.fault("key", "The key field is required.");
        None
    };
    let (chat, _) = form.done(chat)?;
    let Reached { ctx, id, .. } = &owned;
    face.api
        .chats
        .read(ctx, id, &chat.to_string(), true)
        .await?;
    Ok(done("Message marked as read", json!(null)))
}

/// Shows a chat that something is written or spoken, or everybody that the account is there. What is shown ends by itself on the
/// phones of others, or with `paused`: `delayMs` asks for no end of its own.
async fn presence(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let to = address(&mut form, "jid");
    let kind = form.said("type", MAX_LINE);
    form.whole("delayMs");
    let shown = kind.as_deref().and_then(|kind| match kind {
        "composing" => Some(Err(PresenceState::Typing)),
        "recording" => Some(Err(PresenceState::Recording)),
        "paused" => Some(Err(PresenceState::Paused)),
        "available" => Some(Ok(true)),
        "unavailable" => Some(Ok(false)),
        _ => {
            let detail =
                "The type field must be composing, recording, paused, available or unavailable.";
            form.fault("type", detail);
            None
        }
    });
    let ((to, shown_to), shown) = form.done(to.zip(shown))?;
    let Reached { ctx, id, .. } = &owned;
    match shown {
        Ok(online) => face.api.chats.show_online(ctx, id, online).await?,
        Err(state) => {
            let chat = to.to_string();
            face.api.chats.show_state(ctx, id, &chat, state).await?;
        }
    }
    Ok(done(
        "Presence updated successfully",
        json!({"jid": shown_to, "type": kind}),
    ))
}
