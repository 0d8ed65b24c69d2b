//! The X-Session-Id service: four paths, one static token, a header that names the session.
//!
//! Owns its words, its statuses and the order of its checks: who asks, which session, what state, then the body. Must never
//! decide what a user may do. It has no webhook. `app` asks for the [`dialect`].

use std::time::Duration;

use axum::{
    Router,
    extract::{FromRequest as _, Request, State},
    middleware,
};

use super::{Access, Dialect};
use crate::{
    domain::message::Status as Sending,
    http::{
        Api,
        extract::{AnyJson, Json},
        guard::tell_left,
        routing::{get, post},
    },
    service::{Error, messages::NewMessage, qr, sessions::SessionView},
};

mod auth;
mod dto;
mod error;

use auth::{Caller, Named, is_id};
use dto::{CodeResponse, Health, NoSession, Sent, StandingResponse, State as Word};
use error::Refusal;

/// How long the first code is waited for, so that the first request already shows one.
const FIRST_CODE: Duration = Duration::from_secs(10);
/// How long a linked session may take to come back before something is sent from it.
const COMES_BACK: Duration = Duration::from_secs(20);
/// What the original counts of.
const WINDOW_MS: i64 = 60_000;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct Face {
    api: Api,
    access: Access,
    /// Milliseconds since 1970.
    started_at: i64,
}

/// The dialect; without access it is switched off.
pub fn dialect(access: Option<Access>) -> Dialect {
    Dialect::new(|api| match access {
        Some(access) => routes(api, access),
        None => Router::new(),
    })
}

fn routes(api: &Api, access: Access) -> Router<Api> {
    let face = Face {
        started_at: api.clock.now_ms(),
        api: api.clone(),
        access,
    };
    Router::new()
        .route("/qr", get(get_qr))
        .route("/send", post(send))
        .route("/status", get(get_status))
        .route("/health", get(get_health))
        .method_not_allowed_fallback(async || Refusal::not_found())
        .layer(middleware::from_fn(tell_left))
        .with_state(face)
}

/// The code to scan. Makes the session and runs it where that is needed.
async fn get_qr(
    State(face): State<Face>,
    Named { ctx, id }: Named,
) -> Result<Json<CodeResponse>, Refusal> {
    let api = &face.api;
    api.sessions.ensure(&ctx, &id).await?;
    match api.linking.start(&ctx, &id, FIRST_CODE).await {
        Ok(code) => return Ok(Json(CodeResponse::scan(id, qr::data(&code)?))),
        Err(Error::NotReady { code, detail }) if code == "session_disabled" => {
            return Err(Error::NotReady { code, detail }.into());
        }
        Err(Error::NotReady { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let (session, _) = api.sessions.look(&ctx, &id).await?;
    Ok(Json(CodeResponse::without(id, &session)))
}

/// Where a session is; one that is not there is no fault. Makes none.
async fn get_status(
    State(face): State<Face>,
    Named { ctx, id }: Named,
) -> Result<Result<Json<StandingResponse>, Json<NoSession>>, Refusal> {
    let api = &face.api;
    let (session, code) = match api.sessions.look(&ctx, &id).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(Err(Json(NoSession::of(id)))),
        Err(other) => return Err(other.into()),
    };
    let now = api.clock.now_ms();
    let mut status = StandingResponse::of(id.clone(), &session);
    if let Some(since) = session.connected_at {
        let count = async |from| api.messages.count_sent(&ctx, &id, from).await;
        status.message_count = count(since).await?;
        status.messages_this_minute = count(since.max(now - WINDOW_MS)).await?;
    }
    if let Some(code) = code {
        status.qr_code = Some(qr::data(&code)?.image);
    }
    Ok(Ok(Json(status)))
}

/// Sends a text. The state of the session is looked at before the body.
async fn send(
    State(face): State<Face>,
    Named { ctx, id }: Named,
    request: Request,
) -> Result<Json<Sent>, Refusal> {
    let api = &face.api;
    let missing = |error| match error {
        Error::NotFound { .. } => Refusal::no_session(),
        other => other.into(),
    };
    api.messages.admit(&ctx, &id).await.map_err(missing)?;
    let session = api.linking.ready(&ctx, &id, COMES_BACK).await?;
    if !session.connected() {
        return Err(Refusal::not_ready(&id, Word::of(session.state)));
    }
    let AnyJson(body) = AnyJson::from_request(request, &()).await?;
    let (to, message) = dto::message(&body)?;
    let to = to.known(&api.contacts, &ctx, &id).await?;
    let sent = api
        .messages
        .send(&ctx, &id, NewMessage::text(to.address(), message))
        .await?;
    Ok(Json(Sent::of(id, &to, &sent, api.clock.now_ms())))
}

/// How many sessions are where.
async fn get_health(
    State(face): State<Face>,
    Caller(ctx): Caller,
) -> Result<Json<Health>, Refusal> {
    let all = face.api.sessions.all(&ctx).await?;
    let shown = all.iter().filter(|session| is_id(&session.handle));
    let states = shown.map(|session: &SessionView| Word::of(session.state));
    let uptime_ms = (face.api.clock.now_ms() - face.started_at).max(0);
    Ok(Json(Health::of(states, uptime_ms)))
}
