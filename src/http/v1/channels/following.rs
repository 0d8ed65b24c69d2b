//! What the readers of channels do: follow, mute, read what was posted, and be told of reactions.

use axum::{extract::State, http::StatusCode};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::channel::{Channel, Post},
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        channels::{Channels, MAX_POSTS},
    },
};

pub(super) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(follow_channel, unfollow_channel))
        .routes(routes!(mute_channel, unmute_channel))
        .routes(routes!(watch_channel))
        .routes(routes!(list_posts))
}

/// How long reactions are told.
#[derive(Serialize, utoipa::ToSchema)]
struct WatchedResponse {
    /// Ask again before this time is over.
    expires_in_s: u64,
}

/// Follow a channel. Whoever follows it already goes on following.
#[utoipa::path(
    put, path = "/sessions/{id}/channels/{channel}/follow", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 200, body = Channel),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `is_channel_admin`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn follow_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<Json<Channel>, Problem> {
    Ok(Json(channels.follow(&ctx, &id, &channel).await?))
}

/// Follow a channel no longer.
#[utoipa::path(
    delete, path = "/sessions/{id}/channels/{channel}/follow", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 204, description = "Left"),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, `channel_not_followed` or `is_channel_admin`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn unfollow_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    channels.unfollow(&ctx, &id, &channel).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mute a channel that the account owns or follows.
#[utoipa::path(
    put, path = "/sessions/{id}/channels/{channel}/mute", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 204, description = "Muted"),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `channel_not_followed`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn mute_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    channels.set_muted(&ctx, &id, &channel, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a channel sound again.
#[utoipa::path(
    delete, path = "/sessions/{id}/channels/{channel}/mute", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 204, description = "No longer muted"),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "Not connected, or `channel_not_followed`", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn unmute_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    channels.set_muted(&ctx, &id, &channel, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have `channel.reactions` events tell the reactions to posts as they come.
#[utoipa::path(
    put, path = "/sessions/{id}/channels/{channel}/live", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
    ),
    responses(
        (status = 200, body = WatchedResponse),
        (status = 403, description = "`not_channel_admin`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn watch_channel(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
) -> Result<Json<WatchedResponse>, Problem> {
    let expires_in_s = channels.watch(&ctx, &id, &channel).await?;
    Ok(Json(WatchedResponse { expires_in_s }))
}

/// List the posts of a channel, newest first, at most 100 at once.
///
/// WhatsApp is asked for them; they are stored as messages of the past are, without an event.
#[utoipa::path(
    get, path = "/sessions/{id}/channels/{channel}/posts", tag = "channels",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("channel" = String, Path, description = "`…@newsletter`"),
        PageQuery,
    ),
    responses(
        (status = 200, body = Page<Post>),
        (status = 403, description = "`not_channel_admin`", body = ProblemBody),
        (status = 404, description = "`channel_not_found` among others", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn list_posts(
    State(channels): State<Channels>,
    ctx: Ctx,
    Path((id, channel)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Post>>, Problem> {
    let limit = query.limit()?.min(MAX_POSTS);
    let before = query.after()?.map(|text| text.parse());
    let before = before.transpose().map_err(|_| bad_cursor())?;
    let posts = channels.posts(&ctx, &id, &channel, (limit, before)).await?;
    let is_full = posts.len() >= limit as usize;
    let last = posts.last().and_then(|post| post.message.context.server_id);
    let next = last.filter(|_| is_full).map(|number| number.to_string());
    Ok(Json(Page::new(posts, next)))
}
