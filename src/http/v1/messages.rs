//! `/v1/sessions/{id}/messages`: send and list.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use entity::ids::MessageRowId;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{
        address::Address,
        clock::from_rfc3339,
        message::{Ack, Message, Status},
    },
    http::{
        Api,
        extract::{Json, JsonWithFile, Path, Query},
        page::{self, Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error, Fault,
        messages::{self, MAX_WAIT, Messages, Sent, StoredMessage},
    },
};

mod about;
mod became;
mod marking;
mod request;

use became::BecameResponse;
use request::SendMessageRequest;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(get_message))
        .merge(about::routes())
        .merge(marking::routes())
}

/// `Prefer: respond-async` or `Prefer: wait=<seconds>` (RFC 7240); what cannot be read is no preference.
fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").into_iter();
    let mut words = preferences
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let wait = words.find_map(|word| match word.split_once('=') {
        None if word.eq_ignore_ascii_case("respond-async") => Some(Duration::ZERO),
        Some((name, seconds)) if name.trim().eq_ignore_ascii_case("wait") => {
            seconds.trim().parse().ok().map(Duration::from_secs)
        }
        _ => None,
    });
    wait.map_or(MAX_WAIT, |wait| wait.min(MAX_WAIT))
}

#[derive(Serialize, utoipa::ToSchema)]
struct SentResponse {
    #[schema(value_type = String, example = "msg_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: MessageRowId,
    /// WhatsApp's id of the message.
    #[schema(example = "3EB0C767D097E9ECFE8A")]
    message_id: String,
    /// `sent` when WhatsApp has it; else where it is. From here on `message.ack` events tell how far it comes.
    status: Status,
    /// The canonical address.
    to: String,
}

impl From<Sent> for SentResponse {
    fn from(sent: Sent) -> Self {
        Self {
            id: sent.id,
            message_id: sent.message_id,
            status: sent.status,
            to: sent.to,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct MessageResponse {
    #[schema(value_type = String)]
    id: MessageRowId,
    #[serde(flatten)]
    message: Message,
    /// The number: -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played.
    ack: i16,
    /// The name of that number.
    ack_name: Ack,
    /// Where it is, of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(flatten)]
    became: BecameResponse,
}

impl From<StoredMessage> for MessageResponse {
    fn from(stored: StoredMessage) -> Self {
        Self {
            id: stored.id,
            message: stored.message,
            ack: stored.ack.number(),
            ack_name: stored.ack,
            status: stored.status,
            became: stored.became.into(),
        }
    }
}

/// Send a message.
///
/// It is stored first, and from then on sent whatever happens, under the id that is answered. The answer waits up to ten
/// seconds for WhatsApp; `Prefer: respond-async` answers at once, `Prefer: wait=3` after three seconds.
///
/// With an `Idempotency-Key` a repeated request sends nothing again and gets the first answer, for 24 hours.
#[utoipa::path(
    post, path = "/sessions/{id}/messages", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = SendMessageRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`invalid_recipient` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
        (status = 429, description = "A limit of WhatsApp's, or too many messages wait", body = ProblemBody),
    )
)]
async fn send_message(
    State(api): State<Api>,
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonWithFile(body): JsonWithFile<SendMessageRequest>,
) -> Result<(StatusCode, Json<SentResponse>), Problem> {
    let messages = &api.messages;
    let (mut new, file) = match body.into_message() {
        Ok(made) => made,
        Err(error) => {
            // Whoever sees no session learns nothing of what it would take.
            messages.admit(&ctx, &id).await?;
            return Err(error.into());
        }
    };
    if let Some((file, at)) = file {
        // Nothing is taken in that could not be sent.
        messages.require_ready(&ctx, &id).await?;
        let file = file.take(&api.media, &ctx, &id, &at).await?;
        new.attach(file);
    }
    let key = headers.get("idempotency-key");
    new.key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
    new.wait = wait(&headers);
    let sent = messages.send(&ctx, &id, new).await?;
    Ok((StatusCode::ACCEPTED, Json(sent.into())))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessagesQuery {
    /// How many items, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only of this chat.
    chat: Option<String>,
    /// Only by this person.
    sender: Option<String>,
    /// Only of this kind: `text`, `image`, …
    r#type: Option<String>,
    /// Only by this account, or only by others.
    from_me: Option<bool>,
    /// Only what was written then or later, RFC 3339; what is finer than a second does not count.
    from: Option<String>,
    /// Only what was written before, RFC 3339.
    to: Option<String>,
    /// Only what has all of these words, in any order and in any case; `tid*` stands for every word that begins so.
    q: Option<String>,
}

impl MessagesQuery {
    /// What is wanted; each fault is told.
    fn wanted(&self) -> Result<messages::Query, Error> {
        let mut faults = Vec::new();
        let mut address = |pointer: &str, text: &Option<String>| -> Option<Address> {
            let parsed = text.as_deref()?.parse();
            parsed
                .map_err(|fault| faults.push(Fault::new(pointer, format!("{fault}"))))
                .ok()
        };
        let chat = address("/chat", &self.chat);
        let sender = address("/sender", &self.sender);
        let mut time = |pointer: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let at = from_rfc3339(text);
            if at.is_none() {
                faults.push(Fault::new(pointer, "must be a time in RFC 3339"));
            }
            at
        };
        let query = messages::Query {
            chat,
            sender,
            kind: self.r#type.clone(),
            from_me: self.from_me,
            from: time("/from", &self.from),
            to: time("/to", &self.to),
            words: self.q.clone(),
        };
        if faults.is_empty() {
            return Ok(query);
        }
        Err(Error::Invalid {
            code: "validation_failed",
            faults,
        })
    }
}

/// List messages of both directions, newest first.
///
/// By when they were written, and within a second by when they came. What is asked for has to hold all at once.
#[utoipa::path(
    get, path = "/sessions/{id}/messages", tag = "messages",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), MessagesQuery),
    responses((status = 200, body = Page<MessageResponse>), (status = 404, body = ProblemBody))
)]
async fn list_messages(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Page<MessageResponse>>, Problem> {
    let limit = page::limit(query.limit)?;
    let wanted = query.wanted()?;
    let paging = PageQuery {
        limit: None,
        cursor: query.cursor,
    };
    let before = match paging.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = messages.list(&ctx, &id, &wanted, before, u64::from(limit) + 1);
    let found = found.await?;
    Ok(Json(Page::cut(
        found,
        limit,
        |one| one.id.to_string(),
        MessageResponse::from,
    )))
}

/// Show a message.
#[utoipa::path(
    get, path = "/sessions/{id}/messages/{message_id}", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
    ),
    responses((status = 200, body = MessageResponse), (status = 404, body = ProblemBody))
)]
async fn get_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
) -> Result<Json<MessageResponse>, Problem> {
    Ok(Json(messages.get(&ctx, &id, &message_id).await?.into()))
}
