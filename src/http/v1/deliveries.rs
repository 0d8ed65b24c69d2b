//! `/v1/webhooks/{id}/deliveries` and `/v1/deliveries/{id}`: what became of the events.

use axum::{extract::State, http::StatusCode};
use entity::{
    enums::{AttemptTrigger, DeliveryState},
    ids::{AttemptId, DeliveryId, EndpointId, EventId, SessionId},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use super::webhooks::id_of;
use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        webhooks::{Attempt, Delivery, DeliveryDetail, Head, Webhooks},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(redeliver))
}

/// How far a delivery is.
#[derive(Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryState)]
enum StateWord {
    Pending,
    Inflight,
    Delivered,
    /// Given up after the last attempt.
    Dead,
    /// Its webhook was deleted.
    Cancelled,
}

impl From<StateWord> for DeliveryState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Pending => Self::Pending,
            StateWord::Inflight => Self::Inflight,
            StateWord::Delivered => Self::Delivered,
            StateWord::Dead => Self::Dead,
            StateWord::Cancelled => Self::Cancelled,
        }
    }
}

impl From<DeliveryState> for StateWord {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Inflight => Self::Inflight,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Dead => Self::Dead,
            DeliveryState::Cancelled => Self::Cancelled,
        }
    }
}

/// Who asked for an attempt.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AttemptTrigger)]
enum TriggerWord {
    /// The schedule.
    Auto,
    /// A redelivery or a replay.
    Manual,
}

impl From<AttemptTrigger> for TriggerWord {
    fn from(trigger: AttemptTrigger) -> Self {
        match trigger {
            AttemptTrigger::Auto => Self::Auto,
            AttemptTrigger::Manual => Self::Manual,
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    /// Only those in this state.
    #[param(inline)]
    state: Option<StateWord>,
    /// How many items, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
struct DeliveryResponse {
    #[schema(value_type = String, example = "whd_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: DeliveryId,
    #[schema(value_type = String)]
    webhook_id: EndpointId,
    /// The id of the event, which is the `webhook-id` header of every attempt.
    #[schema(value_type = String)]
    event_id: EventId,
    #[schema(value_type = String)]
    session_id: SessionId,
    seq: i64,
    state: StateWord,
    /// How many attempts were made since it was queued, or queued again.
    attempts: i32,
    /// Null before the first attempt, which is due at once, and after the last.
    next_attempt_at: Option<String>,
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Delivery> for DeliveryResponse {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.endpoint,
            event_id: delivery.event,
            session_id: delivery.session,
            seq: delivery.seq,
            state: delivery.state.into(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(rfc3339),
            last_error: delivery.last_error,
            created_at: rfc3339(delivery.created_at),
            updated_at: rfc3339(delivery.updated_at),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DeliveryAttempt)]
struct AttemptResponse {
    #[schema(value_type = String)]
    id: AttemptId,
    /// Its number since the delivery was queued, or queued again.
    number: i32,
    started_at: String,
    duration_ms: i64,
    status: Option<i32>,
    /// A stable word, a colon, and what went wrong.
    error: Option<String>,
    /// The start of the answer.
    response: Option<String>,
    triggered_by: TriggerWord,
    /// The head of the request. Values of custom headers are masked and signatures shortened.
    request_head: Option<HeadResponse>,
    /// The head of the answer, up to 8 KiB.
    response_head: Option<HeadResponse>,
    /// How long the head of the answer took; `duration_ms` has its body as well.
    head_ms: Option<i64>,
}

/// The head of a request or of an answer.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HttpHead)]
struct HeadResponse {
    /// Where to; null in the head of an answer.
    url: Option<String>,
    headers: Vec<HeaderResponse>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = HttpHeader)]
struct HeaderResponse {
    name: String,
    value: String,
}

impl From<Head> for HeadResponse {
    fn from(head: Head) -> Self {
        let header = |(name, value)| HeaderResponse { name, value };
        Self {
            url: head.url,
            headers: head.headers.into_iter().map(header).collect(),
        }
    }
}

impl From<Attempt> for AttemptResponse {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            number: attempt.number,
            started_at: rfc3339(attempt.started_at),
            duration_ms: attempt.duration_ms,
            status: attempt.status,
            error: attempt.error,
            response: attempt.response,
            triggered_by: attempt.triggered_by.into(),
            request_head: attempt.request_head.map(Into::into),
            response_head: attempt.response_head.map(Into::into),
            head_ms: attempt.head_ms,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DeliveryDetail)]
struct DeliveryDetailResponse {
    #[serde(flatten)]
    delivery: DeliveryResponse,
    /// The last attempts, newest first.
    attempt_log: Vec<AttemptResponse>,
}

impl From<DeliveryDetail> for DeliveryDetailResponse {
    fn from(detail: DeliveryDetail) -> Self {
        Self {
            delivery: detail.delivery.into(),
            attempt_log: detail.attempts.into_iter().map(Into::into).collect(),
        }
    }
}

/// List the deliveries of a webhook, newest event first.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "`whe_…`"), DeliveriesQuery),
    responses(
        (status = 200, body = Page<DeliveryResponse>),
        (status = 404, body = ProblemBody),
    )
)]
async fn list_deliveries(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Page<DeliveryResponse>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let limit = page.limit()?;
    let after = match page.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let state = query.state.map(Into::into);
    let found = webhooks
        .deliveries(&ctx, id_of(&id)?, state, after, limit)
        .await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |delivery| delivery.event.to_string(),
        DeliveryResponse::from,
    )))
}

/// Show a delivery with its attempts.
#[utoipa::path(
    get, path = "/deliveries/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whd_…`")),
    responses((status = 200, body = DeliveryDetailResponse), (status = 404, body = ProblemBody))
)]
async fn get_delivery(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<DeliveryDetailResponse>, Problem> {
    Ok(Json(
        webhooks.delivery(&ctx, delivery_of(&id)?).await?.into(),
    ))
}

/// Deliver once more: what has ended begins anew, a waiting retry is made now.
#[utoipa::path(
    post, path = "/deliveries/{id}/redeliver", tag = "webhooks",
    params(("id" = String, Path, description = "`whd_…`")),
    responses(
        (status = 202, body = DeliveryResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The webhook is disabled or deleted, or retention has taken the event (`event_gone`)", body = ProblemBody),
    )
)]
async fn redeliver(
    State(webhooks): State<Webhooks>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<DeliveryResponse>), Problem> {
    let delivery = webhooks.redeliver(&ctx, delivery_of(&id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}

fn delivery_of(text: &str) -> Result<DeliveryId, Error> {
    text.parse()
        .map_err(|_| Error::NotFound { what: "delivery" })
}
