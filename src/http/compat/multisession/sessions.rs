//! `/api/sessions`: make, show, change and remove sessions.

use std::collections::HashMap;

use axum::{Router, extract::State, http::StatusCode};
use entity::ids::SessionId;
use serde_json::{Map, Value, json};

use super::{
    Face,
    auth::{Caller, Owned},
    dto::{self, KEPT, done, only},
    error::Refusal,
    fields::{Fields, MAX_MESSAGE, MAX_NAME, MAX_URL},
    form::Form,
};
use crate::{
    http::{
        extract::Json,
        routing::{delete, get, post, put},
    },
    service::{
        Ctx, Error,
        sessions::{NewSession, SessionPatch, SessionView},
        webhooks::{Hook, Telling},
    },
};

/// The longest id.
const MAX_ID: usize = 64;
/// What a webhook can be told of.
const EVENTS: [&str; 2] = ["message", "receipt"];

/// The shapes of a webhook that this dialect has; the first is what is taken when nothing is said.
const SHAPES: [&str; 2] = ["nested", "flat"];

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/sessions", get(list).merge(post(create)))
        .route(
            "/api/sessions/{id}",
            get(show).merge(put(update)).merge(delete(remove)),
        )
        .route("/api/sessions/{id}/name", put(rename))
        .route(
            "/api/sessions/{id}/webhook",
            get(webhook)
                .merge(put(set_webhook))
                .merge(delete(clear_webhook)),
        )
        .route("/api/sessions/{id}/auto-reply", put(auto_reply))
        .route("/api/sessions/{id}/proxy", put(proxy))
}

/// Sessions as this dialect shows them, of whichever owners.
pub(super) async fn shown(
    face: &Face,
    ctx: &Ctx,
    sessions: &[SessionView],
) -> Result<Vec<Map<String, Value>>, Refusal> {
    let mut owners = HashMap::new();
    let mut hooks: HashMap<SessionId, Hook> = HashMap::new();
    for session in sessions {
        if owners.contains_key(&session.owner_id) {
            continue;
        }
        let number = face.api.numbers.of_user(session.owner_id).await?;
        owners.insert(session.owner_id, number);
        let owner = face
            .api
            .sessions
            .as_owner(ctx, &session.id.to_string())
            .await?;
        hooks.extend(face.api.webhooks.hooks(&owner).await?);
    }
    let shown = sessions.iter().map(|session| {
        let owner = owners.get(&session.owner_id).copied().unwrap_or_default();
        dto::session(session, owner, hooks.get(&session.id))
    });
    Ok(shown.collect())
}

pub(super) async fn shown_one(
    face: &Face,
    ctx: &Ctx,
    session: &SessionView,
) -> Result<Map<String, Value>, Refusal> {
    let shown = shown(face, ctx, std::slice::from_ref(session)).await?;
    Ok(shown.into_iter().next().unwrap_or_default())
}

/// What the caller sees: an administrator everything.
pub(super) async fn visible(face: &Face, ctx: &Ctx) -> Result<Vec<SessionView>, Refusal> {
    let mut seen = face.api.sessions.everybodys(ctx).await?;
    seen.sort_by_key(|session| (dto::position(session), session.id));
    Ok(seen)
}

async fn list(
    State(face): State<Face>,
    form: Form,
    Caller(ctx): Caller,
) -> Result<Json<Value>, Refusal> {
    let seen = visible(&face, &ctx).await?;
    let sessions: Vec<Value> = shown(&face, &ctx, &seen)
        .await?
        .into_iter()
        .map(Value::Object)
        .collect();
    if form == Form::Flat {
        return Ok(Json(sessions.into()));
    }
    let count = sessions.len();
    Ok(Json(json!({
        "success": true,
        "message": "Sessions retrieved successfully",
        "sessions": sessions,
        "count": count,
        "data": {"sessions": sessions, "count": count},
    })))
}

/// A session at the top, in `data`, and in `data.session`: each client reads another.
fn threefold(message: &str, session: Map<String, Value>) -> Map<String, Value> {
    let mut data = session.clone();
    data.insert("session".to_owned(), session.clone().into());
    let mut body = session;
    body.insert("success".to_owned(), true.into());
    body.insert("message".to_owned(), message.into());
    body.insert("data".to_owned(), data.into());
    body
}

