//! `/v1/webhooks`: where events are delivered.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode};
use entity::{
    enums::{DeliveryOrdering, EndpointState},
    ids::{EndpointId, EventId},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
    },
    service::{
        Ctx, Error,
        webhooks::{Endpoint, EndpointPatch, NewEndpoint, Secret, Trial, Webhooks},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
        .routes(routes!(rotate_webhook_secret))
        .routes(routes!(test_webhook))
        .routes(routes!(enable_webhook))
        .routes(routes!(replay_webhook))
}

/// In which order the events of a session are delivered.
#[derive(Clone, Copy, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Ordering {
    /// First attempts in order; a failed one moves aside.
    #[default]
    Session,
    /// Nothing overtakes an undelivered event.
    Strict,
    /// No order.
    None,
}

impl From<Ordering> for DeliveryOrdering {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::Session => Self::Session,
            Ordering::Strict => Self::Strict,
            Ordering::None => Self::None,
        }
    }
}

impl From<DeliveryOrdering> for Ordering {
    fn from(ordering: DeliveryOrdering) -> Self {
        match ordering {
            DeliveryOrdering::Session => Self::Session,
            DeliveryOrdering::Strict => Self::Strict,
            DeliveryOrdering::None => Self::None,
        }
    }
}

/// Whether an endpoint gets events.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum WebhookState {
    Active,
    /// Gets nothing until it is enabled again.
    Disabled,
    /// Fails; its deliveries wait.
    Tripped,
}

impl From<EndpointState> for WebhookState {
    fn from(state: EndpointState) -> Self {
        match state {
            EndpointState::Active => Self::Active,
            EndpointState::Disabled => Self::Disabled,
            EndpointState::Tripped => Self::Tripped,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Webhook)]
struct WebhookResponse {
    #[schema(value_type = String, example = "whe_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: EndpointId,
    #[schema(example = "https://example.com/hook")]
    url: String,
    types: Vec<String>,
    /// Ids of sessions, or `*`.
    sessions: Vec<String>,
    ordering: Ordering,
    /// The names of the custom headers. Their values are not shown again.
    header_names: Vec<String>,
    state: WebhookState,
    /// Why it is disabled: `gone` (it answered 410), `disabled_by_owner`, …
    disabled_reason: Option<String>,
    /// Since when it has only failed.
    failing_since: Option<String>,
    /// Until when the previous secret signs next to the current one.
    previous_secret_until: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Endpoint> for WebhookResponse {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            types: endpoint.types,
            sessions: endpoint.sessions,
            ordering: endpoint.ordering.into(),
            header_names: endpoint.header_names,
            state: endpoint.state.into(),
            disabled_reason: endpoint.disabled_reason,
            failing_since: endpoint.failing_since.map(rfc3339),
            previous_secret_until: endpoint.previous_secret_until.map(rfc3339),
            created_at: rfc3339(endpoint.created_at),
            updated_at: rfc3339(endpoint.updated_at),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct WebhookWithSecretResponse {
    #[serde(flatten)]
    webhook: WebhookResponse,
    /// What the requests are signed with. It is shown here and never again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

impl From<(Endpoint, Secret)> for WebhookWithSecretResponse {
    fn from((endpoint, secret): (Endpoint, Secret)) -> Self {
        Self {
            webhook: endpoint.into(),
            secret: secret.reveal().to_string(),
        }
    }
}

fn every_type() -> Vec<String> {
    vec!["*".to_owned()]
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateWebhookRequest {
    #[schema(example = "https://example.com/hook")]
    url: String,
    /// Names of events; `*` for all, `message.*` for all below `message.`.
    #[serde(default = "every_type")]
    #[schema(required = false)]
    types: Vec<String>,
    /// Ids or handles of one's own sessions; `*`, as when absent, for all of them.
    sessions: Option<Vec<String>>,
    #[serde(default)]
    #[schema(required = false)]
    ordering: Ordering,
    /// Headers of every request.
    #[serde(default)]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
}

impl From<CreateWebhookRequest> for NewEndpoint {
    fn from(request: CreateWebhookRequest) -> Self {
        Self {
            url: request.url,
            types: request.types,
            sessions: request.sessions,
            ordering: request.ordering.into(),
            headers: request.headers,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateWebhookRequest {
    url: Option<String>,
    types: Option<Vec<String>>,
    sessions: Option<Vec<String>>,
    ordering: Option<Ordering>,
    /// They replace the old ones.
    headers: Option<BTreeMap<String, String>>,
    enabled: Option<bool>,
}

impl From<UpdateWebhookRequest> for EndpointPatch {
    fn from(request: UpdateWebhookRequest) -> Self {
        Self {
            url: request.url,
            types: request.types,
            sessions: request.sessions,
            ordering: request.ordering.map(Into::into),
            headers: request.headers,
            enabled: request.enabled,
        }
    }
}

/// How a test request was answered.
#[derive(Serialize, utoipa::ToSchema)]
struct WebhookTestResponse {
    /// Whether an event answered like this counts as delivered.
    delivered: bool,
    /// The `webhook-id` of the test request.
    #[schema(value_type = String)]
    event_id: EventId,
    status: Option<u16>,
    duration_ms: u64,
    /// The start of the answer.
    response: Option<String>,
    error: Option<String>,
}

impl From<Trial> for WebhookTestResponse {
    fn from(trial: Trial) -> Self {
        Self {
            delivered: trial.delivered,
            event_id: trial.event,
            status: trial.status,
            duration_ms: u64::try_from(trial.duration.as_millis()).unwrap_or(u64::MAX),
            response: trial.response,
            error: trial.error,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    /// RFC 3339; the first moment of the span.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    from: String,
    /// RFC 3339; the end of the span, which is not in it. Now, if absent.
    to: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ReplayResponse {
    /// How many deliveries were queued.
    queued: u64,
}

/// List one's own webhooks.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", params(PageQuery),
    responses((status = 200, body = Page<WebhookResponse>))
)]
async fn list_webhooks(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<WebhookResponse>>, Problem> {
    let limit = query.limit()?;
    let after = match query.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = webhooks.list(&ctx, after, limit).await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |webhook| webhook.id.to_string(),
        WebhookResponse::from,
    )))
}

/// Create a webhook. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", request_body = CreateWebhookRequest,
    responses(
        (status = 201, body = WebhookWithSecretResponse),
        (status = 400, description = "`address_refused` among others", body = ProblemBody),
    )
)]
async fn create_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Json(body): Json<CreateWebhookRequest>,
) -> Result<(StatusCode, Json<WebhookWithSecretResponse>), Problem> {
    let created = webhooks.create(&ctx, body.into()).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Show a webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 200, body = WebhookResponse), (status = 404, body = ProblemBody))
)]
async fn get_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<WebhookResponse>, Problem> {
    Ok(Json(webhooks.get(&ctx, id_of(&id)?).await?.into()))
}

/// Change a webhook.
#[utoipa::path(
    patch, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    request_body = UpdateWebhookRequest,
    responses(
        (status = 200, body = WebhookResponse),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
    )
)]
async fn update_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<UpdateWebhookRequest>,
) -> Result<Json<WebhookResponse>, Problem> {
    let webhook = webhooks.update(&ctx, id_of(&id)?, body.into()).await?;
    Ok(Json(webhook.into()))
}

