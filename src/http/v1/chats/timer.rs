//! `POST /v1/sessions/{id}/chats/{chat}/ephemeral`: after how long messages disappear.

use axum::extract::State;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::event::ChatUpdateData,
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, chats::Chats},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(time_chat))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TimerRequest {
    /// After how many seconds: 0 (never), 86400, 604800 or 7776000.
    ephemeral_s: u32,
}

/// Have what is written in a chat of two disappear after a while, on both sides.
///
/// Of a group it is set with `PATCH /sessions/{id}/groups/{group}`.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/ephemeral", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person"),
    ),
    request_body = TimerRequest,
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address`, `recipient_not_on_whatsapp` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn time_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<TimerRequest>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let changed = chats.set_timer(&ctx, &id, &chat, body.ephemeral_s);
    Ok(Json(changed.await?))
}
