//! `/v1/sessions/{id}/messages/{message_id}/…`: what is done about a message that is there.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

use super::{
    SentResponse,
    request::{TextRequest, recipient},
    wait,
};
use crate::{
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        messages::{Messages, Wording},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(edit_message, delete_message))
        .routes(routes!(react_to_message))
        .routes(routes!(vote_in_poll))
        .routes(routes!(forward_message))
}

/// What is answered: the edit, the reaction, … is a message of its own, with an id and acks of its own.
type About = Result<(StatusCode, Json<SentResponse>), Problem>;

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct EditMessageRequest {
    /// What a text says instead.
    text: Option<TextRequest>,
    /// What is written below a picture, a film or a document instead; empty for nothing. One of the two.
    caption: Option<String>,
}

impl EditMessageRequest {
    fn wording(self) -> Result<Wording, Error> {
        match (self.text, self.caption) {
            (Some(text), None) => Ok(Wording::Text(text.into())),
            (None, Some(caption)) => Ok(Wording::Caption(caption)),
            (None, None) => Err(Error::invalid("/text", "a text, or the caption of a file")),
            (Some(_), Some(_)) => Err(Error::invalid("/caption", "a text or a caption: not both")),
        }
    }
}

/// Edit a text of one's own, or the caption of a file, for 15 minutes.
#[utoipa::path(
    patch, path = "/sessions/{id}/messages/{message_id}", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = EditMessageRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`not_own_message`, `not_a_text`, `no_caption`, `view_once_not_edited`, `edit_window_closed`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn edit_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<EditMessageRequest>,
) -> About {
    let about = (id.as_str(), message_id.as_str());
    let edit = messages.edit(&ctx, about, body.wording()?, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(edit.await?.into())))
}

/// Delete a message for everybody: one's own, or as an admin one of the group's.
#[utoipa::path(
    delete, path = "/sessions/{id}/messages/{message_id}", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    responses(
        (status = 202, body = SentResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`not_own_message`, `not_an_admin`, `revoke_window_closed`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn delete_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> About {
    let about = (id.as_str(), message_id.as_str());
    let revoke = messages.revoke(&ctx, about, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(revoke.await?.into())))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReactionRequest {
    /// One emoji; empty takes the reaction back.
    #[schema(example = "👍")]
    emoji: String,
}

/// React to a message.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/reactions", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = ReactionRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`invalid_emoji`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn react_to_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<ReactionRequest>,
) -> About {
    let about = (id.as_str(), message_id.as_str());
    let reaction = messages.react(&ctx, about, body.emoji, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(reaction.await?.into())))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct VoteRequest {
    /// The options as the poll words them; none takes the vote back.
    #[schema(max_items = 12)]
    options: Vec<String>,
}

/// Vote in a poll. It replaces what was chosen before.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/votes", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = VoteRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`vote_option_unknown`, `vote_option_twice`, `vote_is_single`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`not_a_poll`, `secret_unknown`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn vote_in_poll(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<VoteRequest>,
) -> About {
    let about = (id.as_str(), message_id.as_str());
    let vote = messages.vote(&ctx, about, body.options, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(vote.await?.into())))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ForwardRequest {
    /// As in a message that is sent.
    #[schema(example = "+5511999887766")]
    to: String,
}

/// Hand a message on to another chat.
#[utoipa::path(
    post, path = "/sessions/{id}/messages/{message_id}/forward", tag = "messages",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("message_id" = String, Path, description = "WhatsApp's id, or `msg_…`"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=<seconds>` up to 10"),
    ),
    request_body = ForwardRequest,
    responses(
        (status = 202, body = SentResponse),
        (status = 400, description = "`invalid_recipient`, or `kind_not_sent` for a kind that this version does not type", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`view_once_not_forwarded`, `message_deleted`, `message_failed`, or the session is not connected", body = ProblemBody),
    )
)]
async fn forward_message(
    State(messages): State<Messages>,
    ctx: Ctx,
    Path((id, message_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<ForwardRequest>,
) -> About {
    let about = (id.as_str(), message_id.as_str());
    let to = recipient(&body.to, "/to")?;
    let forward = messages.forward(&ctx, about, to, wait(&headers));
    Ok((StatusCode::ACCEPTED, Json(forward.await?.into())))
}
