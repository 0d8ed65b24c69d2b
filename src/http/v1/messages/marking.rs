//! `/v1/sessions/{id}/messages/{message_id}/{read,star,pin,keep}`: what is done with a message and says nothing new.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::{SentResponse, wait};
use crate::{
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, messages::Messages},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(read_message))
        .routes(routes!(star_message))
        .routes(routes!(pin_message))
        .routes(routes!(keep_message))
}

const fn yes() -> bool {
    true
}

/// Tell whoever wrote a message that it was read.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/read", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
    ),
    responses(
        (status = 204),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`own_message`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn read_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    messages.read(&ctx, &id, &message_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct StarRequest {
    /// `false` takes the star away.
    #[serde(default = "yes")]
    #[schema(default = true)]
    starred: bool,
}

/// Put a star at a message, on the devices of this account.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/star", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
    ),
    request_body = StarRequest,
    responses(
        (status = 204),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn star_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    Json(body): Json<StarRequest>,
) -> Result<StatusCode, Problem> {
    let about = (id.as_str(), message_id.as_str());
    messages.star(&ctx, about, body.starred).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PinMessageRequest {
    /// `false` takes it away.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pinned: bool,
    /// For how long: 86400, 604800 or 2592000.
    #[schema(default = 604_800)]
    expires_in_s: Option<u32>,
}

/// Put a message at the top of its chat, for everybody.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/pin", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = PinMessageRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`expiry_not_offered`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn pin_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<PinMessageRequest>,
) -> Result<(StatusCode, Json<SentResponse>), Problem> {
    let about = (id.as_str(), message_id.as_str());
    let pin = messages.pin(&ctx, about, body.pinned, body.expires_in_s, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(pin.await?.into())))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct KeepRequest {
    /// `false` lets it go.
    #[serde(default = "yes")]
    #[schema(default = true)]
    kept: bool,
}

/// Keep a message that would disappear, for everybody.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/keep", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = KeepRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`message_does_not_expire`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn keep_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<KeepRequest>,
) -> Result<(StatusCode, Json<SentResponse>), Problem> {
    let about = (id.as_str(), message_id.as_str());
    let keep = messages.keep(&ctx, about, body.kept, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(keep.await?.into())))
}
