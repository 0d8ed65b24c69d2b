//! `/v1/sessions/{id}/communities`: make, show and end communities. [`linked`] owns the groups in them.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::community::{Community, CommunityInfo, NewCommunity},
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, communities::Communities},
};

mod linked;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_communities, create_community))
        .routes(routes!(get_community, delete_community))
        .merge(linked::guarded())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateCommunityRequest {
    /// 1 to 100 characters.
    #[schema(example = "Harbour")]
    subject: String,
    /// Up to 2048 characters.
    description: Option<String>,
    /// Whoever comes waits for an admin.
    #[serde(default)]
    #[schema(required = false)]
    closed: bool,
    /// Members make groups in it, not admins alone.
    #[serde(default)]
    #[schema(required = false)]
    members_create: bool,
    /// It has a group for everybody to talk in from the start.
    #[serde(default)]
    #[schema(required = false)]
    general_chat: bool,
}

impl From<CreateCommunityRequest> for NewCommunity {
    fn from(request: CreateCommunityRequest) -> Self {
        Self {
            subject: request.subject,
            description: request.description.filter(|text| !text.is_empty()),
            closed: request.closed,
            members_create: request.members_create,
            general_chat: request.general_chat,
        }
    }
}

/// List the communities that the account is in, by id and without their groups.
#[utoipa::path(
    get, path = "/sessions/{id}/communities", tag = "communities",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), PageQuery),
    responses(
        (status = 200, body = Page<CommunityInfo>),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn list_communities(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CommunityInfo>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?);
    let mut found = communities.list(&ctx, &id).await?;
    if let Some(after) = after {
        found.retain(|community| community.id > after);
    }
    let key = |community: &CommunityInfo| community.id.clone();
    Ok(Json(Page::cut(found, limit, key, |community| community)))
}

/// Make a community, with its group for announcements.
///
/// What WhatsApp did not take or tell after it was made is null or missing in the answer: a description that was refused,
/// the groups that it has from the start. With an `Idempotency-Key` a repeated request makes no second community and gets
/// the first answer, for 24 hours.
#[utoipa::path(
    post, path = "/sessions/{id}/communities", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = CreateCommunityRequest,
    responses(
        (status = 201, body = Community),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn create_community(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<CreateCommunityRequest>,
) -> Result<(StatusCode, Json<Community>), Problem> {
    let made = communities.create(&ctx, &id, body.into()).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Show a community with its groups, those that the account is not in among them.
#[utoipa::path(
    get, path = "/sessions/{id}/communities/{community}", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("community" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = Community),
        (status = 403, description = "`not_community_member`", body = ProblemBody),
        (status = 404, description = "`community_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `not_a_community`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn get_community(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path((id, community)): Path<(String, String)>,
) -> Result<Json<Community>, Problem> {
    Ok(Json(communities.get(&ctx, &id, &community).await?))
}

/// End a community of one's own. Its groups stay, on their own; the one for announcements does not.
#[utoipa::path(
    delete, path = "/sessions/{id}/communities/{community}", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("community" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 403, description = "`not_community_owner`, `not_community_admin` or `not_community_member`", body = ProblemBody),
        (status = 404, description = "`community_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `not_a_community`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn delete_community(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path((id, community)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    communities.deactivate(&ctx, &id, &community).await?;
    Ok(StatusCode::NO_CONTENT)
}
