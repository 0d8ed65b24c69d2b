//! What goes wrong, in the words of this dialect: `{"success":false,"message"}`, with `errors` by field and `retry_after`.
//!
//! Owns the one table from [`service::Error`] to a status and a text, and the rate-limit headers that every answer has. Must never
//! show the source of an internal fault.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Face;
use crate::{
    http::{
        extract::Json,
        guard::{Left, write_numbers},
        problem::Problem,
    },
    service::{self, Fault},
};

/// A fault on its way to the caller; [`speak`] writes it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    errors: BTreeMap<String, Vec<String>>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: BTreeMap::new(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn no_session() -> Self {
        Self::new(StatusCode::NOT_FOUND, "WhatsApp session not found")
    }

    /// What is wrong with each field.
    pub(super) fn invalid(errors: BTreeMap<String, Vec<String>>) -> Self {
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation failed")
        }
    }

    /// What is wrong with one field.
    pub(super) fn field(name: &str, detail: impl Into<String>) -> Self {
        Self::invalid(BTreeMap::from([(name.to_owned(), vec![detail.into()])]))
    }

    pub(super) fn too_fast(message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// The same with each field under the name that `named` gives for what it is called below.
    pub(super) fn renamed(mut self, named: impl Fn(&str) -> Option<&'static str>) -> Self {
        let errors = std::mem::take(&mut self.errors).into_iter();
        for (field, details) in errors {
            let name = named(&field).map_or(field, str::to_owned);
            self.errors.entry(name).or_default().extend(details);
        }
        self
    }

    fn write(self) -> Response {
        let mut body = json!({"success": false, "message": self.message});
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        let seconds = self
            .retry_after
            .map(|after| after.as_millis().div_ceil(1000).max(1));
        if let Some(seconds) = seconds
            && self.status == StatusCode::TOO_MANY_REQUESTS
        {
            body["retry_after"] = u64::try_from(seconds).unwrap_or(u64::MAX).into();
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(value) = seconds.and_then(|it| HeaderValue::from_str(&it.to_string()).ok()) {
            headers.insert(header::RETRY_AFTER, value);
        }
        if self.status == StatusCode::UNAUTHORIZED {
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

/// `/participants/0` as `participants.0`.
fn field_of(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn by_field(faults: Vec<Fault>) -> BTreeMap<String, Vec<String>> {
    let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fault in faults {
        let field = field_of(&fault.pointer);
        errors.entry(field).or_default().push(fault.detail);
    }
    errors
}

impl From<service::Error> for Refusal {
    fn from(error: service::Error) -> Self {
        let shown = error.to_string();
        match error {
            service::Error::NotFound { what: "session" } => Self::no_session(),
            service::Error::NotFound { what } => {
                Self::new(StatusCode::NOT_FOUND, format!("There is no such {what}."))
            }
            service::Error::Conflict { .. } => Self::bad_request(shown),
            service::Error::Invalid { faults, .. } => Self::invalid(by_field(faults)),
            service::Error::NotReady { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, shown),
            service::Error::Unauthenticated { code, .. } => match code {
                // A key is known, and not enough.
                "sign_in_required" => Self::new(StatusCode::FORBIDDEN, shown),
                _ => Self::unauthorized("Unauthorized"),
            },
            service::Error::Quota {
                code: "session_limit_reached",
                ..
            } => Self::new(StatusCode::FORBIDDEN, "Session limit reached"),
            service::Error::Forbidden { .. }
            | service::Error::Denied { .. }
            | service::Error::Quota { .. } => Self::new(StatusCode::FORBIDDEN, shown),
            service::Error::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, shown),
            service::Error::Limited { retry_after, .. } => Self::too_fast(shown, retry_after),
            service::Error::Upstream { .. } => Self::new(StatusCode::BAD_GATEWAY, shown),
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
        let body = problem.body("");
        let errors: BTreeMap<String, Vec<String>> = body
            .errors
            .iter()
            .map(|(pointer, details)| (field_of(pointer), details.clone()))
            .collect();
        Self {
            errors,
            retry_after: problem.waits(),
            ..Self::new(problem.status(), body.detail)
        }
    }
}

/// Around every path of the dialect: writes what was refused, and what the caller has left, with the time at which all of it is
/// there again, in seconds since 1970.
pub(super) async fn speak(State(face): State<Face>, mut request: Request, next: Next) -> Response {
    let left = Left::default();
    request.extensions_mut().insert(left.clone());
    let mut response = next.run(request).await;
    let extensions = response.extensions_mut();
    let refusal = extensions
        .remove::<Refusal>()
        .or_else(|| extensions.remove::<Problem>().map(Refusal::from));
    let mut response = match refusal {
        Some(refusal) => refusal.write(),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            Refusal::from(Problem::of_status(response.status())).write()
        }
        None => response,
    };
    if let Some(allowance) = left.told() {
        let now = u64::try_from(face.api.clock.now_ms()).unwrap_or(0);
        let reset = Duration::from_millis(now) + allowance.reset;
        write_numbers(response.headers_mut(), &allowance, reset.as_secs());
    }
    response
}
