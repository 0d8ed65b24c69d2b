//! What goes out of a session, and what is asked through it.

use axum::{Router, extract::State};
use serde_json::{Map, Value, json};

use super::{
    Face,
    auth::{Caller, Owned},
    dto::{self, done, only},
    error::Refusal,
    fields::{Fields, MAX_MESSAGE, MAX_MESSAGE_ID, TO},
    sessions::visible,
};
use crate::{
    domain::{
        address::{Address, Party},
        clock::from_rfc3339,
        event::PresenceState,
        group::{Group, Role},
        message::{Content, Location},
    },
    http::{
        extract::Json,
        routing::{get, post},
    },
    service::{Ctx, messages::NewMessage, sessions::SessionView},
};

/// The longest name or address of a place.
const MAX_LINE: usize = 255;

const TO_AND_MESSAGE: &str = "To and message fields are required";

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/send", post(send_by_number))
        .route("/api/sessions/{id}/send", post(send))
        .route("/api/sessions/{id}/send-location", post(send_location))
        .route("/api/sessions/{id}/reply", post(reply))
        .route("/api/sessions/{id}/check-number", post(check_number))
        .route("/api/sessions/{id}/check-phone", post(check_number))
        .route("/api/sessions/{id}/groups", get(groups))
        .route("/api/sessions/{id}/typing", post(typing))
        .route("/api/sessions/{id}/stop-typing", post(stop_typing))
        .route("/api/sessions/{id}/set-online", post(set_online))
        .route("/api/sessions/{id}/presence", post(presence))
}

/// The session, if something can be done with it now.
pub(super) async fn live(face: &Face, Owned { ctx, id }: &Owned) -> Result<SessionView, Refusal> {
    let (session, _) = face.api.sessions.look(ctx, id).await?;
    ready(&session)?;
    Ok(session)
}

fn ready(session: &SessionView) -> Result<(), Refusal> {
    if !session.settings.enabled {
        Err(Refusal::disabled(session))
    } else if session.connected() {
        Ok(())
    } else {
        Err(Refusal::not_ready(session))
    }
}

/// Sends what is ready, and tells what became of it under `told`.
pub(super) async fn out(
    face: &Face,
    ctx: &Ctx,
    session: &SessionView,
    (new, told): (NewMessage, &str),
) -> Result<Json<Value>, Refusal> {
    let reference = session.id.to_string();
    let sent = face.api.messages.send(ctx, &reference, new).await?;
    let now = face.api.clock.now_ms();
    Ok(Json(dto::sent(&session.handle, told, &sent, now)))
}

async fn send(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let to = body.recipient(&TO, TO_AND_MESSAGE)?;
    let message = body.said(&["message"], MAX_MESSAGE, TO_AND_MESSAGE)?;
    let session = live(&face, &owned).await?;
    let new = NewMessage::text(to, message);
    out(
        &face,
        &owned.ctx,
        &session,
        (new, "Message sent successfully"),
    )
    .await
}

/// Chooses the session by the number it goes by.
async fn send_by_number(
    State(face): State<Face>,
    Caller(ctx): Caller,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    const MISSING: &str = "Phone, recipient and message fields are required";
    let message = body.said(&["message"], MAX_MESSAGE, MISSING)?;
    let is_told = body.text(&["recipient", "to"], 96)?.is_some();
    let (sender, to) = if is_told {
        (["phone", "session_id", "sessionId"], ["recipient", "to"])
    } else {
        // Without a recipient `phone` is one, and the session goes by its id.
        (["session_id", "sessionId", "session"], ["phone", "number"])
    };
    let sender = body.said(&sender, 96, MISSING)?;
    let to = body.recipient(&to, MISSING)?;
    let seen = visible(&face, &ctx).await?;
    let named = seen.iter().filter(|session| goes_by(session, &sender));
    let session = named.max_by_key(|session| (session.connected(), session.logged_in()));
    let session = session
        .ok_or_else(|| Refusal::not_found(format!("Session not found for phone: {sender}")))?;
    ready(session)?;
    let owner = face
        .api
        .sessions
        .as_owner(&ctx, &session.id.to_string())
        .await?;
    let new = NewMessage::text(to, message);
    out(&face, &owner, session, (new, "Message sent successfully")).await
}

/// Whether a session goes by this name: its id or its number, with or without the server.
fn goes_by(session: &SessionView, name: &str) -> bool {
    let bare = name.strip_suffix("@s.whatsapp.net").unwrap_or(name);
    let bare = bare.strip_prefix('+').unwrap_or(bare);
    session.handle == name || session.handle == bare || session.phone.as_deref() == Some(bare)
}

