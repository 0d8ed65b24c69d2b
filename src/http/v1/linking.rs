//! Linking a phone: `…/qr`, `…/pair-code`, `…/link-tokens`, and `/v1/ws-tickets`.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{address::Address, clock::rfc3339, session::Qr},
    http::{
        Api,
        extract::{Json, Path, Query},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{Ctx, Error, Fault, linking::Linking, qr, sessions::Sessions, tickets::Tickets},
};

/// The longest poll for a QR code.
const MAX_WAIT_MS: u64 = 30_000;

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_qr))
        .routes(routes!(create_pair_code))
        .routes(routes!(create_link_token))
        .routes(routes!(create_ws_ticket))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct QrQuery {
    /// Wait this long for a code, up to 30000.
    #[param(maximum = 30000)]
    wait_ms: Option<u64>,
}

/// A code that a phone can scan right now.
#[derive(Serialize, utoipa::ToSchema)]
struct QrResponse {
    /// What the QR code holds.
    code: String,
    expires_at: String,
    /// 1 for the first code of a pairing.
    index: u32,
}

/// The QR code that is valid right now, as `Accept` asks: JSON, PNG, SVG or text for a terminal.
#[utoipa::path(
    get, path = "/sessions/{id}/qr", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), QrQuery),
    responses(
        (status = 200, content(
            (QrResponse = "application/json"),
            (Vec<u8> = "image/png"),
            (String = "image/svg+xml"),
            (String = "text/plain"),
        )),
        (status = 404, body = ProblemBody),
        (status = 406, description = "None of the four forms is accepted", body = ProblemBody),
        (status = 409, description = "There is no code to scan; `code` says why", body = ProblemBody),
    )
)]
async fn get_qr(
    State(linking): State<Linking>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<QrQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::wanted(&headers)?;
    let wait = query.wait_ms.unwrap_or(0);
    if wait > MAX_WAIT_MS {
        let fault = Fault::new("/wait_ms", format!("must be at most {MAX_WAIT_MS}"));
        return Err(Problem::invalid("validation_failed", vec![fault]));
    }
    let code = linking.qr(&ctx, &id, Duration::from_millis(wait)).await?;
    form.show(code)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Png,
    Svg,
    Text,
}

