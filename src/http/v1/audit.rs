//! `/v1/audit`: who has changed what, from where.

use axum::extract::State;
use entity::{
    audit_log::Model,
    ids::{AuditId, UserId},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, audit::Audit},
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many items, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// What everybody did, for administrators; else what was done in the account of the caller, for its owner and administrators, or
    /// what the caller did.
    #[serde(default)]
    everybody: bool,
}

/// A change that was made.
#[derive(Serialize, utoipa::ToSchema)]
struct AuditEntry {
    #[schema(value_type = String, example = "aud_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: AuditId,
    /// Who did it.
    #[schema(value_type = String)]
    actor_id: UserId,
    /// With what: `access_token`, `outer_token`, `api_key`, `link_token` or `operator`.
    credential: String,
    /// Which key, or which sign-in.
    credential_id: Option<String>,
    /// From where.
    #[schema(example = "203.0.113.7")]
    address: String,
    /// Method and route.
    #[schema(example = "POST /v1/sessions/{id}/connect")]
    action: String,
    /// The path as it was asked for, without its query.
    #[schema(example = "/v1/sessions/sales/connect")]
    target: String,
    /// The status of the answer.
    status: i16,
    /// As in `X-Request-Id`.
    request_id: String,
    /// RFC 3339.
    at: String,
}

impl From<Model> for AuditEntry {
    fn from(row: Model) -> Self {
        let credential_id = row.credential_id.map(|id| match row.credential.as_str() {
            "api_key" => entity::ids::ApiKeyId(id).to_string(),
            _ => entity::ids::RefreshTokenId(id).to_string(),
        });
        Self {
            id: row.id,
            actor_id: row.actor_id,
            credential: row.credential,
            credential_id,
            address: row.address,
            action: row.action,
            target: row.target,
            status: row.status,
            request_id: row.request_id,
            at: rfc3339(row.at),
        }
    }
}

/// List changes, newest first.
///
/// Of users, keys, sessions, webhooks, groups and so on, on whichever face; messages and files are none. Each tells who did what,
/// from where and with which credential, and nothing of what was said. It is kept for `auth.audit_days`.
#[utoipa::path(
    get, path = "/audit", tag = "users", params(AuditQuery),
    responses(
        (status = 200, body = Page<AuditEntry>),
        (status = 403, description = "`scope_missing`: `everybody` is for administrators", body = ProblemBody),
    )
)]
async fn list_audit(
    State(audit): State<Audit>,
    ctx: Ctx,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let paged = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let limit = paged.limit()?;
    let cursor = match paged.after()? {
        Some(cursor) => Some(cursor.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = audit.page(&ctx, query.everybody, cursor, limit).await?;
    let page = Page::cut(found, limit, |row| row.id.to_string(), AuditEntry::from);
    Ok(Json(page))
}
