//! `/v1/webhooks`: where events are delivered.

use axum::{extract::State, http::StatusCode};
use entity::ids::EndpointId;
use utoipa_axum::router::OpenApiRouter;

use self::dto::{
    CreateWebhookRequest, EndedWord, PurgeQuery, PurgeResponse, ReplayRequest, ReplayResponse,
    UpdateWebhookRequest, WebhookResponse, WebhookTestResponse, WebhookWithSecretResponse,
};
use crate::{
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, Error, webhooks::Webhooks},
};

mod dto;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
        .routes(routes!(rotate_webhook_secret))
        .routes(routes!(test_webhook))
        .routes(routes!(enable_webhook))
        .routes(routes!(replay_webhook))
        .routes(routes!(purge_deliveries))
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

/// Deliver once more, each event under its own `webhook-id`: the events of a span of time, or with `state` the
/// deliveries that ended like that.
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
    let time_of = |pointer, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| time(pointer, text)).transpose()
    };
    let (from, to) = (time_of("/from", &body.from)?, time_of("/to", &body.to)?);
    let id = id_of(&id)?;
    let answer = match body.state {
        Some(state) => {
            let state = state.into();
            webhooks
                .replay_ended(&ctx, id, state, from, to)
                .await?
                .into()
        }
        None => webhooks.replay(&ctx, id, from, to).await?.into(),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Remove the deliveries of a webhook that ended in one way, with their attempts. At most 100,000 a call.
#[utoipa::path(
    delete, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`"), PurgeQuery),
    responses((status = 200, body = PurgeResponse), (status = 404, body = ProblemBody))
)]
async fn purge_deliveries(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PurgeQuery>,
) -> Result<Json<PurgeResponse>, Problem> {
    let state = query.state.unwrap_or(EndedWord::Dead).into();
    let purged = webhooks.purge(&ctx, id_of(&id)?, state).await?;
    Ok(Json(purged.into()))
}

pub(super) fn id_of(text: &str) -> Result<EndpointId, Error> {
    text.parse()
        .map_err(|_| Error::NotFound { what: "webhook" })
}

fn time(pointer: &str, text: &str) -> Result<i64, Error> {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| Error::invalid(pointer, "must be an RFC 3339 time"))
}
