//! `/v1/api-keys`: keys for programs.

use axum::{extract::State, http::StatusCode};
use entity::ids::{ApiKeyId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{clock::rfc3339, principal::Scope},
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        api_keys::{ApiKey, ApiKeys, NewApiKey},
        sessions::Sessions,
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(delete_api_key))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyResponse {
    #[schema(value_type = String, example = "key_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: ApiKeyId,
    name: String,
    /// The first characters of the key.
    #[schema(example = "wk_Xy7Qaa")]
    hint: String,
    scopes: Vec<Scope>,
    /// The only session the key may touch; null means all of one's own.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    expires_at: Option<String>,
    /// To the minute.
    last_used_at: Option<String>,
    created_at: String,
}

impl From<ApiKey> for ApiKeyResponse {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            hint: key.hint,
            scopes: key.scopes,
            session_id: key.session,
            expires_at: key.expires_at.map(rfc3339),
            last_used_at: key.last_used_at.map(rfc3339),
            created_at: rfc3339(key.created_at),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct CreatedApiKeyResponse {
    #[serde(flatten)]
    api_key: ApiKeyResponse,
    /// The key. It is shown here and never again.
    key: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateApiKeyRequest {
    #[schema(example = "billing system")]
    name: String,
    /// What the key allows; not more than its maker may do.
    scopes: Vec<Scope>,
    /// The id or handle of the only session that the key may touch.
    session: Option<String>,
    /// RFC 3339; without it the key does not end by itself.
    expires_at: Option<String>,
}

/// List one's own keys.
#[utoipa::path(
    get, path = "/api-keys", tag = "api-keys", params(PageQuery),
    responses((status = 200, body = Page<ApiKeyResponse>))
)]
async fn list_api_keys(
    State(keys): State<ApiKeys>,
    ctx: Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKeyResponse>>, Problem> {
    let limit = query.limit()?;
    let after = match query.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = keys.list(&ctx, after, limit).await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |key| key.id.to_string(),
        ApiKeyResponse::from,
    )))
}

/// Make a key. The secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api-keys", tag = "api-keys", request_body = CreateApiKeyRequest,
    responses(
        (status = 201, body = CreatedApiKeyResponse),
        (status = 400, body = ProblemBody),
        (status = 404, description = "There is no such session to restrict it to", body = ProblemBody),
    )
)]
async fn create_api_key(
    State(keys): State<ApiKeys>,
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Json(body): Json<CreateApiKeyRequest>,
) -> Result<(StatusCode, Json<CreatedApiKeyResponse>), Problem> {
    let session = match &body.session {
        Some(reference) => Some(sessions.get(&ctx, reference).await?.id),
        None => None,
    };
    let expires_at = body.expires_at.as_deref().map(time).transpose()?;
    let new = NewApiKey {
        name: body.name,
        scopes: body.scopes,
        session,
        expires_at,
    };
    let (api_key, key) = keys.create(&ctx, new).await?;
    let response = CreatedApiKeyResponse {
        api_key: api_key.into(),
        key,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

fn time(text: &str) -> Result<i64, Error> {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| Error::invalid("/expires_at", "must be an RFC 3339 time"))
}

/// End a key.
#[utoipa::path(
    delete, path = "/api-keys/{id}", tag = "api-keys",
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "Done"), (status = 404, body = ProblemBody))
)]
async fn delete_api_key(
    State(keys): State<ApiKeys>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id
        .parse()
        .map_err(|_| Error::NotFound { what: "api_key" })?;
    keys.delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
