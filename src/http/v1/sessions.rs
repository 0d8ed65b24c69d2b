//! `/v1/sessions`: make, show, steer and remove sessions.

use axum::{extract::State, http::StatusCode};
use entity::{
    enums::SessionState,
    ids::{SessionId, UserId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;

use super::users::given;
use crate::{
    domain::{clock::rfc3339, session::Settings},
    http::{
        Api,
        extract::{Json, Path, Query},
        openapi::SessionStateWord,
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        sessions::{NewSession, SessionPatch, SessionView, Sessions},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, create_session))
        .routes(routes!(get_session, update_session, delete_session))
        .routes(routes!(connect_session))
        .routes(routes!(disconnect_session))
        .routes(routes!(logout_session))
        .routes(routes!(restart_session))
}

/// A session.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionResponse {
    #[schema(value_type = String, example = "ses_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: SessionId,
    /// A name of one's own choice for paths.
    handle: String,
    name: Option<String>,
    /// Digits, once a phone is linked.
    phone: Option<String>,
    /// `…@lid`, once a phone is linked.
    lid: Option<String>,
    push_name: Option<String>,
    #[schema(value_type = SessionStateWord)]
    state: SessionState,
    /// A stable word when the state is not where its owner wants it.
    reason: Option<String>,
    /// Whether messages can be sent right now.
    connected: bool,
    /// Whether a phone is linked.
    logged_in: bool,
    /// The owner's own data.
    metadata: Map<String, Value>,
    created_at: String,
    connected_at: Option<String>,
    /// The last number of the session's event log.
    last_event_seq: i64,
    #[schema(value_type = String)]
    owner_id: UserId,
    settings: Settings,
}

impl From<SessionView> for SessionResponse {
    fn from(session: SessionView) -> Self {
        Self {
            connected: session.connected(),
            logged_in: session.logged_in(),
            id: session.id,
            handle: session.handle,
            name: session.name,
            phone: session.phone,
            lid: session.lid,
            push_name: session.push_name,
            state: session.state,
            reason: session.reason,
            metadata: session.metadata,
            created_at: rfc3339(session.created_at),
            connected_at: session.connected_at.map(rfc3339),
            last_event_seq: session.last_event_seq,
            owner_id: session.owner_id,
            settings: session.settings,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateSessionRequest {
    /// Names the session in paths: 1 to 64 characters of `A-Z a-z 0-9 _ . + @ : -`. Made up when absent.
    #[schema(example = "sales")]
    handle: Option<String>,
    #[schema(example = "Sales team")]
    name: Option<String>,
    /// The owner's own data, up to 16 KiB.
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    #[schema(required = false)]
    settings: Settings,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateSessionRequest {
    handle: Option<String>,
    #[expect(
        clippy::option_option,
        reason = "a null that was given differs from a field that was not"
    )]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Replaces what was there.
    metadata: Option<Map<String, Value>>,
    /// Changes the settings that are named; the others stay.
    #[schema(value_type = Option<Settings>)]
    settings: Option<Map<String, Value>>,
}

/// List one's own sessions, oldest first.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", params(PageQuery),
    responses((status = 200, body = Page<SessionResponse>))
)]
async fn list_sessions(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<SessionResponse>>, Problem> {
    let limit = query.limit()?;
    let after = match query.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = sessions.list(&ctx, after, u64::from(limit) + 1).await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |one| one.id.to_string(),
        SessionResponse::from,
    )))
}

/// Make a session. It does not connect by itself.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = CreateSessionRequest,
    responses(
        (status = 201, body = SessionResponse),
        (status = 403, description = "The account has as many sessions as it may have", body = ProblemBody),
        (status = 409, description = "Another session of one's own has this handle", body = ProblemBody),
    )
)]
async fn create_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Json(body): Json<CreateSessionRequest>,
) -> Result<(StatusCode, Json<SessionResponse>), Problem> {
    let new = NewSession {
        handle: body.handle,
        name: body.name,
        metadata: body.metadata,
        settings: body.settings,
    };
    let session = sessions.create(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(session.into())))
}

/// Show a session.
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses((status = 200, body = SessionResponse), (status = 404, body = ProblemBody))
)]
async fn get_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<SessionResponse>, Problem> {
    Ok(Json(sessions.get(&ctx, &id).await?.into()))
}

/// Change a session.
#[utoipa::path(
    patch, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = UpdateSessionRequest,
    responses(
        (status = 200, body = SessionResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "Another session of one's own has this handle", body = ProblemBody),
    )
)]
async fn update_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<UpdateSessionRequest>,
) -> Result<Json<SessionResponse>, Problem> {
    let settings = match body.settings {
        Some(named) => Some(merged(&sessions, &ctx, &id, named).await?),
        None => None,
    };
    let patch = SessionPatch {
        handle: body.handle,
        name: body.name,
        metadata: body.metadata,
        settings,
    };
    Ok(Json(sessions.update(&ctx, &id, patch).await?.into()))
}

/// The session's settings with the named ones replaced; an unknown name or a wrong type is a fault of that name.
async fn merged(
    sessions: &Sessions,
    ctx: &Ctx,
    id: &str,
    named: Map<String, Value>,
) -> Result<Settings, Problem> {
    let now = sessions.to_change(ctx, id).await?.settings;
    let mut all = serde_json::to_value(now).map_err(crate::service::Error::internal)?;
    if let Value::Object(all) = &mut all {
        all.extend(named);
    }
    crate::http::extract::from_value("/settings", all)
}

/// Remove a session and everything of it.
///
/// The device stays in the phone's list until it is removed there; `logout` first removes it there too.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses((status = 204, description = "Done"), (status = 404, body = ProblemBody))
)]
async fn delete_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    sessions.delete(&ctx, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

type Accepted = (StatusCode, Json<SessionResponse>);

fn accepted(session: SessionView) -> Accepted {
    (StatusCode::ACCEPTED, Json(session.into()))
}

/// Run the session. Answers before anything has happened; see the QR code, the events or the socket.
#[utoipa::path(
    post, path = "/sessions/{id}/connect", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 202, body = SessionResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`session_disabled`", body = ProblemBody),
    )
)]
async fn connect_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Accepted, Problem> {
    Ok(accepted(sessions.connect(&ctx, &id).await?))
}

/// Stop the session and keep its pairing.
#[utoipa::path(
    post, path = "/sessions/{id}/disconnect", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses((status = 202, body = SessionResponse), (status = 404, body = ProblemBody))
)]
async fn disconnect_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Accepted, Problem> {
    Ok(accepted(sessions.disconnect(&ctx, &id).await?))
}

/// Remove the device from the WhatsApp account.
#[utoipa::path(
    post, path = "/sessions/{id}/logout", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses((status = 202, body = SessionResponse), (status = 404, body = ProblemBody))
)]
async fn logout_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Accepted, Problem> {
    Ok(accepted(sessions.logout(&ctx, &id).await?))
}

/// Stop the session and run it again.
#[utoipa::path(
    post, path = "/sessions/{id}/restart", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 202, body = SessionResponse),
        (status = 404, body = ProblemBody),
    )
)]
async fn restart_session(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Accepted, Problem> {
    Ok(accepted(sessions.restart(&ctx, &id).await?))
}
