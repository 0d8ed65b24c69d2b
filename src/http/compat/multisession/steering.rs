//! `/api/sessions/{id}/…`: run and stop a session, and show its code.

use std::time::Duration;

use axum::{Router, extract::State, routing::MethodRouter};
use serde_json::{Map, Value, json};

use super::{
    Face,
    auth::Owned,
    dto::{self, done, only},
    error::Refusal,
    fields::Fields,
    sessions::set,
};
use crate::{
    http::{
        extract::Json,
        routing::{get, post, put},
    },
    service::{Error, qr, sessions::SessionView},
};

/// How long a code is waited for.
const CODE_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/sessions/{id}/enabled", put(enable))
        .route("/api/sessions/{id}/connect", post(connect))
        .route("/api/sessions/{id}/login", post(login))
        .route("/api/sessions/{id}/disconnect", post(disconnect))
        .route("/api/sessions/{id}/logout", post(logout))
        .route("/api/sessions/{id}/qr", get(show_code))
}

/// The path that another dialect has as well.
pub(super) const STATUS: &str = "/api/sessions/{id}/status";

pub(super) fn status_route() -> MethodRouter<Face> {
    get(status)
}

async fn enable(
    State(face): State<Face>,
    owned: Owned,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let enabled = body.flag("enabled")?;
    let enabled = enabled.ok_or_else(|| Refusal::invalid("enabled is required"))?;
    let session = set(&face, &owned, |settings| settings.enabled = enabled).await?;
    if enabled && session.logged_in() {
        face.api.sessions.connect(&owned.ctx, &owned.id).await?;
    }
    let word = if enabled { "enabled" } else { "disabled" };
    Ok(Json(json!({
        "success": true,
        "message": format!("Session {word} successfully"),
        "enabled": enabled,
    })))
}

/// Runs it; repeated, it changes nothing.
async fn start(face: &Face, Owned { ctx, id }: &Owned) -> Result<(), Refusal> {
    let (session, _) = face.api.sessions.look(ctx, id).await?;
    if !session.settings.enabled {
        return Err(Refusal::disabled(&session));
    }
    face.api.sessions.connect(ctx, id).await?;
    Ok(())
}

async fn connect(State(face): State<Face>, owned: Owned) -> Result<Json<Value>, Refusal> {
    start(&face, &owned).await?;
    let base = face.api.settings.public_url.replacen("http", "ws", 1);
    Ok(Json(json!({
        "success": true,
        "message": "Connection initiated",
        "websocket_url": format!("{base}/api/ws/{}", owned.id),
    })))
}

async fn login(State(face): State<Face>, owned: Owned) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&owned.ctx, &owned.id).await?;
    if session.connected() {
        return Err(logged_in(&session));
    }
    start(&face, &owned).await?;
    Ok(Json(only("Login process initiated")))
}

fn logged_in(session: &SessionView) -> Refusal {
    Refusal::bad_request(format!("session {} is already logged in", session.handle))
}

async fn disconnect(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    face.api.sessions.disconnect(&ctx, &id).await?;
    Ok(Json(only("Session disconnected")))
}

async fn logout(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    if !session.logged_in() {
        return Err(Refusal::bad_request(format!(
            "session {id} is not logged in"
        )));
    }
    face.api.sessions.logout(&ctx, &id).await?;
    Ok(Json(only("Session logged out successfully")))
}

/// The code that is valid now. Runs the session if nobody did.
async fn show_code(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    if !session.settings.enabled {
        return Err(Refusal::disabled(&session));
    }
    if session.logged_in() {
        return Err(logged_in(&session));
    }
    let code = match face.api.linking.start(&ctx, &id, CODE_WITHIN).await {
        Ok(code) => code,
        Err(Error::NotReady {
            code: "session_already_linked",
            ..
        }) => return Err(logged_in(&session)),
        Err(Error::NotReady { .. }) => return Err(Refusal::no_code()),
        Err(other) => return Err(other.into()),
    };
    let shown = qr::data(&code)?;
    let data = dto::code(&code, shown, face.api.clock.now_ms());
    let mut more = Map::new();
    more.insert("qr_code".to_owned(), data["qr_code"].clone());
    more.insert("data".to_owned(), data.into());
    Ok(Json(done("QR code generated", more)))
}

async fn status(
    State(face): State<Face>,
    Owned { ctx, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    let (status, connected, logged_in) = dto::state(&session);
    Ok(Json(json!({
        "success": true,
        "status": status,
        "data": {"status": status, "connected": connected, "logged_in": logged_in},
    })))
}
