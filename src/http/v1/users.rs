//! `/v1/users`: people who may sign in.

use axum::{extract::State, http::StatusCode};
use entity::{
    enums::{Role, TenantRole},
    ids::UserId,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        users::{NewUser, User, UserPatch, Users},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, update_user, delete_user))
}

/// A user.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub(super) struct UserResponse {
    #[schema(value_type = String, example = "usr_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: UserId,
    username: String,
    /// `admin` or `user`.
    #[schema(value_type = String, example = "user")]
    role: Role,
    /// Whose account the user works in: their own, if they are no member of another's.
    #[schema(value_type = String, example = "usr_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    tenant_id: UserId,
    /// `owner`, `admin`, `member` or `viewer`.
    #[schema(value_type = String, example = "owner")]
    tenant_role: TenantRole,
    /// How many sessions; null means no limit.
    session_limit: Option<i32>,
    /// Whether the user may sign in.
    is_active: bool,
    created_at: String,
}

impl From<User> for UserResponse {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            role: user.role,
            tenant_id: user.tenant,
            tenant_role: user.tenant_role,
            session_limit: user.session_limit,
            is_active: user.is_active,
            created_at: rfc3339(user.created_at),
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUserRequest {
    /// 1 to 64 letters, digits or `_ . + @ -`.
    username: String,
    /// 8 to 256 bytes.
    password: String,
    /// `admin` or `user`.
    #[serde(default = "plain")]
    #[schema(value_type = Option<String>, example = "user")]
    role: Role,
    /// How many sessions; null means no limit.
    session_limit: Option<i32>,
}

const fn plain() -> Role {
    Role::User
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateUserRequest {
    /// `admin` or `user`.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// How many sessions; null means no limit.
    #[expect(
        clippy::option_option,
        reason = "a null that was given differs from a field that was not"
    )]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>)]
    session_limit: Option<Option<i32>>,
    /// False cuts every access of the user at once.
    is_active: Option<bool>,
    /// A new password; ends every sign-in of the user.
    password: Option<String>,
}

/// Tells a null that was given from a field that was not.
#[expect(clippy::option_option, reason = "that is what it is for")]
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A path that holds no user id names no user.
pub(super) fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse()
        .map_err(|_| Error::NotFound { what: "user" }.into())
}

/// List users.
#[utoipa::path(
    get, path = "/users", tag = "users", params(PageQuery),
    responses((status = 200, body = Page<UserResponse>))
)]
async fn list_users(
    State(users): State<Users>,
    ctx: Ctx,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<UserResponse>>, Problem> {
    let limit = query.limit()?;
    let after = match query.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = users.list(&ctx, after, limit).await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |user| user.id.to_string(),
        UserResponse::from,
    )))
}

/// Add a user.
#[utoipa::path(
    post, path = "/users", tag = "users", request_body = CreateUserRequest,
    responses(
        (status = 201, body = UserResponse),
        (status = 409, description = "There is a user of this name", body = ProblemBody),
    )
)]
async fn create_user(
    State(users): State<Users>,
    ctx: Ctx,
    Json(body): Json<CreateUserRequest>,
) -> Result<(StatusCode, Json<UserResponse>), Problem> {
    let new = NewUser {
        username: body.username,
        password: body.password,
        role: body.role,
        session_limit: body.session_limit,
    };
    let user = users.create(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Show a user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = UserResponse), (status = 404, body = ProblemBody))
)]
async fn get_user(
    State(users): State<Users>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<UserResponse>, Problem> {
    let user = users.get(&ctx, user_id(&id)?).await?;
    Ok(Json(user.into()))
}

/// Change a user.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    request_body = UpdateUserRequest,
    responses(
        (status = 200, body = UserResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "This is the last active administrator, or a member of another's account would become one or get a limit of their own", body = ProblemBody),
    )
)]
async fn update_user(
    State(users): State<Users>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<UpdateUserRequest>,
) -> Result<Json<UserResponse>, Problem> {
    let patch = UserPatch {
        role: body.role,
        session_limit: body.session_limit,
        is_active: body.is_active,
        password: body.password,
    };
    let user = users.update(&ctx, user_id(&id)?, patch).await?;
    Ok(Json(user.into()))
}

/// Remove a user who has no sessions and no members.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 204, description = "Done"),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The user has sessions or members, or is the last administrator", body = ProblemBody),
    )
)]
async fn delete_user(
    State(users): State<Users>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    users.delete(&ctx, user_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
