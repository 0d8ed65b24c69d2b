//! `/v1/sessions/{id}/messages`: send and list.

use axum::{extract::State, http::StatusCode};
use entity::ids::MessageRowId;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::{
        address::Address,
        message::{Ack, Message},
    },
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{self, Page, PageQuery, bad_cursor},
        problem::{Problem, ProblemBody},
    },
    service::{
        Ctx, Error, Fault,
        messages::{Messages, NewMessage, StoredMessage},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(get_message))
}

/// What a message can be. More kinds follow.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TextRequest {
    #[schema(example = "Hello")]
    body: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SendMessageRequest {
    /// Digits, `+digits`, or an address that ends in `@s.whatsapp.net`, `@c.us`, `@g.us` or `@lid`.
    #[schema(example = "+5511999887766")]
    to: String,
    r#type: Kind,
    /// Required for `type: text`.
    text: Option<TextRequest>,
}

impl TryFrom<SendMessageRequest> for NewMessage {
    type Error = Error;

    fn try_from(request: SendMessageRequest) -> Result<Self, Error> {
        let to = request.to.parse().map_err(|fault| Error::Invalid {
            code: "invalid_recipient",
            faults: vec![Fault::new("/to", format!("{fault}"))],
        })?;
        let Kind::Text = request.r#type;
        let text = request
            .text
            .ok_or_else(|| Error::invalid("/text", "is required for a text"))?;
        Ok(Self {
            to,
            text: text.body,
        })
    }
}

#[derive(Serialize, utoipa::ToSchema)]
struct SentResponse {
    #[schema(value_type = String, example = "msg_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: MessageRowId,
    /// WhatsApp's id of the message.
    #[schema(example = "3EB0C767D097E9ECFE8A")]
    message_id: String,
    /// `sent` when WhatsApp has it, `unknown` when it did not say so in time.
    #[schema(example = "sent")]
    status: &'static str,
    /// The canonical address.
    to: String,
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
}

impl From<StoredMessage> for MessageResponse {
    fn from(stored: StoredMessage) -> Self {
        Self {
            id: stored.id,
            message: stored.message,
            ack: stored.ack.number(),
            ack_name: stored.ack,
        }
    }
}

/// Send a message.
///
/// With an `Idempotency-Key` a repeated request sends nothing again and gets the first answer, for 24 hours.
#[utoipa::path(
    post, path = "/sessions/{id}/messages", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = SendMessageRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`invalid_recipient` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
    )
)]
async fn send_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<SendMessageRequest>,
) -> Result<(StatusCode, Json<SentResponse>), Problem> {
    let sent = messages.send(&ctx, &id, body.try_into()?).await?;
    let response = SentResponse {
        id: sent.id,
        message_id: sent.message_id,
        status: sent.status,
        to: sent.to,
    };
    Ok((StatusCode::ACCEPTED, Json(response)))
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
}

/// List messages of both directions, newest first.
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
    let chat: Option<Address> = query
        .chat
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|fault| Error::invalid("/chat", format!("{fault}")))?;
    let paging = PageQuery {
        limit: None,
        cursor: query.cursor,
    };
    let before = match paging.after()? {
        Some(key) => Some(key.parse().map_err(|_| bad_cursor())?),
        None => None,
    };
    let found = messages
        .list(&ctx, &id, chat.as_ref(), before, u64::from(limit) + 1)
        .await?;
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
