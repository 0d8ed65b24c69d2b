//! A JSON body, in both directions.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use super::pointer;
use crate::{http::problem::Problem, service::Fault};

/// The largest JSON body.
pub const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// The largest JSON body with a file in it: what 16 MiB of a picture or a film are as base64, and a caption.
const FILE_LIMIT_BYTES: usize = 23 * 1024 * 1024;

/// How long a body may take to arrive, unless the connection says otherwise.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the bodies of a connection may take to arrive; the accept loop puts it on each request.
#[derive(Debug, Clone, Copy)]
pub struct BodyTimeout(pub Duration);

/// A JSON body. An empty one is read as `{}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        take(request, BODY_LIMIT_BYTES).await.map(Self)
    }
}

/// A JSON body under whatever `Content-Type`: callers of other services send none, or that of a form. An empty one is
/// read as `{}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyJson<T>(pub T);

impl<T, S> FromRequest<S> for AnyJson<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        take_any(request, BODY_LIMIT_BYTES).await.map(Self)
    }
}

/// The same, which may hold a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyJsonWithFile<T>(pub T);

impl<T, S> FromRequest<S> for AnyJsonWithFile<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        take_any(request, FILE_LIMIT_BYTES).await.map(Self)
    }
}

/// A JSON body that may hold a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonWithFile<T>(pub T);

impl<T, S> FromRequest<S> for JsonWithFile<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        take(request, FILE_LIMIT_BYTES).await.map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], bytes).into_response()
            }
            Err(error) => Problem::from(crate::service::Error::internal(error)).into_response(),
        }
    }
}

async fn take<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Problem> {
    let declared = is_json(&request);
    let bytes = read_up_to(limit, request).await?;
    if bytes.is_empty() {
        return parse(b"{}");
    }
    if !declared {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the body as Content-Type: application/json",
        ));
    }
    parse(&bytes)
}

async fn take_any<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Problem> {
    let bytes = read_up_to(limit, request).await?;
    parse(if bytes.is_empty() { b"{}" } else { &bytes })
}

/// Reads a whole body that may hold a file, within the time.
pub(in crate::http) async fn read_with_file(request: Request) -> Result<Bytes, Problem> {
    read_up_to(FILE_LIMIT_BYTES, request).await
}

/// Reads a whole body of up to `limit` bytes, within the time.
async fn read_up_to(limit: usize, request: Request) -> Result<Bytes, Problem> {
    let within = request.extensions().get::<BodyTimeout>();
    let within = within.map_or(BODY_TIMEOUT, |timeout| timeout.0);
    let limited = http_body_util::Limited::new(request.into_body(), limit);
    let collected = tokio::time::timeout(within, http_body_util::BodyExt::collect(limited))
        .await
        .map_err(|_| Problem::of_status(StatusCode::REQUEST_TIMEOUT))?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("a JSON body has at most {limit} bytes"),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "body_incomplete",
            "the body ended before its announced length",
        )),
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().clone(), error.into_inner());
        if inner.classify() == Category::Data {
            let fault = pointer::fault(&path, &inner.to_string());
            Problem::invalid("validation_failed", vec![fault])
        } else {
            not_json(&inner)
        }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Reads a value that is JSON already; the faults stand below `at`.
pub fn from_value<T: DeserializeOwned>(at: &str, value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut fault = pointer::fault(error.path(), &error.inner().to_string());
        fault.pointer.insert_str(0, at);
        Problem::invalid("validation_failed", vec![fault])
    })
}

fn not_json(error: &serde_json::Error) -> Problem {
    let fault = Fault::new("", format!("the body is not JSON: {error}"));
    Problem::invalid("invalid_json", vec![fault])
}
