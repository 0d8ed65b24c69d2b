//! Faults as answers: RFC 9457 `application/problem+json`.
//!
//! Owns the one table from [`service::Error`] to a status and a word. Must never show the source of an internal
//! fault: it goes to the log. Handlers return it; [`super::request`] writes the body, because the request id is
//! known there, and turns every other empty fault (404, 405, timeouts) into the same shape.

use std::{borrow::Cow, collections::BTreeMap, error::Error as StdError, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::service::{self, Fault};

/// The media type of every fault.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// When to come back if nothing closer is known.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// A fault on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
}

/// The body of every fault.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI that names the kind of fault.
    #[schema(example = "urn:wharf:error:session_not_found")]
    pub r#type: String,
    /// The kind of fault, for a person to read.
    #[schema(example = "Not Found")]
    pub title: &'static str,
    /// The status of the answer.
    #[schema(example = 404)]
    pub status: u16,
    /// This fault, for a person to read.
    #[schema(example = "there is no such session")]
    pub detail: String,
    /// A stable word, for a program to read.
    #[schema(example = "session_not_found")]
    pub code: String,
    /// The id of the request, as in `X-Request-Id`.
    pub request_id: String,
    /// The faults of each field, by its JSON pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub errors: BTreeMap<String, Vec<String>>,
}

impl Problem {
    /// A fault with its stable word.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
        }
    }

    /// The input is wrong in these fields.
    pub fn invalid(code: impl Into<Cow<'static, str>>, faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone().into(),
            [one] => format!("{}: {}", one.pointer, one.detail).into(),
            _ => Cow::Borrowed("the request is not valid"),
        };
        Self {
            faults,
            ..Self::new(StatusCode::BAD_REQUEST, code, detail)
        }
    }

    /// Tells when to come back.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The fault that a bare status means: what the router and the layers answer with.
    pub fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "this path does not take this method; see the Allow header",
            ),
            StatusCode::REQUEST_TIMEOUT => ("request_timeout", "the request came too slowly"),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "the body is too large"),
            StatusCode::GATEWAY_TIMEOUT => ("timeout", "this took too long; it may still happen"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "not available right now"),
            other if other.is_server_error() => ("internal", "something went wrong on our side"),
            _ => ("bad_request", "the request is not valid"),
        };
        Self::new(status, code, detail)
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// When to come back, if that is known.
    pub const fn waits(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The stable word.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The body, under the id of its request.
    pub fn body(&self, request_id: &str) -> ProblemBody {
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fault in &self.faults {
            errors
                .entry(fault.pointer.clone())
                .or_default()
                .push(fault.detail.clone());
        }
        ProblemBody {
            r#type: format!("urn:wharf:error:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone().into_owned(),
            code: self.code.clone().into_owned(),
            request_id: request_id.to_owned(),
            errors,
        }
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        let shown = error.to_string();
        match error {
            service::Error::NotFound { what } => Self::new(
                StatusCode::NOT_FOUND,
                format!("{}_not_found", what.replace([' ', '-'], "_")),
                shown,
            ),
            service::Error::Conflict { code, .. } | service::Error::NotReady { code, .. } => {
                Self::new(StatusCode::CONFLICT, code, shown)
            }
            service::Error::Invalid { code, faults } => Self::invalid(code, faults),
            service::Error::Unauthenticated { code, .. } => {
                Self::new(StatusCode::UNAUTHORIZED, code, shown)
            }
            service::Error::Forbidden { .. } => {
                Self::new(StatusCode::FORBIDDEN, "scope_missing", shown)
            }
            service::Error::Denied { code, .. } | service::Error::Quota { code, .. } => {
                Self::new(StatusCode::FORBIDDEN, code, shown)
            }
            service::Error::TooLarge { code, .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, shown)
            }
            service::Error::RateLimited { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", shown)
                    .retry_after(retry_after)
            }
            service::Error::Upstream { code, .. } => {
                Self::new(StatusCode::BAD_GATEWAY, code, shown)
            }
            service::Error::Limited {
                code, retry_after, ..
            } => Self::new(StatusCode::TOO_MANY_REQUESTS, code, shown).retry_after(retry_after),
            service::Error::Unavailable { code, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, shown).retry_after(RETRY_SOON)
            }
            service::Error::Database(source) => {
                tracing::error!(
                    error = &*source as &dyn StdError,
                    "the database cannot be used"
                );
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "database_unavailable",
                    shown,
                )
                .retry_after(RETRY_SOON)
            }
            service::Error::Internal(source) => {
                tracing::error!(
                    error = &*source as &dyn StdError,
                    "the request failed inside"
                );
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", shown)
            }
        }
    }
}

impl IntoResponse for Problem {
    /// The status and the headers; the body is written by [`super::request`].
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(after) = self.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a fault that has none yet; leaves every other answer as it is.
pub(super) fn render(response: Response, request_id: &str) -> Response {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        // A dialect or a page wrote its own body.
        None if parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain")) =>
        {
            return Response::from_parts(parts, body);
        }
        None => Problem::of_status(parts.status),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    Response::from_parts(parts, body.into())
}

/// `X-Request-Id`.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::Scope;

    #[test]
    fn every_error_has_the_status_of_the_contract() {
        let cases = [
            (
                service::Error::NotFound { what: "session" },
                404,
                "session_not_found",
            ),
            (
                service::Error::NotReady {
                    code: "session_not_connected",
                    detail: "no".into(),
                },
                409,
                "session_not_connected",
            ),
            (
                service::Error::invalid("/to", "no address"),
                400,
                "validation_failed",
            ),
            (
                service::Error::Forbidden {
                    scope: Scope::SessionsRead,
                },
                403,
                "scope_missing",
            ),
            (
                service::Error::RateLimited {
                    retry_after: Duration::from_millis(1200),
                },
                429,
                "rate_limited",
            ),
            (
                service::Error::Limited {
                    code: "whatsapp_reach_out_limited",
                    detail: "no".into(),
                    retry_after: Duration::from_hours(1),
                },
                429,
                "whatsapp_reach_out_limited",
            ),
        ];
        for (error, status, code) in cases {
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status);
            assert_eq!(problem.code(), code);
        }
    }

    #[test]
    fn the_source_of_an_internal_fault_is_not_shown() {
        let error = service::Error::internal(std::io::Error::other("the password is x"));
        let body = serde_json::to_string(&Problem::from(error).body("req_1")).unwrap();
        assert!(!body.contains("password"), "{body}");
        assert!(body.contains("req_1"));
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
        let problem = Problem::from(service::Error::RateLimited {
            retry_after: Duration::from_millis(1200),
        });
        assert_eq!(problem.into_response().headers()["retry-after"], "2");
    }
}
