//! The HTTP face: router, extractors, faults, sockets, and one folder per dialect.
//!
//! Translates between HTTP and `service`, and holds no policy. Must never touch the database or a session itself.
//! `app` makes the [`Api`] and serves [`router`].

use std::time::Duration;

use axum::{Router, extract::FromRef, http::StatusCode, middleware};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa_axum::router::OpenApiRouter;

use crate::service::health::Health;

pub mod extract;
pub mod health;
mod openapi;
pub mod page;
pub mod problem;
mod request;
pub mod v1;

pub use health::About;
pub use openapi::document;

/// How long a handler may take; longer than the longest poll. Streams and sockets answer at once, so it does not
/// end them.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(60);

/// What the handlers work with: handles that are cheap to clone.
#[derive(Debug, Clone, FromRef)]
pub struct Api {
    /// What this process is.
    pub about: About,
    /// Whether it can serve.
    pub health: Health,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: extract::TrustedProxies,
}

/// Every path of the service, ready to be served.
pub fn router(api: Api) -> Router {
    let (routes, document) = described().split_for_parts();
    routes
        .merge(openapi::routes(&document))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            HANDLER_TIMEOUT,
        ))
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::observe))
        .with_state(api)
}

/// The paths that the document describes.
fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(health::routes())
        .nest("/v1", v1::routes())
}
