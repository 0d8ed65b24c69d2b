//! `…/groups/{group}/participants` and `…/requests`: who is in a group, and who asks to be.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;

use super::dto::{ParticipantsRequest, RoleRequest};
use crate::{
    domain::group::{JoinRequest, MemberChange, MemberResult},
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
        v1::contacts::All,
    },
    service::{Ctx, groups::Groups},
};

pub(super) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(add_participants, remove_participants))
        .routes(routes!(set_participant_role))
        .routes(routes!(list_join_requests))
        .routes(routes!(approve_join_requests))
        .routes(routes!(reject_join_requests))
}

/// Take people into a group. `status` and `code` say for each how it went.
#[utoipa::path(
    post, path = "/sessions/{id}/groups/{group}/participants", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = ParticipantsRequest,
    responses(
        (status = 200, body = All<MemberResult>),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn add_participants(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<ParticipantsRequest>,
) -> Result<Json<All<MemberResult>>, Problem> {
    change(&groups, &ctx, (&id, &group), MemberChange::Add, &body).await
}

/// Put people out of a group. `status` and `code` say for each how it went.
#[utoipa::path(
    delete, path = "/sessions/{id}/groups/{group}/participants", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = ParticipantsRequest,
    responses(
        (status = 200, body = All<MemberResult>),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn remove_participants(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<ParticipantsRequest>,
) -> Result<Json<All<MemberResult>>, Problem> {
    change(&groups, &ctx, (&id, &group), MemberChange::Remove, &body).await
}

/// Make a member an admin, or an admin a member.
#[utoipa::path(
    put, path = "/sessions/{id}/groups/{group}/participants/{participant}/role", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
        ("participant" = String, Path, description = "A phone number or an address of a person"),
    ),
    request_body = RoleRequest,
    responses(
        (status = 200, body = MemberResult),
        (status = 400, body = ProblemBody),
        (status = 403, description = "`not_group_admin`, `not_group_member` or `is_group_owner`", body = ProblemBody),
        (status = 404, description = "`participant_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn set_participant_role(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group, participant)): Path<(String, String, String)>,
    Json(body): Json<RoleRequest>,
) -> Result<Json<MemberResult>, Problem> {
    let role = body.role.into();
    let changed = groups.set_role(&ctx, &id, (&group, &participant), role);
    Ok(Json(changed.await?))
}

/// List who asks to join a group.
#[utoipa::path(
    get, path = "/sessions/{id}/groups/{group}/requests", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = All<JoinRequest>),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn list_join_requests(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<Json<All<JoinRequest>>, Problem> {
    let data = groups.requests(&ctx, &id, &group).await?;
    Ok(Json(All { data }))
}

/// Let people in who ask to join.
#[utoipa::path(
    post, path = "/sessions/{id}/groups/{group}/requests/approve", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = ParticipantsRequest,
    responses(
        (status = 200, body = All<MemberResult>),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn approve_join_requests(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<ParticipantsRequest>,
) -> Result<Json<All<MemberResult>>, Problem> {
    change(&groups, &ctx, (&id, &group), MemberChange::Approve, &body).await
}

/// Turn people away who ask to join.
#[utoipa::path(
    post, path = "/sessions/{id}/groups/{group}/requests/reject", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = ParticipantsRequest,
    responses(
        (status = 200, body = All<MemberResult>),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn reject_join_requests(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<ParticipantsRequest>,
) -> Result<Json<All<MemberResult>>, Problem> {
    change(&groups, &ctx, (&id, &group), MemberChange::Reject, &body).await
}

async fn change(
    groups: &Groups,
    ctx: &Ctx,
    (id, group): (&str, &str),
    change: MemberChange,
    body: &ParticipantsRequest,
) -> Result<Json<All<MemberResult>>, Problem> {
    let people = &body.participants;
    let data = groups
        .change_members(ctx, id, group, change, people)
        .await?;
    Ok(Json(All { data }))
}
