//! `GET /v1/sessions/{id}/chats`: how the chats stand.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{address::Chat, clock::rfc3339},
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        chats::{Chats, LastMessage, Listed, Silence},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_chats))
}

/// Which chats.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChatsQuery {
    /// Those with this label alone.
    label: Option<String>,
    /// How many items, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The message at the end of a chat.
#[derive(Serialize, utoipa::ToSchema)]
struct LastMessageResponse {
    /// WhatsApp's id of the message.
    message_id: String,
    /// When it was written, by WhatsApp's clock.
    timestamp: String,
}

impl From<LastMessage> for LastMessageResponse {
    fn from(last: LastMessage) -> Self {
        Self {
            message_id: last.message_id,
            timestamp: rfc3339(last.sent_at),
        }
    }
}

/// A chat and how it stands.
#[derive(Serialize, utoipa::ToSchema)]
struct ChatResponse {
    #[serde(flatten)]
    chat: Chat,
    /// What it is called: the group, or the person by the account's address book, else by themselves.
    name: Option<String>,
    /// Messages that no device of the account has read.
    unread: u32,
    /// It was marked as unread, whatever was read.
    marked_unread: bool,
    /// It was put away.
    archived: bool,
    /// It stays on top.
    pinned: bool,
    /// It makes no sound.
    muted: bool,
    /// Until when it makes no sound; null when that has no end.
    muted_until: Option<String>,
    /// After how many seconds its messages disappear; 0 is never.
    ephemeral_s: u32,
    /// The ids of its labels.
    labels: Vec<String>,
    /// The message at its end; null when there is none.
    last_message: Option<LastMessageResponse>,
}

impl From<Listed> for ChatResponse {
    fn from(listed: Listed) -> Self {
        let (muted, muted_until) = match listed.silence {
            Silence::Off => (false, None),
            Silence::On => (true, None),
            Silence::Until(until) => (true, Some(rfc3339(until))),
        };
        Self {
            chat: listed.chat,
            name: listed.name,
            unread: listed.unread,
            marked_unread: listed.marked_unread,
            archived: listed.archived,
            pinned: listed.pinned,
            muted,
            muted_until,
            ephemeral_s: listed.ephemeral_s,
            labels: listed.labels,
            last_message: listed.last.map(LastMessageResponse::from),
        }
    }
}

/// List the chats, the one with the latest message first.
///
/// As the session has heard of them: what it writes and reads, and what other devices of the account do. The session need
/// not be connected.
#[utoipa::path(
    get, path = "/sessions/{id}/chats", tag = "chats",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), ChatsQuery),
    responses((status = 200, body = Page<ChatResponse>), (status = 404, description = "`session_not_found`, or `label_not_found`", body = ProblemBody))
)]
async fn list_chats(
    State(chats): State<Chats>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<ChatsQuery>,
) -> Result<Json<Page<ChatResponse>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (limit, after) = (page.limit()?, page.after()?);
    let after = after.as_deref().map(place).transpose()?;
    let label = query.label.as_deref();
    let found = chats.list(&ctx, &id, label, after, u64::from(limit) + 1);
    let found = found.await?;
    let key = |listed: &Listed| format!("{} {}", listed.place.0, listed.place.1);
    Ok(Json(Page::cut(found, limit, key, ChatResponse::from)))
}

/// The place that a cursor names.
fn place(cursor: &str) -> Result<(i64, &str), Problem> {
    let place = cursor
        .split_once(' ')
        .and_then(|(at, id)| Some((at.parse().ok()?, id)));
    place.ok_or_else(bad_cursor)
}