async fn send_location(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let to = body.recipient(&TO, "To field is required")?;
    let degrees = |name: &'static str, most: f64| {
        let fits = body.number(name)?.filter(|degrees| degrees.abs() <= most);
        fits.ok_or_else(|| Refusal::invalid(format!("{name} must be between -{most} and {most}")))
    };
    let location = Location {
        latitude: degrees("latitude", 90.0)?,
        longitude: degrees("longitude", 180.0)?,
        name: body.text(&["name"], MAX_LINE)?,
        address: body.text(&["address"], MAX_LINE)?,
        url: None,
        live: false,
    };
    let session = live(&face, &owned).await?;
    let new = NewMessage::of(to, Content::Location { location });
    out(
        &face,
        &owned.ctx,
        &session,
        (new, "Location sent successfully"),
    )
    .await
}

async fn reply(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let missing = "To, message and quoted_message_id fields are required";
    let to = body.recipient(&TO, missing)?;
    let message = body.said(&["message"], MAX_MESSAGE, missing)?;
    let quoted = body.said(&["quoted_message_id"], MAX_MESSAGE_ID, missing)?;
    let session = live(&face, &owned).await?;
    let mut new = NewMessage::text(to, message);
    new.reply_to = Some(quoted);
    out(
        &face,
        &owned.ctx,
        &session,
        (new, "Reply sent successfully"),
    )
    .await
}

async fn check_number(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let missing = "Number field is required";
    let number = body.said(&TO, MAX_LINE, missing)?;
    let Address::Phone(digits) = body.recipient(&TO, missing)? else {
        return Err(Refusal::bad_request("this is not a phone number"));
    };
    live(&face, &owned).await?;
    let asked = vec![digits];
    let checked = face
        .api
        .contacts
        .check(&owned.ctx, &owned.id, asked)
        .await?;
    let found = checked.into_iter().next().and_then(|one| one.found);
    let mut body = json!({
        "success": true,
        "number": number,
        "on_whatsapp": found.is_some(),
        "verified": found.as_ref().is_some_and(|found| found.verified_name.is_some()),
        "exists": found.is_some(),
    });
    if let Some(found) = found {
        body["jid"] = jid(&found.party).into();
        if let Some(name) = found.verified_name {
            body["verified_name"] = name.clone().into();
            body["business_name"] = name.into();
        }
    }
    Ok(Json(body))
}

/// The address by the number where that is known; no device.
pub(super) fn jid(party: &Party) -> String {
    match &party.phone {
        Some(digits) => format!("{digits}@s.whatsapp.net"),
        None => party.id.clone(),
    }
}

async fn groups(State(face): State<Face>, owned: Owned) -> Result<Json<Value>, Refusal> {
    live(&face, &owned).await?;
    let found = face.api.groups.list(&owned.ctx, &owned.id).await?;
    let groups: Vec<Value> = found.iter().map(group).collect();
    Ok(Json(json!({
        "success": true,
        "count": groups.len(),
        "groups": groups,
        "data": groups,
    })))
}

fn group(Group { info, participants }: &Group) -> Value {
    let description = info.description.as_deref().unwrap_or_default();
    let created = info.created_at.as_deref().and_then(from_rfc3339);
    json!({
        "jid": info.id,
        "name": info.subject,
        "topic": description,
        "description": description,
        "owner": info.owner.as_ref().map(jid).unwrap_or_default(),
        "participant_count": participants.len(),
        "is_admin": info.role.is_some_and(Role::is_admin),
        "is_super_admin": info.role == Some(Role::Owner),
        "created": created.unwrap_or(0).div_euclid(1000),
    })
}

async fn typing(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let state = match body.flag("typing")? {
        Some(false) => PresenceState::Paused,
        _ => PresenceState::Typing,
    };
    show_typing(&face, &owned, &body, state).await?;
    Ok(Json(only("Typing indicator sent")))
}

async fn stop_typing(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    show_typing(&face, &owned, &body, PresenceState::Paused).await?;
    Ok(Json(only("Typing indicator stopped")))
}

async fn show_typing(
    face: &Face,
    owned: &Owned,
    body: &Fields,
    state: PresenceState,
) -> Result<(), Refusal> {
    let to = body.recipient(&TO, "To field is required")?;
    live(face, owned).await?;
    let chats = &face.api.chats;
    Ok(chats
        .show_state(&owned.ctx, &owned.id, &to.to_string(), state)
        .await?)
}

async fn set_online(State(face): State<Face>, owned: Owned) -> Result<Json<Value>, Refusal> {
    live(&face, &owned).await?;
    face.api
        .chats
        .show_online(&owned.ctx, &owned.id, true)
        .await?;
    Ok(Json(only("Session set to online")))
}

async fn presence(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let status = body.text(&["status"], MAX_LINE)?;
    let status = status.unwrap_or_else(|| "available".to_owned());
    let online = match status.as_str() {
        "available" | "online" => true,
        "unavailable" | "offline" => false,
        _ => {
            let said = "status must be available, online, unavailable or offline";
            return Err(Refusal::invalid(said));
        }
    };
    live(&face, &owned).await?;
    face.api
        .chats
        .show_online(&owned.ctx, &owned.id, online)
        .await?;
    let mut more = Map::new();
    more.insert("data".to_owned(), json!({"status": status}));
    Ok(Json(done("Presence updated successfully", more)))
}
