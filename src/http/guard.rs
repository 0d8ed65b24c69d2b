//! Before every guarded route: whether they may ask again so soon, and who is there.
//!
//! Takes each request out of up to three buckets: of its address before anything is read of it, of its credential, of its tenant.
//! Puts the [`Ctx`] into the request and the rate-limit headers on the answer. The policy is in `service`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};

use super::{
    Api,
    audit::Admitted,
    extract::{Peer, RequestId},
    origin,
    problem::Problem,
};
use crate::{
    domain::principal::Principal,
    service::{
        Ctx,
        auth::Authenticated,
        rates::{Allowance, Spender},
        shares::{Busy, Turn},
        throttle::network,
    },
};

/// When to come back to a node on which too many requests of the tenant wait.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// The route of a session's log.
const STREAM: &str = "/sessions/{id}/events";

/// The layer before [`authenticate`]: see [`knock`].
pub(super) async fn not_too_fast(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    knock(&api, &mut parts).await?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Before it is known who asks: not faster than their address may, so that a wrong credential costs as much as a good one.
pub(super) async fn knock(api: &Api, parts: &mut Parts) -> Result<(), Problem> {
    let Peer(address) = Peer::from_request_parts(parts, api)
        .await
        .unwrap_or_else(|never| match never {});
    let allowance = api.limits_of_addresses.take(&network(address));
    allowed(&parts.extensions, allowance)
}

/// The layer around guarded routes.
pub(super) async fn authenticate(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let credential = credential(request.headers())
        .map(str::to_owned)
        .or_else(|| token_of_stream(&request))
        .ok_or_else(missing)?;
    let authenticated = api.auth.authenticate(&credential).await?;
    check_origin(&api, request.headers(), &authenticated)?;
    let (mut parts, body) = request.into_parts();
    let ctx = admit(&api, &mut parts, authenticated.principal).await?;
    let known = authenticated.user;
    parts.extensions.insert(Ctx { known, ..ctx });
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Lets a caller in, once it is known who that is: not faster than they may ask, and in turn with others when the node is busy.
pub(super) async fn admit(
    api: &Api,
    parts: &mut Parts,
    principal: Principal,
) -> Result<Ctx, Problem> {
    let RequestId(request_id) = RequestId::from_request_parts(parts, &())
        .await
        .unwrap_or_else(|never| match never {});
    let mut ctx = Ctx {
        principal: Arc::new(principal),
        request_id,
        known: None,
        turn: Turn::default(),
    };
    Admitted::tell(&parts.extensions, &ctx);
    spend(api, &ctx, &parts.extensions)?;
    let weight = api.quotas.limits(ctx.owner()).await?.weight;
    let turn = api.shares.enter(ctx.owner(), weight).await;
    ctx.turn = turn.map_err(|Busy| too_many(BUSY_RETRY))?;
    Ok(ctx)
}

/// Takes a request out of the bucket of its credential and then out of its tenant's: what is too fast for the one uses up nothing
/// of the other.
pub(super) fn spend(api: &Api, ctx: &Ctx, extensions: &Extensions) -> Result<(), Problem> {
    if let Some(limits) = &api.limits_of_keys {
        allowed(extensions, limits.take(&Spender::of(&ctx.principal)))?;
    }
    allowed(extensions, api.limits.take(&ctx.owner()))
}

fn allowed(extensions: &Extensions, allowance: Allowance) -> Result<(), Problem> {
    Left::tell(extensions, allowance);
    match allowance.retry_after {
        Some(after) => Err(too_many(after)),
        None => Ok(()),
    }
}

/// The credential of the headers: `Authorization: Bearer`, else `X-Api-Key`.
pub(super) fn credential(headers: &HeaderMap) -> Option<&str> {
    let key = || {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
    };
    bearer(headers)
        .or_else(key)
        .filter(|credential| !credential.is_empty())
}

/// What stands behind `Authorization: Bearer`. Of two such headers none counts: whoever stands in front may have judged the other.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let first = shown.next().filter(|_| shown.next().is_none());
    first
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credential)| credential.trim())
}

/// Whether the log is asked for as a stream.
pub(super) fn asks_for_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"))
}

/// The `token` of an `EventSource`: it can send no header of its own. On the stream of a log alone.
fn token_of_stream(request: &Request) -> Option<String> {
    let path = request.extensions().get::<MatchedPath>()?;
    if !path.as_str().ends_with(STREAM) || !asks_for_stream(request.headers()) {
        return None;
    }
    let query = request.uri().query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, token) = pairs.find(|(key, _)| key == "token")?;
    Some(token.into_owned()).filter(|token| !token.is_empty())
}

/// The refusal of a request without a credential.
pub(super) fn missing() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "send an Authorization: Bearer or an X-Api-Key header",
    )
}

/// A link token that names its pages works on them alone.
fn check_origin(
    api: &Api,
    headers: &HeaderMap,
    authenticated: &Authenticated,
) -> Result<(), Problem> {
    match &authenticated.allowed_origins {
        Some(allowed) => origin::check(headers, &api.settings.cors_origins, Some(allowed)),
        None => Ok(()),
    }
}

pub(super) fn too_many(after: Duration) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "too many requests; see Retry-After",
    )
    .retry_after(after)
}

/// What a caller has left, where the layer that writes it on the answer is not the one that lets callers in.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<Mutex<Option<Allowance>>>);

impl Left {
    /// Tells the layer around the request of `extensions`. Of all that is told the bucket stays that refuses, else the one with
    /// the least left: it is what holds the caller back next.
    pub(super) fn tell(extensions: &Extensions, allowance: Allowance) {
        let tightness = |of: &Allowance| (of.retry_after.is_none(), of.remaining);
        if let Some(Self(left)) = extensions.get() {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            if left.is_none_or(|told| tightness(&allowance) < tightness(&told)) {
                *left = Some(allowance);
            }
        }
    }

    /// What was told; nothing, if nobody asked for it.
    pub(super) fn told(&self) -> Option<Allowance> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer around whatever takes out of the buckets: writes on each answer what the caller has left.
pub(super) async fn tell_left(mut request: Request, next: Next) -> Response {
    let left = Left::default();
    request.extensions_mut().insert(left.clone());
    let mut response = next.run(request).await;
    if let Some(allowance) = left.told() {
        write_allowance(response.headers_mut(), &allowance);
    }
    response
}

fn write_allowance(headers: &mut HeaderMap, allowance: &Allowance) {
    write_numbers(headers, allowance, allowance.reset.as_secs());
}

/// Writes what is left; `reset` in whichever way the face has it.
pub(super) fn write_numbers(headers: &mut HeaderMap, allowance: &Allowance, reset: u64) {
    let numbers = [
        ("x-ratelimit-limit", u64::from(allowance.limit)),
        ("x-ratelimit-remaining", u64::from(allowance.remaining)),
        ("x-ratelimit-reset", reset),
    ];
    for (name, number) in numbers {
        if let Ok(value) = HeaderValue::from_str(&number.to_string()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
