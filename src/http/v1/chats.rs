//! `/v1/sessions/{id}/chats`, `…/presence` and `…/calls`: the list, what is done with a chat, who is there, who calls.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::event::{ChatUpdateData, PresenceState},
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        chats::{Chats, Mute},
    },
};

mod history;
mod labels;
mod list;
mod timer;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(list::routes())
        .merge(history::routes())
        .merge(timer::routes())
        .merge(labels::routes())
        .routes(routes!(archive_chat))
        .routes(routes!(pin_chat))
        .routes(routes!(mute_chat))
        .routes(routes!(read_chat))
        .routes(routes!(delete_chat))
        .routes(routes!(show_state))
        .routes(routes!(show_presence))
        .routes(routes!(watch_presence, unwatch_presence))
        .routes(routes!(reject_call))
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ArchiveRequest {
    /// False puts it back.
    #[serde(default = "yes")]
    #[schema(required = false)]
    archived: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PinRequest {
    /// False takes it down.
    #[serde(default = "yes")]
    #[schema(required = false)]
    pinned: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MuteRequest {
    /// False lets it sound again.
    #[serde(default = "yes")]
    #[schema(required = false)]
    muted: bool,
    /// For how many seconds; without an end when absent.
    #[schema(minimum = 1)]
    for_s: Option<u32>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadRequest {
    /// False counts it as unread.
    #[serde(default = "yes")]
    #[schema(required = false)]
    read: bool,
}

/// What is shown on top of a chat.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum ChatState {
    Typing,
    Recording,
    Paused,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct StateRequest {
    state: ChatState,
}

/// Whether the account is there.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum OwnPresence {
    Online,
    Offline,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PresenceRequest {
    state: OwnPresence,
}

/// Put a chat away, or back.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/archive", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = ArchiveRequest,
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn archive_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<ArchiveRequest>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let changed = chats.archive(&ctx, &id, &chat, body.archived);
    Ok(Json(changed.await?))
}

/// Keep a chat on top, or no longer.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/pin", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = PinRequest,
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn pin_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<PinRequest>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let changed = chats.pin(&ctx, &id, &chat, body.pinned);
    Ok(Json(changed.await?))
}

/// Silence a chat, or let it sound again.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/mute", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = MuteRequest,
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn mute_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<MuteRequest>,
) -> Result<Json<ChatUpdateData>, Problem> {
    let mute = match (body.muted, body.for_s) {
        (false, _) => Mute::Off,
        (true, None) => Mute::On,
        (true, Some(seconds)) => Mute::For(seconds),
    };
    Ok(Json(chats.mute(&ctx, &id, &chat, mute).await?))
}

/// Count a chat as read, or as unread, on every device of the account.
///
/// The senders are told nothing by this.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/read", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = ReadRequest,
    responses(
        (status = 200, body = ChatUpdateData),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn read_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<ReadRequest>,
) -> Result<Json<ChatUpdateData>, Problem> {
    Ok(Json(chats.read(&ctx, &id, &chat, body.read).await?))
}

/// Remove a chat from every device of the account. Nobody else notices.
#[utoipa::path(
    delete, path = "/sessions/{id}/chats/{chat}", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "`invalid_address`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn delete_chat(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    chats.delete(&ctx, &id, &chat).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show a chat that something is being written or spoken, or no longer.
#[utoipa::path(
    post, path = "/sessions/{id}/chats/{chat}/presence", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("chat" = String, Path, description = "An address of a person or a group"),
    ),
    request_body = StateRequest,
    responses(
        (status = 204, description = "Shown"),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn show_state(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, chat)): Path<(String, String)>,
    Json(body): Json<StateRequest>,
) -> Result<StatusCode, Problem> {
    let state = match body.state {
        ChatState::Typing => PresenceState::Typing,
        ChatState::Recording => PresenceState::Recording,
        ChatState::Paused => PresenceState::Paused,
    };
    chats.show_state(&ctx, &id, &chat, state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show everybody that the account is there, or not, until the connection ends.
#[utoipa::path(
    put, path = "/sessions/{id}/presence", tag = "chats",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = PresenceRequest,
    responses(
        (status = 204, description = "Shown"),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn show_presence(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<PresenceRequest>,
) -> Result<StatusCode, Problem> {
    let online = matches!(body.state, OwnPresence::Online);
    chats.show_online(&ctx, &id, online).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hear from now on whether somebody is there: `presence` events.
#[utoipa::path(
    put, path = "/sessions/{id}/contacts/{contact}/presence", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 204, description = "Watched"),
        (status = 400, description = "`invalid_address`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn watch_presence(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    chats.watch(&ctx, &id, &contact, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hear no longer whether somebody is there.
#[utoipa::path(
    delete, path = "/sessions/{id}/contacts/{contact}/presence", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 204, description = "Not watched any more"),
        (status = 400, description = "`invalid_address`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn unwatch_presence(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    chats.watch(&ctx, &id, &contact, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reject a call that rings.
#[utoipa::path(
    post, path = "/sessions/{id}/calls/{call_id}/reject", tag = "chats",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("call_id" = String, Path, description = "`call_id` of a `call` event"),
    ),
    responses(
        (status = 204, description = "Rejected"),
        (status = 404, description = "`call_not_found`: it does not ring any more", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn reject_call(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path((id, call_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    chats.reject_call(&ctx, &id, &call_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
