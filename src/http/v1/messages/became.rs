//! What became of a message, as it is shown with it.

use serde::Serialize;

use crate::{
    domain::{address::Party, message::Answer},
    service::messages::{Answered, Became, Deleted, Pinned, Reacted, Tally},
};

#[derive(Serialize, utoipa::ToSchema)]
struct ReactedResponse {
    #[schema(example = "👍")]
    emoji: String,
    sender: Party,
    /// RFC 3339.
    at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct DeletedResponse {
    by: Party,
    /// RFC 3339.
    at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct PinnedResponse {
    by: Party,
    /// RFC 3339.
    at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct TallyResponse {
    option: String,
    count: usize,
    voters: Vec<Party>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AnsweredResponse {
    /// None when it could not be decrypted.
    answer: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    extra_guests: Option<u32>,
    sender: Party,
    /// RFC 3339.
    at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct BecameResponse {
    /// Each person's last reaction.
    reactions: Vec<ReactedResponse>,
    /// When it got another wording, RFC 3339; the body is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    edited_at: Option<String>,
    /// It was deleted for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    deleted: Option<DeletedResponse>,
    /// It stands at the top of the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pinned: Option<PinnedResponse>,
    /// It is kept from disappearing.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    kept: bool,
    /// Of a poll: each option with who chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    votes: Option<Vec<TallyResponse>>,
    /// Of a calendar event: each person's last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    responses: Option<Vec<AnsweredResponse>>,
}

impl From<Became> for BecameResponse {
    fn from(became: Became) -> Self {
        let votes = became.votes;
        let responses = became.responses;
        Self {
            reactions: became.reactions.into_iter().map(Into::into).collect(),
            edited_at: became.edited_at,
            deleted: became.deleted.map(Into::into),
            pinned: became.pinned.map(Into::into),
            kept: became.kept,
            votes: votes.map(|votes| votes.into_iter().map(Into::into).collect()),
            responses: responses.map(|all| all.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<Reacted> for ReactedResponse {
    fn from(reacted: Reacted) -> Self {
        Self {
            emoji: reacted.emoji,
            sender: reacted.sender,
            at: reacted.at,
        }
    }
}

impl From<Deleted> for DeletedResponse {
    fn from(deleted: Deleted) -> Self {
        Self {
            by: deleted.by,
            at: deleted.at,
        }
    }
}

impl From<Pinned> for PinnedResponse {
    fn from(pinned: Pinned) -> Self {
        Self {
            by: pinned.by,
            at: pinned.at,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl From<Tally> for TallyResponse {
    fn from(tally: Tally) -> Self {
        Self {
            option: tally.option,
            count: tally.voters.len(),
            voters: tally.voters,
        }
    }
}

impl From<Answered> for AnsweredResponse {
    fn from(answered: Answered) -> Self {
        Self {
            answer: answered.answer,
            extra_guests: answered.extra_guests,
            sender: answered.sender,
            at: answered.at,
        }
    }
}
