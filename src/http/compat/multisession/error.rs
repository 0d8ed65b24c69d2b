//! What goes wrong, in the words of this dialect: `{"success":false,"error","message","code"}`.
//!
//! Owns the one table from [`service::Error`] to a status, a word and a text. Must never show the source of an internal fault.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::form::Form;
use crate::{
    http::{extract::Json, problem::Problem},
    service::{self, sessions::SessionView},
};

/// When to come back for a code.
const CODE_SOON: Duration = Duration::from_secs(5);

/// A fault on its way to the caller; [`super::form::speak`] writes it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    /// In the flat form, where it differs.
    flat: Option<(StatusCode, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            flat: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(super) fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "NOT_FOUND", message)
    }

    /// What is wrong with the file that `field` tells of.
    pub(super) fn of(field: &str, error: service::Error) -> Self {
        let service::Error::Invalid { faults, .. } = error else {
            return error.into();
        };
        let said = faults.into_iter().map(|fault| match &*fault.pointer {
            "/to" => fault.detail,
            _ => format!("{field}: {}", fault.detail),
        });
        Self::invalid(said.collect::<Vec<_>>().join("; "))
    }

    /// What cannot be done with a message that is there. Only what exists twice is a conflict to these clients.
    pub(super) fn of_message(error: service::Error) -> Self {
        match error {
            service::Error::Conflict { detail, .. } => Self::bad_request(detail),
            other => other.into(),
        }
    }

    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message)
    }

    pub(super) fn too_many_tries(after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                "Too many failed attempts. Please try again later.",
            )
        }
    }

    pub(super) fn no_code() -> Self {
        Self {
            retry_after: Some(CODE_SOON),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "QR_NOT_READY",
                "there is no QR code yet, try again",
            )
        }
    }

    /// The session is there and cannot do it now. Never a 401: to these clients that means that the user is signed out.
    pub(super) fn not_ready(session: &SessionView) -> Self {
        let (code, what) = if session.logged_in() {
            ("SESSION_NOT_CONNECTED", "connected")
        } else {
            ("SESSION_NOT_LOGGED_IN", "logged in")
        };
        let message = format!("session {} is not {what}", session.handle);
        Self {
            flat: Some((StatusCode::NOT_FOUND, "NOT_FOUND")),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    pub(super) fn disabled(session: &SessionView) -> Self {
        Self::forbidden(format!(
            "session {} is disabled and cannot perform operations",
            session.handle
        ))
    }

    /// The whole answer.
    pub(super) fn write(self, form: Form) -> Response {
        let (status, code) = match (form, self.flat) {
            (Form::Flat, Some(flat)) => flat,
            _ => (self.status, self.code),
        };
        let reason = status.canonical_reason().unwrap_or("Error");
        let mut body = json!({
            "success": false,
            "error": match form {
                Form::Flat => reason,
                Form::Envelope => self.message.as_str(),
            },
            "message": self.message,
            "code": code,
        });
        let seconds = self
            .retry_after
            .map(|after| after.as_millis().div_ceil(1000).max(1));
        if let (Some(seconds), Some(body)) = (seconds, body.as_object_mut())
            && status == StatusCode::TOO_MANY_REQUESTS
        {
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            body.insert("retry_after_seconds".to_owned(), seconds.into());
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(value) = seconds.and_then(|it| HeaderValue::from_str(&it.to_string()).ok()) {
            headers.insert(header::RETRY_AFTER, value);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<service::Error> for Refusal {
    fn from(error: service::Error) -> Self {
        let shown = error.to_string();
        match error {
            service::Error::NotFound { what: "session" } => Self::not_found("Session not found"),
            service::Error::NotFound { .. } => Self::not_found(shown),
            service::Error::Conflict { .. } => {
                Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", shown)
            }
            service::Error::Invalid { faults, .. } => {
                let said: Vec<String> = faults.into_iter().map(|fault| fault.detail).collect();
                Self::invalid(said.join("; "))
            }
            service::Error::NotReady { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "SERVICE_UNAVAILABLE",
                shown,
            ),
            service::Error::Unauthenticated { code, .. } => match code {
                "credentials_invalid" => Self::unauthorized("Invalid credentials"),
                // A key is known, and not enough.
                "sign_in_required" => Self::forbidden(shown),
                _ => Self::unauthorized("Invalid token"),
            },
            service::Error::Forbidden { .. }
            | service::Error::Denied { .. }
            | service::Error::Quota { .. } => Self::forbidden(shown),
            service::Error::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_INPUT", shown)
            }
            service::Error::Limited { retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", shown)
            },
            service::Error::Upstream { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "INTERNAL_SERVER_ERROR", shown)
            }
            // Statuses, waits and the log line of these are the same in every face.
            same @ (service::Error::RateLimited { .. }
            | service::Error::Unavailable { .. }
            | service::Error::Database(_)
            | service::Error::Internal(_)) => Problem::from(same).into(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = problem.status();
        let code = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => "NOT_FOUND",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITED",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            status if status.is_server_error() => "INTERNAL_SERVER_ERROR",
            _ => "BAD_REQUEST",
        };
        Self {
            retry_after: problem.waits(),
            ..Self::new(status, code, problem.body("").detail)
        }
    }
}
