//! The passkey gate of linking: `…/passkey`, `…/passkey/confirm`.

use axum::{extract::State, http::StatusCode};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{event::PasskeyData, passkey::Assertion},
    http::{
        Api,
        extract::{Json, Path},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, Fault, linking::passkey_data, sessions::Sessions},
};

/// The longest that one part of an answer may be, decoded.
const MAX_PART: usize = 8 * 1024;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_passkey, answer_passkey))
        .routes(routes!(confirm_passkey))
}

/// How far the passkey gate is: the challenge to answer, or the code to compare.
#[utoipa::path(
    get, path = "/sessions/{id}/passkey", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 200, body = PasskeyData),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`passkey_not_requested`", body = ProblemBody),
    )
)]
async fn get_passkey(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<PasskeyData>, Problem> {
    let gate = sessions.passkey(&ctx, &id).await?;
    Ok(Json(passkey_data(&gate)))
}

/// A WebAuthn assertion, as `PublicKeyCredential.toJSON()` gives it. Bytes are base64url.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyAnswerRequest {
    /// The id of the passkey.
    #[schema(example = "ZXhhbXBsZQ")]
    id: String,
    /// The same once more; absent means `id`.
    #[serde(rename = "rawId")]
    raw_id: Option<String>,
    /// `public-key`.
    #[schema(example = "public-key")]
    r#type: String,
    response: AssertionResponse,
    /// Taken and not used.
    #[serde(rename = "authenticatorAttachment")]
    #[expect(dead_code, reason = "an authenticator may say it")]
    authenticator_attachment: Option<String>,
    /// Taken and not used.
    #[serde(rename = "clientExtensionResults")]
    #[schema(value_type = Option<Object>)]
    #[expect(dead_code, reason = "an authenticator may say it")]
    client_extension_results: Option<Value>,
}

/// What the authenticator answered.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    #[schema(example = "e30")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    #[schema(example = "ZXhhbXBsZQ")]
    authenticator_data: String,
    #[schema(example = "ZXhhbXBsZQ")]
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

impl TryFrom<PasskeyAnswerRequest> for Assertion {
    type Error = Problem;

    fn try_from(request: PasskeyAnswerRequest) -> Result<Self, Problem> {
        let response = request.response;
        if request.r#type != "public-key" {
            return Err(wrong("/type", "must be public-key"));
        }
        let credential_id = part("/id", &request.id)?;
        if let Some(raw) = &request.raw_id
            && part("/rawId", raw)? != credential_id
        {
            return Err(wrong("/rawId", "is not the same as id"));
        }
        // Some authenticators write an empty one for none.
        let handle = response.user_handle.as_deref();
        let handle = handle.filter(|handle| !handle.is_empty());
        Ok(Self {
            credential_id,
            client_data: part("/response/clientDataJSON", &response.client_data)?,
            authenticator_data: part("/response/authenticatorData", &response.authenticator_data)?,
            signature: part("/response/signature", &response.signature)?,
            user_handle: handle
                .map(|handle| part("/response/userHandle", handle))
                .transpose()?,
        })
    }
}

fn part(pointer: &str, text: &str) -> Result<Vec<u8>, Problem> {
    let text = text.trim_end_matches('=');
    if text.is_empty() || text.len() > MAX_PART.div_ceil(3) * 4 {
        return Err(wrong(pointer, &format!("has 1 to {MAX_PART} bytes")));
    }
    BASE64
        .decode(text)
        .map_err(|_| wrong(pointer, "is no base64url"))
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    Problem::invalid("invalid_passkey_answer", vec![Fault::new(pointer, detail)])
}

/// Answer the challenge. What follows comes as `passkey` events; 202 says that WhatsApp believes the answer.
#[utoipa::path(
    post, path = "/sessions/{id}/passkey", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = PasskeyAnswerRequest,
    responses(
        (status = 202, body = PasskeyData),
        (status = 400, description = "`invalid_passkey_answer`: it cannot be one to the challenge, and was not sent", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`passkey_not_requested` or `passkey_already_answered`; or `session_not_connected`", body = ProblemBody),
        (status = 502, description = "`passkey_refused`: the link has ended; or `whatsapp_timeout`: try again", body = ProblemBody),
    )
)]
async fn answer_passkey(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<PasskeyAnswerRequest>,
) -> Result<(StatusCode, Json<PasskeyData>), Problem> {
    let gate = sessions.answer_passkey(&ctx, &id, body.try_into()?).await?;
    Ok((StatusCode::ACCEPTED, Json(passkey_data(&gate))))
}

/// Confirm that the phone shows the same code; once more changes nothing.
#[utoipa::path(
    post, path = "/sessions/{id}/passkey/confirm", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 202, body = PasskeyData),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`passkey_not_requested` or `passkey_code_not_ready`; or `session_not_connected`", body = ProblemBody),
        (status = 502, description = "`passkey_refused`: the link has ended; or `whatsapp_timeout`: try again", body = ProblemBody),
    )
)]
async fn confirm_passkey(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<PasskeyData>), Problem> {
    let gate = sessions.confirm_passkey(&ctx, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(passkey_data(&gate))))
}