/// Delete a webhook. What is on its way to it is cancelled.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 204, description = "Done"), (status = 404, body = ProblemBody))
)]
async fn delete_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    webhooks.delete(&ctx, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a new secret. For 24 hours the old one signs as well.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate-secret", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 200, body = WebhookWithSecretResponse), (status = 404, body = ProblemBody))
)]
async fn rotate_webhook_secret(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<WebhookWithSecretResponse>, Problem> {
    let rotated = webhooks.rotate_secret(&ctx, id_of(&id)?).await?;
    Ok(Json(rotated.into()))
}

/// Post a signed `webhook.test` event right now, and tell how it was answered.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 200, body = WebhookTestResponse), (status = 404, body = ProblemBody))
)]
async fn test_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<WebhookTestResponse>, Problem> {
    Ok(Json(webhooks.test(&ctx, id_of(&id)?).await?.into()))
}

/// Enable a webhook. What has waited for it is delivered.
#[utoipa::path(
    post, path = "/webhooks/{id}/enable", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 200, body = WebhookResponse), (status = 404, body = ProblemBody))
)]
async fn enable_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<WebhookResponse>, Problem> {
    Ok(Json(webhooks.enable(&ctx, id_of(&id)?).await?.into()))
}

/// Deliver the events of a span of time once more, each under its own `webhook-id`.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`")),
    request_body = ReplayRequest,
    responses(
        (status = 202, body = ReplayResponse),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody),
    )
)]
async fn replay_webhook(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<ReplayRequest>,
) -> Result<(StatusCode, Json<ReplayResponse>), Problem> {
    let from = time("/from", &body.from)?;
    let to = body.to.as_deref().map(|to| time("/to", to)).transpose()?;
    let queued = webhooks.replay(&ctx, id_of(&id)?, from, to).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayResponse { queued })))
}

pub(super) fn id_of(text: &str) -> Result<EndpointId, Error> {
    text.parse()
        .map_err(|_| Error::NotFound { what: "webhook" })
}

fn time(pointer: &str, text: &str) -> Result<i64, Error> {
    text.parse::<jiff::Timestamp>()
        .map(|time| time.as_millisecond())
        .map_err(|_| Error::invalid(pointer, "must be an RFC 3339 time"))
}
