//! `/api/whatsapp-sessions`: make, show, change and remove sessions.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Caller, Owned},
    dto::{self, done},
    error::Refusal,
    form::{Form, MAX_LINE},
    hook::{Kept, named},
};
use crate::{
    domain::session::Settings,
    http::{
        extract::Json,
        routing::{delete, get, post, put},
    },
    service::{
        Ctx,
        credentials::SessionCredentials,
        sessions::{NewSession, SessionPatch, SessionView},
    },
};

/// The longest name of a session, in characters.
const MAX_NAME: usize = 128;

/// This client compares states with words in capitals.
const LOUD_CLIENT: &str = "wasender-typescript-sdk/0.3.2";

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/whatsapp-sessions", get(list).merge(post(create)))
        .route(
            "/api/whatsapp-sessions/{id}",
            get(show).merge(put(update)).merge(delete(remove)),
        )
}

/// Whether the caller wants to hear states in capitals.
pub(super) fn is_loud(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT);
    agent
        .and_then(|agent| agent.to_str().ok())
        .is_some_and(|agent| agent.contains(LOUD_CLIENT))
}

/// Sessions of the caller's as this dialect shows them.
pub(super) async fn shown(
    face: &Face,
    ctx: &Ctx,
    sessions: &[SessionView],
    is_loud: bool,
) -> Result<Vec<Value>, Refusal> {
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    let owner = face.api.numbers.of_user(ctx.owner()).await?;
    let numbers = face.api.numbers.of_sessions(&ids).await?;
    let credentials = face.api.credentials.of(ctx, &ids).await?;
    let shown = sessions.iter().map(|session| {
        let number = numbers.get(&session.id).copied().unwrap_or_default();
        let credentials = credentials.get(&session.id);
        dto::session(session, (number, owner), credentials, is_loud)
    });
    Ok(shown.collect())
}

pub(super) async fn shown_one(
    face: &Face,
    ctx: &Ctx,
    session: &SessionView,
    is_loud: bool,
) -> Result<Value, Refusal> {
    let shown = shown(face, ctx, std::slice::from_ref(session), is_loud).await?;
    Ok(shown.into_iter().next().unwrap_or_default())
}

async fn list(
    State(face): State<Face>,
    Caller(ctx): Caller,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let all = face.api.sessions.all(&ctx).await?;
    let all = shown(&face, &ctx, &all, is_loud(&headers)).await?;
    Ok(done("Sessions retrieved successfully", all.into()))
}

/// The number that a session is said to be for: `+` and 8 to 15 digits.
fn phone_of(form: &mut Form) -> Option<String> {
    let phone = form.said("phone_number", MAX_LINE)?;
    let digits = phone.strip_prefix('+').unwrap_or_default();
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !fits {
        let detail = "The phone_number field must be + and 8 to 15 digits.";
        form.fault("phone_number", detail);
    }
    fits.then_some(phone)
}

/// Takes over the switches that a body names.
fn read_settings(form: &mut Form, settings: &mut Settings) {
    for (name, switch) in [
        ("account_protection", &mut settings.account_protection),
        ("log_messages", &mut settings.log_messages),
        (
            "read_incoming_messages",
            &mut settings.read_incoming_messages,
        ),
        ("auto_reject_calls", &mut settings.auto_reject_calls),
        ("always_online", &mut settings.always_online),
        ("ignore_groups", &mut settings.ignore_groups),
        ("ignore_broadcasts", &mut settings.ignore_broadcasts),
        ("ignore_channels", &mut settings.ignore_channels),
    ] {
        if let Some(value) = form.flag(name) {
            *switch = value;
        }
    }
    if form.mentions("proxy_url") {
        let url = form.text("proxy_url", MAX_LINE);
        settings.proxy_url = url.filter(|url| !url.is_empty());
    }
}

async fn create(
    State(face): State<Face>,
    Caller(ctx): Caller,
    headers: HeaderMap,
    mut form: Form,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let name = form.said("name", MAX_NAME);
    // A caller who leaves them out is protected.
    let mut settings = Settings {
        account_protection: true,
        ..Settings::default()
    };
    read_settings(&mut form, &mut settings);
    let mut kept = Kept {
        phone: phone_of(&mut form),
        ..Kept::default()
    };
    kept.read(&mut form);
    form.finish()?;
    let tells = kept.tells();
    if tells {
        check(&face, &ctx, &kept).await?;
    }
    let mut new = NewSession {
        name,
        settings,
        ..NewSession::default()
    };
    kept.keep(&mut new.metadata);
    let made = face.api.sessions.create(&ctx, new).await?;
    if tells {
        post_to(&face, &ctx, &made, &kept).await?;
    }
    let shown = shown_one(&face, &ctx, &made, is_loud(&headers)).await?;
    let body = done("Session created successfully", shown);
    Ok((StatusCode::CREATED, body))
}

/// Refuses what could not be set of a webhook, so that nothing is changed halfway.
async fn check(face: &Face, ctx: &Ctx, kept: &Kept) -> Result<(), Refusal> {
    if !SessionCredentials::may_hold(ctx) {
        let message = "This token may not have the secret that webhooks are sent with.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    if let Some(url) = kept.url.as_deref().filter(|_| kept.enabled) {
        let checked = face.api.webhooks.check_hook(ctx, url).await;
        checked.map_err(Refusal::from).map_err(named)?;
    }
    Ok(())
}

/// Sees to it that events of `session` are posted as `kept` says.
async fn post_to(
    face: &Face,
    ctx: &Ctx,
    session: &SessionView,
    kept: &Kept,
) -> Result<(), Refusal> {
    let credentials = face.api.credentials.of(ctx, &[session.id]).await?;
    let hook = credentials
        .get(&session.id)
        .and_then(|own| kept.hook(&own.webhook_secret));
    let set = face.api.webhooks.set_hook(ctx, session.id, hook).await;
    set.map_err(Refusal::from).map_err(named)
}

async fn show(
    State(face): State<Face>,
    Owned { ctx, session, .. }: Owned,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let shown = shown_one(&face, &ctx, &session, is_loud(&headers)).await?;
    Ok(done("Session retrieved successfully", shown))
}

/// What is absent stays as it is.
async fn update(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let name = form.has("name").then(|| form.said("name", MAX_NAME));
    let mut settings = session.settings.clone();
    read_settings(&mut form, &mut settings);
    let before = Kept::of(&session);
    let mut kept = before.clone();
    if form.has("phone_number") {
        kept.phone = phone_of(&mut form);
    }
    kept.read(&mut form);
    form.finish()?;
    let is_kept_anew = kept != before;
    let tells_anew = is_kept_anew && (before.tells() || kept.tells());
    let mut metadata = session.metadata.clone();
    kept.keep(&mut metadata);
    let patch = SessionPatch {
        handle: None,
        name,
        metadata: is_kept_anew.then_some(metadata),
        settings: (settings != session.settings).then_some(settings),
    };
    if tells_anew {
        check(&face, &ctx, &kept).await?;
    }
    let after = face.api.sessions.update(&ctx, &id, patch).await?;
    if tells_anew {
        post_to(&face, &ctx, &after, &kept).await?;
    }
    let shown = shown_one(&face, &ctx, &after, is_loud(&headers)).await?;
    Ok(done("Session updated successfully", shown))
}

/// Removes it; a phone that is linked is told first.
async fn remove(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    if session.connected() {
        face.api.sessions.logout(&ctx, &id).await?;
    }
    face.api.sessions.delete(&ctx, &id).await?;
    face.api.webhooks.forget_hook(&ctx, session.id).await?;
    Ok(done("Session deleted successfully", json!(null)))
}
