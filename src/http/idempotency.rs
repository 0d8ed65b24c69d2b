//! `Idempotency-Key` on writes that send: the same request twice gets one effect and one answer.
//!
//! The request runs in a task of its own, so that a client that hangs up does not leave it half done.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use super::{
    Api,
    extract::read_body,
    problem::{self, Problem},
};
use crate::{
    domain::principal::Scope,
    service::{
        Ctx, Error,
        idempotency::{Claim, Claimed, Kept},
    },
};

/// The paths whose POST sends something, which takes `messages:send`. Others answer with secrets, which must not be kept.
const SENDS: [&str; 4] = [
    "/v1/sessions/{id}/messages",
    "/v1/sessions/{id}/groups",
    "/v1/sessions/{id}/communities",
    "/v1/sessions/{id}/channels",
];

/// How long a second request with the same key waits before it comes again.
const IN_FLIGHT_RETRY: Duration = Duration::from_secs(1);

static KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The layer around guarded routes.
pub(super) async fn once(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(key) = key_of(&request) else {
        return Ok(next.run(request).await);
    };
    // Who may not send is refused by the handler, whatever the answer was to somebody who may.
    let ctx = request.extensions().get::<Ctx>().cloned();
    let Some(ctx) = ctx.filter(|ctx| ctx.principal.may(Scope::MessagesSend)) else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let bytes = read_body(Request::from_parts(parts.clone(), body)).await?;
    let path = parts.uri.path().as_bytes();
    let shape = [parts.method.as_str().as_bytes(), path, &bytes];
    match api.idempotency.claim(&ctx, &key, shape).await? {
        Claim::First(claimed) => {
            let request = Request::from_parts(parts, Body::from(bytes));
            run(api, ctx, claimed, next, request).await
        }
        Claim::Done(kept) => Ok(replay(kept)),
        Claim::InFlight => Err(Problem::new(
            StatusCode::CONFLICT,
            "idempotency_in_flight",
            "the first request with this Idempotency-Key is still under way",
        )
        .retry_after(IN_FLIGHT_RETRY)),
        Claim::Reused => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this Idempotency-Key was used for another request",
        )),
    }
}

fn key_of(request: &Request) -> Option<String> {
    let sends = request.method() == Method::POST
        && request
            .extensions()
            .get::<MatchedPath>()
            .is_some_and(|path| SENDS.contains(&path.as_str()));
    let value = request.headers().get(&KEY).filter(|_| sends)?;
    // What is not text is refused with the rules of a key.
    Some(value.to_str().unwrap_or_default().to_owned())
}

async fn run(
    api: Api,
    ctx: Ctx,
    claimed: Claimed,
    next: Next,
    request: Request,
) -> Result<Response, Problem> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let service = api.idempotency.clone();
    let task = async move {
        let response = next.run(request).await;
        let kept = keep(&service, &ctx, claimed, response).await;
        // The client may have gone; the answer waits for it under its key.
        drop(answer.send(kept));
    };
    api.tasks.spawn("http.idempotent", task.in_current_span());
    answered
        .await
        .map_err(|_| Problem::of_status(StatusCode::SERVICE_UNAVAILABLE))?
        .map_err(Problem::from)
}

/// Keeps an answer that is final. Whatever the caller should try again frees the key, and so does what a credential that is bound to one
/// session does not see.
async fn keep(
    service: &crate::service::idempotency::Idempotency,
    ctx: &Ctx,
    claimed: Claimed,
    response: Response,
) -> Result<Response, Error> {
    let status = response.status();
    let again = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT)
        || (status == StatusCode::NOT_FOUND && ctx.principal.session.is_some());
    if again {
        service.release(ctx, claimed).await?;
        return Ok(response);
    }
    let (parts, body) = problem::render(response, &ctx.request_id).into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(Error::internal)?;
    let kept = Kept {
        status: status.as_u16(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    service.keep(ctx, claimed, kept).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replay(kept: Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let kind = if status.is_success() {
        "application/json"
    } else {
        problem::MEDIA_TYPE
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    (status, headers, kept.body).into_response()
}
