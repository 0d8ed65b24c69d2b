//! `/v1/quotas` and `/v1/users/{id}/quotas`: what an account may use, and what it uses.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use super::users::user_id;
use crate::{
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        quotas::{Limits, Quotas, Standing},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(own_quotas))
        .routes(routes!(get_quotas, set_quotas))
}

/// What an account may use. Null means no limit.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct QuotaLimits {
    /// Messages of a minute of the clock, counted over all nodes.
    messages_per_minute: Option<u32>,
    /// Messages of a day in UTC, counted over all nodes.
    messages_per_day: Option<u32>,
    /// Live sockets and event streams at the same time, on each node.
    sockets: Option<u32>,
    /// Webhooks.
    endpoints: Option<u32>,
    /// Bytes of files that are kept.
    storage_bytes: Option<u64>,
    /// The share of a busy node against that of other accounts: 1 to 100.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    weight: u32,
}

const fn one() -> u32 {
    1
}

/// What an account uses.
#[derive(Serialize, utoipa::ToSchema)]
struct QuotaUse {
    sessions: u64,
    /// Of this minute; counted while there is a limit.
    messages_per_minute: u64,
    /// Of this day; counted while there is a limit.
    messages_per_day: u64,
    endpoints: u64,
    storage_bytes: u64,
}

#[derive(Serialize, utoipa::ToSchema)]
struct QuotasResponse {
    /// How many sessions; null means no limit. It is set with the user.
    session_limit: Option<i32>,
    limits: QuotaLimits,
    used: QuotaUse,
}

impl From<Limits> for QuotaLimits {
    fn from(limits: Limits) -> Self {
        let Limits {
            messages_per_minute,
            messages_per_day,
            sockets,
            endpoints,
            storage_bytes,
            weight,
        } = limits;
        Self {
            messages_per_minute,
            messages_per_day,
            sockets,
            endpoints,
            storage_bytes,
            weight,
        }
    }
}

impl From<QuotaLimits> for Limits {
    fn from(body: QuotaLimits) -> Self {
        Self {
            messages_per_minute: body.messages_per_minute,
            messages_per_day: body.messages_per_day,
            sockets: body.sockets,
            endpoints: body.endpoints,
            storage_bytes: body.storage_bytes,
            weight: body.weight,
        }
    }
}

impl From<Standing> for QuotasResponse {
    fn from(standing: Standing) -> Self {
        Self {
            session_limit: standing.session_limit,
            limits: standing.limits.into(),
            used: QuotaUse {
                sessions: standing.used.sessions,
                messages_per_minute: standing.used.messages_per_minute,
                messages_per_day: standing.used.messages_per_day,
                endpoints: standing.used.endpoints,
                storage_bytes: standing.used.storage_bytes,
            },
        }
    }
}

/// Show what one's account may use, and what it uses.
#[utoipa::path(
    get, path = "/quotas", tag = "users", responses((status = 200, body = QuotasResponse))
)]
async fn own_quotas(
    State(quotas): State<Quotas>,
    ctx: Ctx,
) -> Result<Json<QuotasResponse>, Problem> {
    Ok(Json(quotas.own(&ctx).await?.into()))
}

/// Show what the account of a user may use, and what it uses.
#[utoipa::path(
    get, path = "/users/{id}/quotas", tag = "users",
    params(("id" = String, Path, description = "`usr_…`, the owner of the account")),
    responses((status = 200, body = QuotasResponse), (status = 404, body = ProblemBody))
)]
async fn get_quotas(
    State(quotas): State<Quotas>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<QuotasResponse>, Problem> {
    Ok(Json(quotas.of(&ctx, user_id(&id)?).await?.into()))
}

/// Set what the account of a user may use. What is not named has no limit.
#[utoipa::path(
    put, path = "/users/{id}/quotas", tag = "users",
    params(("id" = String, Path, description = "`usr_…`, the owner of the account")),
    request_body = QuotaLimits,
    responses(
        (status = 200, body = QuotasResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`member_of_tenant`: the account is somebody else's", body = ProblemBody),
    )
)]
async fn set_quotas(
    State(quotas): State<Quotas>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<QuotaLimits>,
) -> Result<Json<QuotasResponse>, Problem> {
    let set = quotas.set(&ctx, user_id(&id)?, body.into()).await?;
    Ok(Json(set.into()))
}
