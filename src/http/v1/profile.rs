//! `/v1/sessions/{id}/profile` and `…/privacy`: the linked account itself.

use axum::{extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::contact::{ContactInfo, Privacy},
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        profile::{Own, Profile, ProfilePatch},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_profile, update_profile))
        .routes(routes!(set_profile_picture, remove_profile_picture))
        .routes(routes!(get_privacy, update_privacy))
}

/// The linked account as others see it.
#[derive(Serialize, utoipa::ToSchema)]
struct ProfileResponse {
    /// The name that it goes by.
    push_name: Option<String>,
    #[serde(flatten)]
    card: ContactInfo,
}

impl From<Own> for ProfileResponse {
    fn from(own: Own) -> Self {
        Self {
            push_name: own.push_name,
            card: own.card,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateProfileRequest {
    /// 1 to 25 characters.
    push_name: Option<String>,
    /// Up to 139 characters; empty for none.
    about: Option<String>,
}

/// A picture.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PictureRequest {
    /// A JPEG of at most 512 KiB, best 640 by 640 points.
    #[schema(example = "/9j/4AD/2Q==")]
    base64: String,
}

impl PictureRequest {
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Error> {
        let decoded = STANDARD.decode(&self.base64);
        decoded.map_err(|_| Error::invalid("/base64", "this is not base64"))
    }
}

/// Show the linked account as others see it.
#[utoipa::path(
    get, path = "/sessions/{id}/profile", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 200, body = ProfileResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_profile(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<ProfileResponse>, Problem> {
    Ok(Json(profile.get(&ctx, &id).await?.into()))
}

/// Change the name of the linked account and the text about it.
#[utoipa::path(
    patch, path = "/sessions/{id}/profile", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = UpdateProfileRequest,
    responses(
        (status = 200, body = ProfileResponse),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn update_profile(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<UpdateProfileRequest>,
) -> Result<Json<ProfileResponse>, Problem> {
    let patch = ProfilePatch {
        push_name: body.push_name,
        about: body.about,
    };
    Ok(Json(profile.update(&ctx, &id, patch).await?.into()))
}

/// Change the picture of the linked account.
#[utoipa::path(
    put, path = "/sessions/{id}/profile/picture", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = PictureRequest,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "`invalid_image` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn set_profile_picture(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<PictureRequest>,
) -> Result<StatusCode, Problem> {
    let jpeg = Some(body.bytes()?);
    profile.set_picture(&ctx, &id, jpeg).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the picture of the linked account.
#[utoipa::path(
    delete, path = "/sessions/{id}/profile/picture", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn remove_profile_picture(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    profile.set_picture(&ctx, &id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show who is shown what.
#[utoipa::path(
    get, path = "/sessions/{id}/privacy", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 200, body = inline(Privacy)),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_privacy(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<Privacy>, Problem> {
    Ok(Json(profile.privacy(&ctx, &id).await?))
}

/// Change who is shown what. What is not named stays.
#[utoipa::path(
    patch, path = "/sessions/{id}/privacy", tag = "profile",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = inline(Privacy),
    responses(
        (status = 200, description = "All settings", body = inline(Privacy)),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn update_privacy(
    State(profile): State<Profile>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(wanted): Json<Privacy>,
) -> Result<Json<Privacy>, Problem> {
    Ok(Json(profile.set_privacy(&ctx, &id, wanted).await?))
}
