//! Around every request: its id, its span, its one log line, the body of its fault, the headers of every answer.
//!
//! Must never log a raw path or a query: a handle can be a phone number and `?token=` is a secret. The route
//! pattern is what is logged.

use std::{
    error::Error as StdError,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::{counter, histogram};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Level};
use uuid::Uuid;

use super::{
    extract::RequestId,
    problem::{self, Problem, REQUEST_ID},
};
use crate::service;

const MAX_REQUEST_ID: usize = 128;

/// The outermost layer.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!(
        "http.request",
        request.id = %id,
        http.method = %method,
        http.route = %route,
    );
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = problem::render(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    guard_headers(response.headers_mut());
    let status = response.status();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    count(&method, &route, status, started.elapsed());
    span.in_scope(|| log(&method, &route, status, duration_ms));
    response
}

fn count(method: &Method, route: &str, status: StatusCode, took: Duration) {
    // A method that HTTP does not know is the caller's word, of which there are too many.
    let method = match *method {
        Method::GET | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
            method.to_string()
        }
        _ => "other".to_owned(),
    };
    let labels = [("method", method), ("route", route.to_owned())];
    histogram!("wharf_http_request_seconds", &labels).record(took);
    let [(_, method), (_, route)] = labels;
    let status = status.as_u16().to_string();
    counter!("wharf_http_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
}

fn log(method: &Method, route: &str, status: StatusCode, duration_ms: u64) {
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                $level,
                http.status = status.as_u16(),
                duration_ms,
                "{method} {route} answered {}",
                status.as_u16()
            )
        };
    }
    if status.is_server_error() {
        line!(Level::ERROR);
    } else if status.is_client_error() {
        line!(Level::WARN);
    } else if matches!(route, "/livez" | "/readyz" | "/metrics") {
        line!(Level::DEBUG);
    } else {
        line!(Level::INFO);
    }
}

/// The caller's id where it is sane, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    headers
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=MAX_REQUEST_ID).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        })
        .map_or_else(
            || format!("req_{}", Uuid::now_v7().simple()).into(),
            Arc::from,
        )
}

/// Everything that a page of ours needs comes from ourselves, and nobody may frame it.
const CSP: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

fn guard_headers(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert_with(|| HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert_with(|| HeaderValue::from_static("no-store"));
}

/// Answers who still waits for a database that is out of reach: this process will not see it again.
pub(super) async fn unless_adrift(
    State(adrift): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    tokio::select! {
        biased;
        () = adrift.cancelled() => Err(Problem::from(service::Error::Unavailable {
            code: "database_unavailable",
            detail: "the database cannot be used right now; try again",
        })),
        response = next.run(request) => Ok(response),
    }
}

/// A handler that panicked: logged here, answered like any fault of ours.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub(super) fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let error = Panicked(said.to_owned());
    tracing::error!(error = &error as &dyn StdError, "a handler panicked");
    Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_replaced() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(&REQUEST_ID, HeaderValue::from_static(value));
            request_id(&headers)
        };
        assert_eq!(&*with("trace-1.a_B"), "trace-1.a_B");
        assert!(with("a b").starts_with("req_"));
        assert!(with("").starts_with("req_"));
        assert!(request_id(&HeaderMap::new()).starts_with("req_"));
    }
}
