//! `/v1/sessions/{id}/channels`: make, show, change and end channels. [`following`] owns what their readers do.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::{profile::PictureRequest, users::given};
use crate::{
    domain::channel::Channel,
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        channels::{ChannelPatch, Channels},
    },
};

mod following;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(get_channel, update_channel, delete_channel))
        .routes(routes!(preview_channel_invite))
        .routes(routes!(set_channel_picture, remove_channel_picture))
        .merge(following::guarded())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateChannelRequest {
    /// 1 to 100 characters.
    #[schema(example = "Boats")]
    name: String,
    /// Up to 2048 characters.
    description: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateChannelRequest {
    /// 1 to 100 characters.
    name: Option<String>,
    /// Up to 2048 characters; null removes it.
    #[expect(
        clippy::option_option,
        reason = "a null that was given differs from a field that was not"
    )]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
}

/// List the channels that the account owns or follows, by id.
#[utoipa::path(
    get, path = "/sessions/{id}/channels", tag = "channels",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), PageQuery),
    responses(
        (status = 200, body = Page<Channel>),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn list_channels(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Channel>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?);
    let mut found = channels.list(&ctx, &id).await?;
    if let Some(after) = after {
        found.retain(|channel| channel.id > after);
    }
    let key = |channel: &Channel| channel.id.clone();
    Ok(Json(Page::cut(found, limit, key, |channel| channel)))
}

/// Make a channel.
///
/// With an `Idempotency-Key` a repeated request makes no second channel and gets the first answer, for 24 hours.
#[utoipa::path(
    post, path = "/sessions/{id}/channels", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = CreateChannelRequest,
    responses(
        (status = 201, body = Channel),
        (status = 400, description = "`invalid_channel_name` or `invalid_channel_description` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn create_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<CreateChannelRequest>,
) -> Result<(StatusCode, Json<Channel>), Problem> {
    let CreateChannelRequest { name, description } = body;
    let made = channels.create(&ctx, &id, name, description).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Show a channel, whether the account follows it or not.
#[utoipa::path(
    get, path = "/sessions/{id}/channels/{channel}", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 200, body = Channel),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn get_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<Json<Channel>, Problem> {
    Ok(Json(channels.get(&ctx, &id, &channel).await?))
}

/// Change a channel. What is not named stays.
#[utoipa::path(
    patch, path = "/sessions/{id}/channels/{channel}", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    request_body = UpdateChannelRequest,
    responses(
        (status = 200, body = Channel),
        (status = 400, description = "`invalid_channel_name` or `invalid_channel_description` among others", body = ProblemBody),
        (status = 403, description = "`not_channel_admin`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn update_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
    Json(body): Json<UpdateChannelRequest>,
) -> Result<Json<Channel>, Problem> {
    let patch = ChannelPatch {
        name: body.name,
        description: body.description,
    };
    Ok(Json(channels.update(&ctx, &id, &channel, patch).await?))
}

/// End a channel of one's own, and everything in it.
#[utoipa::path(
    delete, path = "/sessions/{id}/channels/{channel}", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 403, description = "`not_channel_owner`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn delete_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    channels.delete(&ctx, &id, &channel).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show the channel behind an invite, without following it.
#[utoipa::path(
    get, path = "/sessions/{id}/channels/invites/{code}", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("code" = String, Path, description = "The code of an invite"),
    ),
    responses(
        (status = 200, body = Channel),
        (status = 400, description = "`invalid_invite`", body = ProblemBody),
        (status = 404, description = "`invite_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn preview_channel_invite(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, code)): Path<(String, String)>,
) -> Result<Json<Channel>, Problem> {
    Ok(Json(channels.preview(&ctx, &id, &code).await?))
}

/// Change the picture of a channel.
#[utoipa::path(
    put, path = "/sessions/{id}/channels/{channel}/picture", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    request_body = PictureRequest,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "`invalid_image` among others", body = ProblemBody),
        (status = 403, description = "`not_channel_admin`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn set_channel_picture(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
    Json(body): Json<PictureRequest>,
) -> Result<StatusCode, Problem> {
    let jpeg = Some(body.bytes()?);
    channels.set_picture(&ctx, &id, &channel, jpeg).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the picture of a channel.
#[utoipa::path(
    delete, path = "/sessions/{id}/channels/{channel}/picture", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "`not_channel_admin`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn remove_channel_picture(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    channels.set_picture(&ctx, &id, &channel, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
