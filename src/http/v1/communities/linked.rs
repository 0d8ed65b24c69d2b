//! `…/communities/{community}/groups`: which groups a community has, and who of it comes into one.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::community::LinkResult,
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
        v1::{contacts::All, groups::JoinedResponse},
    },
    service::{Ctx, communities::Communities},
};

pub(super) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(link_groups))
        .routes(routes!(unlink_group))
        .routes(routes!(join_linked_group))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkGroupsRequest {
    /// 1 to 100 groups that this account administers, `…@g.us`.
    #[schema(example = json!(["120363000000000002@g.us"]))]
    groups: Vec<String>,
}

/// Take groups into a community, and their members with them. `status` and `code` say for each how it went.
///
/// A new group is made in a community by `POST …/groups` with `community`.
#[utoipa::path(
    post, path = "/sessions/{id}/communities/{community}/groups", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("community" = String, Path, description = "`…@g.us`"),
    ),
    request_body = LinkGroupsRequest,
    responses(
        (status = 200, body = All<LinkResult>),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_community_admin` or `not_community_member`", body = ProblemBody),
        (status = 404, description = "`community_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `not_a_community`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn link_groups(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path((id, community)): Path<(String, String)>,
    Json(body): Json<LinkGroupsRequest>,
) -> Result<Json<All<LinkResult>>, Problem> {
    let data = communities.link(&ctx, &id, &community, &body.groups);
    Ok(Json(All { data: data.await? }))
}

/// Let a group go from its community. It stays a group, and its members stay in the community.
#[utoipa::path(
    delete, path = "/sessions/{id}/communities/{community}/groups/{group}", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("community" = String, Path, description = "`…@g.us`"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 204, description = "It is on its own"),
        (status = 403, description = "`not_community_admin` or `not_community_member`", body = ProblemBody),
        (status = 404, description = "`community_not_found` or `group_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, `not_a_community` or `is_announcement_group`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn unlink_group(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path((id, community, group)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let unlinking = communities.unlink(&ctx, &id, (&community, &group));
    unlinking.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Join a group of a community that the account is in. It is left like any group.
#[utoipa::path(
    put, path = "/sessions/{id}/communities/{community}/groups/{group}/membership", tag = "communities",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("community" = String, Path, description = "`…@g.us`"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = JoinedResponse),
        (status = 403, description = "`not_community_member` or `not_allowed_to_join`", body = ProblemBody),
        (status = 404, description = "`community_not_found` or `group_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, `not_a_community`, `already_group_member` or `group_full`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn join_linked_group(
    State(communities): State<Communities>,
    ctx: Ctx,
    Path((id, community, group)): Path<(String, String, String)>,
) -> Result<Json<JoinedResponse>, Problem> {
    let joined = communities.join(&ctx, &id, (&community, &group));
    Ok(Json(joined.await?.into()))
}
