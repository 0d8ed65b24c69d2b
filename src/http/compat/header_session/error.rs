//! What goes wrong, in the words of this dialect: `{"error"}`, and `message` where there is more to say.
//!
//! Owns the one table from [`service::Error`] to a status and a text. Must never show the source of an internal fault.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::dto::State;
use crate::{
    http::{extract::Json, problem::Problem},
    service,
};

/// Of a session that is not there.
pub(super) const NO_SESSION: &str = "Session does not exist. Request QR code to create.";

/// When to come back to a session that is starting.
const STARTING: Duration = Duration::from_secs(5);

/// A fault on its way to the caller.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Body,
    retry_after: Option<Duration>,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            body: Body {
                error: error.into(),
                message: None,
            },
            retry_after: None,
        }
    }

    fn with(mut self, message: &'static str) -> Self {
        self.body.message = Some(message);
        self
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    pub(super) fn no_credential() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Missing authorization header")
    }

    pub(super) fn bad_credential() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid token")
    }

    pub(super) fn no_id() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Missing X-Session-Id header")
            .with("Missing X-Session-Id header. Session ID is required for all operations.")
    }

    pub(super) fn bad_id() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid session ID").with(
            "Invalid session ID. Use alphanumeric characters, hyphens, and underscores only (max 50 chars).",
        )
    }

    pub(super) fn no_session() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Session does not exist").with(NO_SESSION)
    }

    /// The session is there and cannot send.
    pub(super) fn not_ready(id: &str, state: State) -> Self {
        let error = format!(
            "Session '{id}' not ready. Status: {}. Please check QR code endpoint.",
            state.as_str()
        );
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, error);
        if state == State::Initializing {
            refusal.retry_after = Some(STARTING);
        }
        refusal
    }

    pub(super) fn bad_number() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid phone number")
    }

    pub(super) fn bad_message() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid message (max 4096 chars)")
    }
}

impl From<service::Error> for Refusal {
    fn from(error: service::Error) -> Self {
        let shown = error.to_string();
        match error {
            service::Error::NotFound { .. } => Self::no_session(),
            service::Error::Conflict { .. } => Self::new(StatusCode::CONFLICT, shown),
            service::Error::Invalid { faults, .. } => {
                // The handle is what the header names.
                if faults.iter().any(|fault| fault.pointer == "/handle") {
                    return Self::bad_id();
                }
                let said: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
                Self::new(StatusCode::BAD_REQUEST, said.join("; "))
            }
            service::Error::NotReady { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, shown),
            service::Error::Unauthenticated { .. } => Self::bad_credential(),
            service::Error::Forbidden { .. }
            | service::Error::Denied { .. }
            | service::Error::Quota { .. } => Self::new(StatusCode::FORBIDDEN, shown),
            service::Error::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, shown),
            service::Error::Upstream { .. } => Self::new(StatusCode::BAD_GATEWAY, shown),
            // Statuses, waits and the log line of these are the same in every face.
            same @ (service::Error::RateLimited { .. }
            | service::Error::Limited { .. }
            | service::Error::Unavailable { .. }
            | service::Error::Database(_)
            | service::Error::Internal(_)) => Problem::from(same).into(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let error = match problem.code() {
            "invalid_json" | "validation_failed" => "Invalid JSON".to_owned(),
            _ => problem.body("").detail,
        };
        Self {
            retry_after: problem.waits(),
            ..Self::new(problem.status(), error)
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(header::RETRY_AFTER, value);
            }
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
