//! `POST /v1/sessions/{id}/chats/{chat}/history`: the past of a chat, from the phone.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, chats::Chats},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(ask_history))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AskHistoryRequest {
    /// How many messages, 1 to 500.
    #[schema(minimum = 1, maximum = 500)]
    count: u16,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AskedHistoryResponse {
    /// `request_id` of the `history.sync` event that tells the answer.
    request_id: String,
}

/// Ask the phone for messages that stand before the first one that is stored of a chat.
///
/// What it sends is stored; a `history.sync` event tells when. A phone that is off does not answer.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/history", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = AskHistoryRequest,
    responses(
        (status = 202, body = AskedHistoryResponse),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`history_off`, `history_without_message`, or the session is not connected", body = ProblemBody),
    )
)]
async fn ask_history(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<AskHistoryRequest>,
) -> Result<(StatusCode, Json<AskedHistoryResponse>), Problem> {
    let request_id = chats.ask_history(&ctx, &id, &chat, body.count).await?;
    let asked = AskedHistoryResponse { request_id };
    Ok((StatusCode::ACCEPTED, Json(asked)))
}