async fn create(
    State(face): State<Face>,
    Caller(ctx): Caller,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let sessions = &face.api.sessions;
    let given = body.text(&["phone", "sessionId"], MAX_ID)?;
    let given = given.filter(|id| !id.is_empty());
    let hook = hook_of(&body)?;
    if let Some(id) = &given {
        match sessions.get(&ctx, id).await {
            Ok(there) => {
                let message = "Session already exists";
                let mut body = threefold(message, shown_one(&face, &ctx, &there).await?);
                body.insert("already_exists".to_owned(), true.into());
                return Ok((StatusCode::OK, Json(body.into())));
            }
            Err(Error::NotFound { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let is_generated = given.is_none();
    let id =
        given.unwrap_or_else(|| rand::random_range(1_000_000_000_u64..=9_999_999_999).to_string());
    let name = body
        .text(&["name"], MAX_NAME)?
        .filter(|name| !name.trim().is_empty());
    let position = if let Some(position) = body.whole("position")? {
        position
    } else {
        let mine = sessions.all(&ctx).await?;
        mine.iter().map(dto::position).max().unwrap_or(0) + 1
    };
    let mut new = NewSession {
        name: Some(name.unwrap_or_else(|| format!("Session-{id}"))),
        handle: Some(id),
        ..NewSession::default()
    };
    let kept = json!({"position": position, "is_generated": is_generated});
    new.metadata.insert(KEPT.to_owned(), kept);
    new.settings.enabled = body.flag("enabled")?.unwrap_or(true);
    new.settings.auto_reply_text = reply_of(&body)?;
    if let Some(config) = body.object("proxy_config")? {
        new.settings.proxy_url = dto::proxy_url(&config)?;
    }
    // Nothing is made that would be refused halfway.
    if let Some(hook) = &hook {
        face.api.webhooks.check_hook(&ctx, &hook.url).await?;
    }
    let made = match sessions.create(&ctx, new).await {
        Err(Error::Quota { .. }) => {
            let limit = face.api.auth.me(&ctx).await?.session_limit.unwrap_or(0);
            return Err(Refusal::forbidden(format!(
                "session limit reached. You can create maximum {limit} sessions"
            )));
        }
        made => made?,
    };
    if let Some(hook) = hook {
        face.api
            .webhooks
            .set_hook(&ctx, made.id, Some(hook))
            .await?;
    }
    let shown = shown_one(&face, &ctx, &made).await?;
    let body = threefold("Session created successfully", shown);
    Ok((StatusCode::CREATED, Json(body.into())))
}

async fn show(State(face): State<Face>, Owned { ctx, id }: Owned) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    let shown = shown_one(&face, &ctx, &session).await?;
    Ok(Json(
        threefold("Session retrieved successfully", shown).into(),
    ))
}

/// What is absent or an empty text stays as it is.
async fn update(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let now = face.api.sessions.to_change(&ctx, &id).await?;
    let name = body.text(&["name"], MAX_NAME)?;
    let name = name.filter(|name| !name.trim().is_empty());
    let mut settings = now.settings.clone();
    if let Some(reply) = reply_of(&body)? {
        settings.auto_reply_text = Some(reply);
    }
    if let Some(config) = body.object("proxy_config")? {
        settings.proxy_url = dto::proxy_url(&config)?;
    }
    if let Some(enabled) = body.flag("enabled")? {
        settings.enabled = enabled;
    }
    let position = body.whole("position")?;
    let patch = SessionPatch {
        handle: None,
        name: name.map(Some),
        metadata: position.map(|position| dto::moved(&now, position)),
        settings: (settings != now.settings).then_some(settings),
    };
    if let Some(hook) = hook_of(&body)? {
        face.api.webhooks.set_hook(&ctx, now.id, Some(hook)).await?;
    }
    let after = face.api.sessions.update(&ctx, &id, patch).await?;
    let mut more = Map::new();
    let shown = shown_one(&face, &ctx, &after).await?;
    more.insert("data".to_owned(), shown.into());
    Ok(Json(done("Session updated", more)))
}

/// Removes it; a phone that is linked is told first.
async fn remove(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    if session.connected() {
        face.api.sessions.logout(&ctx, &id).await?;
    }
    face.api.sessions.delete(&ctx, &id).await?;
    face.api.webhooks.forget_hook(&ctx, session.id).await?;
    Ok(Json(only("Session deleted successfully")))
}

async fn rename(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let name = body.said(&["name"], MAX_NAME, "Name is required")?;
    let patch = SessionPatch {
        name: Some(Some(name.clone())),
        ..SessionPatch::default()
    };
    face.api.sessions.update(&ctx, &id, patch).await?;
    Ok(Json(json!({
        "success": true,
        "message": "Session name updated successfully",
        "name": name,
    })))
}

/// The webhook that a body asks for; none if it asks for none.
fn hook_of(body: &Fields) -> Result<Option<Hook>, Refusal> {
    let url = body.text(&["webhook_url", "webhook"], MAX_URL)?;
    let shape = body.text(&["webhook_format"], 16)?;
    let shape = shape.unwrap_or_else(|| SHAPES[0].to_owned());
    if !SHAPES.contains(&shape.as_str()) {
        return Err(Refusal::invalid("webhook_format must be nested or flat"));
    }
    // A handler of the nested shape reads a message in whatever it gets.
    let usual = if shape == SHAPES[0] { 1 } else { EVENTS.len() };
    let wrong = "webhook_events holds message, receipt or both";
    let events = body.some_of("webhook_events", &EVENTS, wrong)?;
    let events = events.unwrap_or_else(|| EVENTS[..usual].to_vec());
    let types = events.into_iter().map(|event| match event {
        "receipt" => "message.ack".to_owned(),
        other => other.to_owned(),
    });
    Ok(url.filter(|url| !url.is_empty()).map(|url| Hook {
        tells: vec![Telling {
            variant: String::new(),
            types: types.collect(),
        }],
        ..Hook::of_messages(url, shape)
    }))
}

async fn webhook(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    let hook = face.api.webhooks.hooks(&ctx).await?.remove(&session.id);
    let url = hook.map(|hook| hook.url).unwrap_or_default();
    Ok(Json(json!({"success": true, "webhook_url": url})))
}

/// An empty text clears it.
async fn set_webhook(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    if !(body.has("webhook_url") || body.has("webhook")) {
        return Err(Refusal::invalid("webhook_url is required"));
    }
    let hook = hook_of(&body)?;
    let url = hook
        .as_ref()
        .map(|hook| hook.url.clone())
        .unwrap_or_default();
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    face.api.webhooks.set_hook(&ctx, session.id, hook).await?;
    Ok(Json(json!({
        "success": true,
        "message": "Webhook URL updated successfully",
        "webhook_url": url,
    })))
}

async fn clear_webhook(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    face.api.webhooks.set_hook(&ctx, session.id, None).await?;
    Ok(Json(json!({
        "success": true,
        "message": "Webhook URL updated successfully",
        "webhook_url": "",
    })))
}

fn reply_of(body: &Fields) -> Result<Option<String>, Refusal> {
    let reply = body.text(&["auto_reply_text"], MAX_MESSAGE)?;
    Ok(reply.filter(|reply| !reply.is_empty()))
}

/// Changes the settings of a session as `change` says.
pub(super) async fn set(
    face: &Face,
    Owned { ctx, id }: &Owned,
    change: impl FnOnce(&mut crate::domain::session::Settings),
) -> Result<SessionView, Refusal> {
    let mut settings = face.api.sessions.to_change(ctx, id).await?.settings;
    change(&mut settings);
    let patch = SessionPatch {
        settings: Some(settings),
        ..SessionPatch::default()
    };
    Ok(face.api.sessions.update(ctx, id, patch).await?)
}

async fn auto_reply(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let reply = reply_of(&body)?;
    set(&face, &owned, |settings| settings.auto_reply_text = reply).await?;
    Ok(Json(only("Session auto reply updated successfully")))
}

async fn proxy(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let config = body.object("proxy_config")?;
    let url = config.as_ref().map(dto::proxy_url).transpose()?.flatten();
    set(&face, &owned, |settings| settings.proxy_url = url).await?;
    Ok(Json(only(
        "Session proxy configuration updated successfully",
    )))
}
