//! `/v1/sessions/{id}/groups`: make, show, change and leave groups. [`members`] owns who is in them.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::router::OpenApiRouter;

use super::{contacts::PictureQuery, profile::PictureRequest};
use crate::{
    domain::{
        contact::Picture,
        group::{Group, GroupInfo},
    },
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, contacts::Contacts, groups::Groups},
};

mod dto;
mod members;

pub(super) use dto::JoinedResponse;
use dto::{
    CreateGroupRequest, InviteResponse, JoinGroupRequest, MadeGroupResponse, UpdateGroupRequest,
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, update_group))
        .routes(routes!(join_group))
        .routes(routes!(preview_invite))
        .routes(routes!(get_invite, renew_invite))
        .routes(routes!(
            get_group_picture,
            set_group_picture,
            remove_group_picture
        ))
        .routes(routes!(leave_group))
        .merge(members::guarded())
}

/// List the groups that the account is in, by id and without their members.
#[utoipa::path(
    get, path = "/sessions/{id}/groups", tag = "groups",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), PageQuery),
    responses(
        (status = 200, body = Page<GroupInfo>),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn list_groups(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupInfo>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?);
    let mut found = groups.list(&ctx, &id).await?;
    if let Some(after) = after {
        found.retain(|group| group.info.id > after);
    }
    let key = |group: &Group| group.info.id.clone();
    Ok(Json(Page::cut(found, limit, key, |group| group.info)))
}

/// Make a group.
///
/// Who is not on WhatsApp or does not let themselves be added is told in `participants`; the group is made all the same.
/// With `community` it is made in a community, of which everybody in it becomes a member.
/// With an `Idempotency-Key` a repeated request makes no second group and gets the first answer, for 24 hours.
#[utoipa::path(
    post, path = "/sessions/{id}/groups", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = CreateGroupRequest,
    responses(
        (status = 201, body = MadeGroupResponse),
        (status = 400, description = "`invalid_address` among others", body = ProblemBody),
        (status = 403, description = "`not_community_admin` or `not_community_member`", body = ProblemBody),
        (status = 404, description = "`community_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `not_a_community`", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn create_group(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<CreateGroupRequest>,
) -> Result<(StatusCode, Json<MadeGroupResponse>), Problem> {
    let (new, participants) = body.split();
    let made = groups.create(&ctx, &id, new, &participants).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Show a group with its members.
#[utoipa::path(
    get, path = "/sessions/{id}/groups/{group}", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = Group),
        (status = 403, description = "`not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_group(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<Json<Group>, Problem> {
    Ok(Json(groups.get(&ctx, &id, &group).await?))
}

/// Change a group. What is not named stays.
///
/// One thing after the other, in the order of the fields: after a refusal, what came before it stays changed.
#[utoipa::path(
    patch, path = "/sessions/{id}/groups/{group}", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = UpdateGroupRequest,
    responses(
        (status = 200, body = Group),
        (status = 400, body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn update_group(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<UpdateGroupRequest>,
) -> Result<Json<Group>, Problem> {
    let changed = groups.update(&ctx, &id, &group, body.into()).await?;
    Ok(Json(changed))
}

/// Join a group by its invite.
#[utoipa::path(
    post, path = "/sessions/{id}/groups/join", tag = "groups",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = JoinGroupRequest,
    responses(
        (status = 200, body = JoinedResponse),
        (status = 400, description = "`invalid_invite`", body = ProblemBody),
        (status = 403, description = "`not_allowed_to_join`", body = ProblemBody),
        (status = 404, description = "`invite_not_found`", body = ProblemBody),
        (status = 409, description = "Not connected, `already_group_member` or `group_full`", body = ProblemBody),
    )
)]
async fn join_group(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<JoinGroupRequest>,
) -> Result<Json<JoinedResponse>, Problem> {
    Ok(Json(groups.join(&ctx, &id, &body.code).await?.into()))
}

/// Show the group behind an invite, without joining it.
#[utoipa::path(
    get, path = "/sessions/{id}/groups/invites/{code}", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("code" = String, Path, description = "The code of an invite"),
    ),
    responses(
        (status = 200, body = Group),
        (status = 400, description = "`invalid_invite`", body = ProblemBody),
        (status = 404, description = "`invite_not_found`", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn preview_invite(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, code)): Path<(String, String)>,
) -> Result<Json<Group>, Problem> {
    Ok(Json(groups.preview(&ctx, &id, &code).await?))
}

/// Show the invite of a group.
#[utoipa::path(
    get, path = "/sessions/{id}/groups/{group}/invite", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = InviteResponse),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_invite(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<Json<InviteResponse>, Problem> {
    let code = groups.invite(&ctx, &id, &group, false).await?;
    Ok(Json(code.into()))
}

/// Make a new invite of a group; the old one leads nowhere from then on.
#[utoipa::path(
    post, path = "/sessions/{id}/groups/{group}/invite", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 200, body = InviteResponse),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn renew_invite(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<Json<InviteResponse>, Problem> {
    let code = groups.invite(&ctx, &id, &group, true).await?;
    Ok(Json(code.into()))
}

/// Show where a group's picture is.
#[utoipa::path(
    get, path = "/sessions/{id}/groups/{group}/picture", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
        PictureQuery,
    ),
    responses(
        (status = 200, body = Picture),
        (status = 404, description = "`picture_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_group_picture(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Query(query): Query<PictureQuery>,
) -> Result<Json<Picture>, Problem> {
    let picture = contacts.picture(&ctx, &id, &group, query.preview);
    Ok(Json(picture.await?))
}

/// Change the picture of a group.
#[utoipa::path(
    put, path = "/sessions/{id}/groups/{group}/picture", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    request_body = PictureRequest,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "`invalid_image` among others", body = ProblemBody),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn set_group_picture(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
    Json(body): Json<PictureRequest>,
) -> Result<StatusCode, Problem> {
    let jpeg = Some(body.bytes()?);
    groups.set_picture(&ctx, &id, &group, jpeg).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the picture of a group.
#[utoipa::path(
    delete, path = "/sessions/{id}/groups/{group}/picture", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "`not_group_admin` or `not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn remove_group_picture(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    groups.set_picture(&ctx, &id, &group, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave a group.
#[utoipa::path(
    delete, path = "/sessions/{id}/groups/{group}/membership", tag = "groups",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("group" = String, Path, description = "`…@g.us`"),
    ),
    responses(
        (status = 204, description = "Left"),
        (status = 403, description = "`not_group_member`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn leave_group(
    State(groups): State<Groups>,
    ctx: Ctx,
    Path((id, group)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    groups.leave(&ctx, &id, &group).await?;
    Ok(StatusCode::NO_CONTENT)
}
