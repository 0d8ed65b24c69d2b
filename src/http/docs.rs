//! `/docs`: the API reference. A page of ours that draws `/openapi.json`; it loads nothing from anywhere else.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect},
};

use super::{Api, routing::get};

const PAGE: &str = include_str!("docs/index.html");
const SCRIPT: &str = include_str!("docs/docs.js");
const STYLE: &str = include_str!("docs/docs.css");

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/docs", get(|| file("text/html; charset=utf-8", PAGE)))
        .route("/docs/", get(|| async { Redirect::permanent("/docs") }))
        .route(
            "/docs/docs.js",
            get(|| file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/docs/docs.css",
            get(|| file("text/css; charset=utf-8", STYLE)),
        )
}

#[expect(clippy::unused_async, reason = "a handler is async")]
async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text)
}
