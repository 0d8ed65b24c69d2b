//! `/v1/sessions/{id}/labels` and `…/chats/{chat}/labels/{label}`: what an account sorts its chats by.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::event::ChatUpdateData,
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
        v1::contacts::All,
    },
    service::{
        Ctx,
        chats::{Chats, Label, LabelPatch},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_labels, create_label))
        .routes(routes!(change_label, delete_label))
        .routes(routes!(label_chat, unlabel_chat))
}

/// A label.
#[derive(Serialize, utoipa::ToSchema)]
struct LabelResponse {
    /// WhatsApp's id.
    #[schema(example = "5")]
    id: String,
    name: String,
    /// The number of its colour, 0 to 19.
    color: i32,
}

impl From<Label> for LabelResponse {
    fn from(label: Label) -> Self {
        Self {
            id: label.id,
            name: label.name,
            color: label.color,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateLabelRequest {
    /// One line of up to 100 characters.
    #[schema(example = "New customer")]
    name: String,
    /// The number of its colour.
    #[serde(default)]
    #[schema(required = false, minimum = 0, maximum = 19)]
    color: i32,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeLabelRequest {
    /// One line of up to 100 characters.
    name: Option<String>,
    /// The number of its colour.
    #[schema(minimum = 0, maximum = 19)]
    color: Option<i32>,
}

/// List the labels of the account, as the session has heard of them. It need not be connected.
#[utoipa::path(
    get, path = "/sessions/{id}/labels", tag = "chats",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses((status = 200, body = All<LabelResponse>), (status = 404, body = ProblemBody))
)]
async fn list_labels(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<All<LabelResponse>>, Problem> {
    let labels = chats.labels(&ctx, &id).await?;
    let data = labels.into_iter().map(LabelResponse::from).collect();
    Ok(Json(All { data }))
}

/// Make a label, on every device of the account.
#[utoipa::path(
    post, path = "/sessions/{id}/labels", tag = "chats",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = CreateLabelRequest,
    responses(
        (status = 201, body = LabelResponse),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`too_many_labels`, or the session is not connected", body = ProblemBody),
    )
)]
async fn create_label(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<CreateLabelRequest>,
) -> Result<(StatusCode, Json<LabelResponse>), Problem> {
    let label = chats.create_label(&ctx, &id, body.name, body.color).await?;
    Ok((StatusCode::CREATED, Json(label.into())))
}

/// Give a label another name or colour, on every device of the account.
#[utoipa::path(
    patch, path = "/sessions/{id}/labels/{label}", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("label" = String, Path, description = "The id of a label"),
    ),
    request_body = ChangeLabelRequest,
    responses(
        (status = 200, body = LabelResponse),
        (status = 400, body = ProblemBody),
        (status = 404, description = "`session_not_found`, `label_not_found`", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn change_label(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, label)): Path<(String, String)>,
    Json(body): Json<ChangeLabelRequest>,
) -> Result<Json<LabelResponse>, Problem> {
    let patch = LabelPatch {
        name: body.name,
        color: body.color,
    };
    Ok(Json(
        chats.change_label(&ctx, &id, &label, patch).await?.into(),
    ))
}

/// Delete a label, on every device of the account; no chat has it any more.
#[utoipa::path(
    delete, path = "/sessions/{id}/labels/{label}", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("label" = String, Path, description = "The id of a label"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "`session_not_found`, `label_not_found`", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn delete_label(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, label)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    chats.delete_label(&ctx, &id, &label).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a label on a chat.
#[utoipa::path(
    put, path = "/sessions/{id}/chats/{chat}/labels/{label}", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
        ("label" = String, Path, description = "The id of a label"),
    ),
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address`", body = ProblemBody),
        (status = 404, description = "`session_not_found`, `label_not_found`", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn label_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat, label)): Path<(String, String, String)>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let changed = chats.label_chat(&ctx, &id, (&chat, &label), true);
    Ok(Json(changed.await?))
}

/// Take a label from a chat.
#[utoipa::path(
    delete, path = "/sessions/{id}/chats/{chat}/labels/{label}", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
        ("label" = String, Path, description = "The id of a label"),
    ),
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address`", body = ProblemBody),
        (status = 404, description = "`session_not_found`, `label_not_found`", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn unlabel_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat, label)): Path<(String, String, String)>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let changed = chats.label_chat(&ctx, &id, (&chat, &label), false);
    Ok(Json(changed.await?))
}