impl Form {
    /// The first form of `Accept` that there is.
    fn wanted(headers: &HeaderMap) -> Result<Self, Problem> {
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or("*/*");
        accept
            .split(',')
            .find_map(|wanted| match wanted.split(';').next()?.trim() {
                "application/json" | "application/*" | "*/*" => Some(Self::Json),
                "image/png" | "image/*" => Some(Self::Png),
                "image/svg+xml" => Some(Self::Svg),
                "text/plain" | "text/*" => Some(Self::Text),
                _ => None,
            })
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::NOT_ACCEPTABLE,
                    "not_acceptable",
                    "a QR code comes as application/json, image/png, image/svg+xml or text/plain",
                )
            })
    }

    fn show(self, code: Qr) -> Result<Response, Problem> {
        let (kind, body) = match self {
            Self::Json => {
                let response = QrResponse {
                    code: code.code,
                    expires_at: rfc3339(code.expires_at),
                    index: code.index,
                };
                return Ok(Json(response).into_response());
            }
            Self::Png => ("image/png", qr::png(&code.code)?),
            Self::Svg => ("image/svg+xml", qr::svg(&code.code)?.into_bytes()),
            Self::Text => (
                "text/plain; charset=utf-8",
                qr::text(&code.code)?.into_bytes(),
            ),
        };
        Ok((
            [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
            body,
        )
            .into_response())
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PairCodeRequest {
    /// The number of the phone that links, with its country code.
    #[schema(example = "+5511999887766")]
    phone: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct PairCodeResponse {
    /// Eight characters to type on the phone.
    #[schema(example = "ABCD1234")]
    code: String,
    expires_at: String,
}

/// Ask for a code to type on the phone instead of scanning.
#[utoipa::path(
    post, path = "/sessions/{id}/pair-code", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = PairCodeRequest,
    responses(
        (status = 200, body = PairCodeResponse),
        (status = 404, body = ProblemBody),
        (status = 409, description = "`session_already_linked`; or `pair_code_outstanding`, for another phone", body = ProblemBody),
        (status = 502, description = "WhatsApp gives no code", body = ProblemBody),
    )
)]
async fn create_pair_code(
    State(sessions): State<Sessions>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<PairCodeRequest>,
) -> Result<Json<PairCodeResponse>, Problem> {
    let phone: Address = body
        .phone
        .parse()
        .map_err(|fault| Error::invalid("/phone", format!("{fault}")))?;
    let code = sessions.pair_code(&ctx, &id, &phone).await?;
    Ok(Json(PairCodeResponse {
        code: code.code,
        expires_at: rfc3339(code.expires_at),
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkTokenRequest {
    /// 1 to 3600.
    #[schema(minimum = 1, maximum = 3600, example = 600)]
    expires_in_s: u32,
    /// The pages that may use it; absent means any page of ours.
    #[schema(example = json!(["https://app.example.com"]))]
    allowed_origins: Option<Vec<String>>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct LinkTokenResponse {
    /// For `?token=` of the socket, or `Authorization: Bearer`. Shown once.
    token: String,
    /// A page of this service that links the phone.
    url: String,
    expires_at: String,
}

/// Make a token with which a browser may link and watch this one session.
#[utoipa::path(
    post, path = "/sessions/{id}/link-tokens", tag = "sessions",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = LinkTokenRequest,
    responses((status = 201, body = LinkTokenResponse), (status = 404, body = ProblemBody))
)]
async fn create_link_token(
    State(api): State<Api>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<LinkTokenRequest>,
) -> Result<(StatusCode, Json<LinkTokenResponse>), Problem> {
    let session = api.sessions.to_change(&ctx, &id).await?.id;
    let link = api
        .tickets
        .issue_link(&ctx, session, body.expires_in_s, body.allowed_origins)
        .await?;
    let response = LinkTokenResponse {
        // Behind the #, so that it reaches no log and no Referer.
        url: format!(
            "{}/#/link/{session}?token={}",
            api.settings.public_url, link.secret
        ),
        token: link.secret,
        expires_at: rfc3339(link.expires_at),
    };
    Ok((StatusCode::CREATED, Json(response)))
}

#[derive(Serialize, utoipa::ToSchema)]
struct TicketResponse {
    /// For `?ticket=`, once, within 30 seconds.
    ticket: String,
    expires_at: String,
}

/// Make a ticket that opens one socket: a browser cannot send headers with it.
#[utoipa::path(
    post, path = "/ws-tickets", tag = "events",
    responses((status = 201, body = TicketResponse))
)]
async fn create_ws_ticket(
    State(tickets): State<Tickets>,
    ctx: Ctx,
) -> Result<(StatusCode, Json<TicketResponse>), Problem> {
    let ticket = tickets.issue(&ctx).await?;
    let response = TicketResponse {
        ticket: ticket.secret,
        expires_at: rfc3339(ticket.expires_at),
    };
    Ok((StatusCode::CREATED, Json(response)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_the_form_and_json_is_the_default() {
        let wanted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Form::wanted(&headers)
        };
        assert_eq!(Form::wanted(&HeaderMap::new()).unwrap(), Form::Json);
        assert_eq!(wanted("image/png").unwrap(), Form::Png);
        assert_eq!(wanted("text/html, image/svg+xml;q=0.9").unwrap(), Form::Svg);
        assert_eq!(wanted("text/plain").unwrap(), Form::Text);
        assert_eq!(
            wanted("video/mp4").unwrap_err().status(),
            StatusCode::NOT_ACCEPTABLE
        );
    }
}
