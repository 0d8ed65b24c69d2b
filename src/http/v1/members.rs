//! `/v1/members`: who else works in one's account.

use axum::{extract::State, http::StatusCode};
use entity::enums::TenantRole;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::users::{UserResponse, user_id};
use crate::{
    http::{
        Api,
        extract::{Json, Path},
        page::Page,
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        users::{MemberPatch, Members, NewMember},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_members, add_member))
        .routes(routes!(get_member, update_member, remove_member))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AddMemberRequest {
    /// 1 to 64 letters, digits or `_ . + @ -`; one of the whole service.
    username: String,
    /// 8 to 256 bytes.
    password: String,
    /// `admin`, `member` or `viewer`.
    #[schema(value_type = String, example = "member")]
    role: TenantRole,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateMemberRequest {
    /// `admin`, `member` or `viewer`.
    #[schema(value_type = Option<String>)]
    role: Option<TenantRole>,
    /// False cuts every access of the member at once.
    is_active: Option<bool>,
    /// A new password; ends every sign-in of the member.
    password: Option<String>,
}

/// Whoever is no member has a name that leads nowhere.
fn member_id(text: &str) -> Result<entity::ids::UserId, Problem> {
    user_id(text).map_err(|_| Error::NotFound { what: "member" }.into())
}

/// List who works in the account: its owner first.
///
/// Everybody in an account shares its sessions. An `owner` or `admin` may do everything, a `member` works with sessions and messages, a
/// `viewer` reads.
#[utoipa::path(
    get, path = "/members", tag = "users",
    responses((status = 200, body = Page<UserResponse>))
)]
async fn list_members(
    State(members): State<Members>,
    ctx: Ctx,
) -> Result<Json<Page<UserResponse>>, Problem> {
    let found = members.list(&ctx).await?;
    Ok(Json(Page::whole(found.into_iter().map(UserResponse::from))))
}

/// Add a member.
#[utoipa::path(
    post, path = "/members", tag = "users", request_body = AddMemberRequest,
    responses(
        (status = 201, body = UserResponse),
        (status = 403, description = "`not_tenant_admin`, or `member_limit_reached`", body = ProblemBody),
        (status = 409, description = "There is a user of this name", body = ProblemBody),
    )
)]
async fn add_member(
    State(members): State<Members>,
    ctx: Ctx,
    Json(body): Json<AddMemberRequest>,
) -> Result<(StatusCode, Json<UserResponse>), Problem> {
    let new = NewMember {
        username: body.username,
        password: body.password,
        role: body.role,
    };
    let made = members.create(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Show somebody who works in the account.
#[utoipa::path(
    get, path = "/members/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = UserResponse), (status = 404, body = ProblemBody))
)]
async fn get_member(
    State(members): State<Members>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<UserResponse>, Problem> {
    let member = members.get(&ctx, member_id(&id)?).await?;
    Ok(Json(member.into()))
}

/// Change a member. Another role counts at once.
#[utoipa::path(
    patch, path = "/members/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    request_body = UpdateMemberRequest,
    responses(
        (status = 200, body = UserResponse),
        (status = 403, description = "`not_tenant_admin`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`owner_stays`: the operator of the service manages the owner", body = ProblemBody),
    )
)]
async fn update_member(
    State(members): State<Members>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<UpdateMemberRequest>,
) -> Result<Json<UserResponse>, Problem> {
    let patch = MemberPatch {
        role: body.role,
        is_active: body.is_active,
        password: body.password,
    };
    let member = members.update(&ctx, member_id(&id)?, patch).await?;
    Ok(Json(member.into()))
}

/// Remove a member, with every credential of theirs. What they made stays.
#[utoipa::path(
    delete, path = "/members/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 204, description = "Done"),
        (status = 403, description = "`not_tenant_admin`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`owner_stays`", body = ProblemBody),
    )
)]
async fn remove_member(
    State(members): State<Members>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    members.delete(&ctx, member_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
