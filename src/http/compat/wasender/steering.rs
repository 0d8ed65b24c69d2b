//! `/api/whatsapp-sessions/{id}/…`: run and stop a session, show its code, renew its key; and what a session says of itself.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::MethodRouter,
};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Owned, Seen},
    dto::{self, done},
    error::Refusal,
    form::{Form, query_flag},
    hook::Kept,
    sessions::is_loud,
};
use crate::{
    domain::session::Qr,
    http::{
        extract::Json,
        routing::{get, post},
    },
    service::{Error, qr, sessions::SessionView},
};

/// How long a code is waited for.
const CODE_WITHIN: Duration = Duration::from_secs(15);

/// Where a query asks for a picture of the code.
const AS_IMAGE: [&str; 2] = ["qrAsImage", "qr_as_image"];

pub(super) fn routes() -> Router<Face> {
    const AT: &str = "/api/whatsapp-sessions/{id}";
    Router::new()
        .route(&format!("{AT}/connect"), post(connect))
        .route(&format!("{AT}/qrcode"), get(show_code))
        .route(&format!("{AT}/qr-code"), get(show_code))
        .route(&format!("{AT}/status"), get(status_of))
        .route(&format!("{AT}/disconnect"), post(disconnect))
        .route(&format!("{AT}/restart"), post(restart))
        .route(&format!("{AT}/regenerate-key"), post(renew_key))
        .route(&format!("{AT}/regenerate-api-key"), post(renew_key))
        .route("/api/status", get(status))
}

/// The path that another dialect has as well.
pub(super) const STATUS: &str = "/api/sessions/{id}/status";

pub(super) fn status_route() -> MethodRouter<Face> {
    get(status_of)
}

/// A code as it is asked for: what it holds, or its picture.
fn shown_code(code: &Qr, as_image: bool) -> Result<Value, Refusal> {
    let data = qr::data(code)?;
    let shown = if as_image { &data.image } else { &data.code };
    Ok(json!({
        "status": "need_scan",
        "qrCode": shown,
        "qr_code": shown,
        "qrCodeImage": data.image,
        "expires_at": data.expires_at,
        "message": "Scan the QR code with WhatsApp",
    }))
}

/// Two sessions with one number throw each other out.
async fn refuse_second(face: &Face, Owned { ctx, session, .. }: &Owned) -> Result<(), Refusal> {
    let kept = Kept::of(session).phone;
    let digits = session.phone.clone().or(kept);
    let Some(digits) = digits.as_deref().map(|one| one.trim_start_matches('+')) else {
        return Ok(());
    };
    if ctx.principal.session.is_some() || session.connected() {
        return Ok(());
    }
    let all = face.api.sessions.all(ctx).await?;
    let is_there = |other: &SessionView| {
        other.id != session.id && other.connected() && other.phone.as_deref() == Some(digits)
    };
    if all.iter().any(is_there) {
        let message = "This phone number is connected in another session";
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    Ok(())
}

async fn connect(
    State(face): State<Face>,
    owned: Owned,
    uri: Uri,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let as_image = form.flag("qr_as_image").or_else(|| form.flag("qrAsImage"));
    form.finish()?;
    let as_image = as_image == Some(true) || query_flag(&uri, &AS_IMAGE);
    refuse_second(&face, &owned).await?;
    let Owned { ctx, session, id } = &owned;
    let connected = |session: &SessionView, message: &str| {
        let status = dto::status(session, is_loud(&headers));
        done(message, json!({"status": status, "message": message}))
    };
    if session.connected() {
        return Ok(connected(session, "Session already connected"));
    }
    match face.api.linking.start(ctx, id, CODE_WITHIN).await {
        Ok(code) => return Ok(done("Scan the QR code", shown_code(&code, as_image)?)),
        // It is connected, or not yet as far as a code: the state says which.
        Err(Error::NotReady {
            code: "session_already_linked" | "qr_not_ready",
            ..
        }) => {}
        Err(other) => return Err(other.into()),
    }
    let (now, _) = face.api.sessions.look(ctx, id).await?;
    Ok(if now.connected() {
        connected(&now, "Session connected")
    } else {
        connected(&now, "Session is connecting")
    })
}

async fn show_code(
    State(face): State<Face>,
    Owned { ctx, id, .. }: Owned,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let (_, code) = face.api.sessions.look(&ctx, &id).await?;
    let none = || Refusal::bad_request("QR code not available. Connect the session first.");
    let code = code.ok_or_else(none)?;
    let shown = shown_code(&code, query_flag(&uri, &AS_IMAGE))?;
    Ok(done("QR code retrieved successfully", shown))
}

async fn status_of(
    Owned { session, .. }: Owned,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let status = dto::status(&session, is_loud(&headers));
    Ok(Json(json!({
        "success": true,
        "message": "ok",
        "status": status,
        "data": {"status": status},
    })))
}

/// The one answer without `success`.
async fn status(
    Seen(Owned { session, .. }): Seen,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(
        json!({"status": dto::status(&session, is_loud(&headers))}),
    ))
}

/// Unlinks the phone. What is not linked is stopped.
async fn disconnect(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    if session.logged_in() {
        face.api.sessions.logout(&ctx, &id).await?;
    } else {
        face.api.sessions.disconnect(&ctx, &id).await?;
    }
    let message = "WhatsApp session disconnected successfully";
    let data = json!({"status": "disconnected", "message": message});
    Ok(done(message, data))
}

async fn restart(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
) -> Result<Json<Value>, Refusal> {
    if !session.connected() {
        return Err(Refusal::bad_request("The session is not connected."));
    }
    face.api.sessions.restart(&ctx, &id).await?;
    let message = "WhatsApp session restarted successfully.";
    Ok(done(message, json!({"status": "connecting"})))
}

async fn renew_key(
    State(face): State<Face>,
    Owned { ctx, session, .. }: Owned,
) -> Result<Json<Value>, Refusal> {
    let fresh = face.api.credentials.renew_key(&ctx, session.id).await?;
    Ok(Json(json!({
        "success": true,
        "message": "API key regenerated successfully",
        "api_key": fresh.api_key,
        "data": {"api_key": fresh.api_key},
    })))
}
