//! Who asks, and under which request id.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use crate::{http::problem::Problem, service::Ctx};

/// The id of the request, as answered in `X-Request-Id`.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get()
            .cloned()
            .unwrap_or_else(|| Self(Arc::from(""))))
    }
}

/// The caller, whom [`crate::http::guard`] has authenticated. A route outside the guard has none and answers 401.
impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "token_missing",
                "send an Authorization: Bearer or an X-Api-Key header",
            )
        })
    }
}
