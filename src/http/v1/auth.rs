//! `/v1/auth/…`, `/v1/me`, `/v1/setup`: signing in and out.

use axum::{extract::State, http::StatusCode};
use entity::{enums::Role, ids::UserId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use super::users::UserResponse;
use crate::{
    http::{
        Api,
        extract::{Json, Peer},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        auth::{Auth, SignedIn},
        users::{SetupToken, User, Users},
    },
};

/// Paths that need no credential.
pub(in crate::http) fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(setup))
}

/// Paths that need one.
pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(logout))
        .routes(routes!(change_password))
        .routes(routes!(me))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    #[schema(example = "admin")]
    username: String,
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshRequest {
    /// Good for one exchange. A second one ends the sign-in.
    refresh_token: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LogoutRequest {
    /// Ends this sign-in; without it, all of the user's.
    refresh_token: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePasswordRequest {
    current_password: String,
    /// 8 to 256 bytes.
    new_password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupRequest {
    /// From the link that the service printed when it started.
    token: String,
    #[schema(example = "admin")]
    username: String,
    /// 8 to 256 bytes.
    password: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct LoginResponse {
    /// A JWT for `Authorization: Bearer`.
    access_token: String,
    /// For `POST /v1/auth/refresh`.
    refresh_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    #[schema(example = 900)]
    expires_in: i64,
    user: UserResponse,
}

impl From<SignedIn> for LoginResponse {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token,
            refresh_token: signed_in.refresh_token,
            token_type: "Bearer",
            expires_in: signed_in.expires_in,
            user: signed_in.user.into(),
        }
    }
}

/// Sign in.
///
/// After five tries in a minute an address has to wait, and longer each time.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", security(()),
    request_body = LoginRequest,
    responses(
        (status = 200, body = LoginResponse),
        (status = 401, description = "The user name or the password is wrong", body = ProblemBody),
        (status = 429, description = "Too many tries; see Retry-After", body = ProblemBody),
    )
)]
async fn login(
    State(auth): State<Auth>,
    Peer(address): Peer,
    Json(body): Json<LoginRequest>,
) -> Result<Json<LoginResponse>, Problem> {
    let signed_in = auth.login(address, &body.username, &body.password).await?;
    Ok(Json(signed_in.into()))
}

/// Exchange a refresh token for new tokens.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", security(()),
    request_body = RefreshRequest,
    responses(
        (status = 200, body = LoginResponse),
        (status = 401, description = "It is unknown, too old, or was used before", body = ProblemBody),
    )
)]
async fn refresh(
    State(auth): State<Auth>,
    Json(body): Json<RefreshRequest>,
) -> Result<Json<LoginResponse>, Problem> {
    let signed_in = auth.refresh(&body.refresh_token).await?;
    Ok(Json(signed_in.into()))
}

/// Sign out.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth",
    request_body = LogoutRequest,
    responses((status = 204, description = "Done"))
)]
async fn logout(
    State(auth): State<Auth>,
    ctx: Ctx,
    Json(body): Json<LogoutRequest>,
) -> Result<StatusCode, Problem> {
    auth.logout(&ctx, body.refresh_token.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set a new password.
///
/// Ends every sign-in of the user and answers with a new one.
#[utoipa::path(
    post, path = "/auth/change-password", tag = "auth",
    request_body = ChangePasswordRequest,
    responses(
        (status = 200, body = LoginResponse),
        (status = 400, description = "The new password is too weak", body = ProblemBody),
        (status = 401, description = "The current password is wrong", body = ProblemBody),
    )
)]
async fn change_password(
    State(auth): State<Auth>,
    ctx: Ctx,
    Peer(address): Peer,
    Json(body): Json<ChangePasswordRequest>,
) -> Result<Json<LoginResponse>, Problem> {
    let signed_in = auth
        .change_password(&ctx, address, &body.current_password, &body.new_password)
        .await?;
    Ok(Json(signed_in.into()))
}

#[derive(Serialize, utoipa::ToSchema)]
struct MeResponse {
    #[serde(flatten)]
    user: UserResponse,
    /// What the credential allows, and its user may do.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<crate::domain::principal::Scope>,
}

/// Who the caller is, and what the credential allows.
#[utoipa::path(get, path = "/me", tag = "auth", responses((status = 200, body = MeResponse)))]
async fn me(State(auth): State<Auth>, ctx: Ctx) -> Result<Json<MeResponse>, Problem> {
    let user = User::clone(&*auth.me(&ctx).await?).into();
    let scopes = ctx.principal.scopes.iter().copied();
    let scopes = scopes.filter(|scope| ctx.principal.may(*scope)).collect();
    Ok(Json(MeResponse { user, scopes }))
}

#[derive(Serialize, utoipa::ToSchema)]
struct SetupResponse {
    #[schema(value_type = String, example = "usr_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: UserId,
    username: String,
    #[schema(value_type = String, example = "admin")]
    role: Role,
}

/// Make the first administrator with the one-time setup token.
#[utoipa::path(
    post, path = "/setup", tag = "auth", security(()),
    request_body = SetupRequest,
    responses(
        (status = 201, body = SetupResponse),
        (status = 401, description = "The token is not valid", body = ProblemBody),
        (status = 409, description = "There are users already", body = ProblemBody),
    )
)]
async fn setup(
    State(setup): State<SetupToken>,
    State(users): State<Users>,
    Json(body): Json<SetupRequest>,
) -> Result<(StatusCode, Json<SetupResponse>), Problem> {
    let user = setup
        .redeem(&users, &body.token, &body.username, &body.password)
        .await?;
    let response = SetupResponse {
        id: user.id,
        username: user.username,
        role: user.role,
    };
    Ok((StatusCode::CREATED, Json(response)))
}
