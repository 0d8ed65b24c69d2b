//! `/sandbox/…` in a sandbox build: the control API of the sandbox, on the service's own origin.
//!
//! So that the console can play the phones without a second origin. Only for who is signed in: the sandbox itself
//! asks nobody, since it listens on loopback. Must never exist in a live build.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{Method, Uri, header},
    middleware,
    response::{IntoResponse, Response},
};

use super::{Api, guard, problem::Problem, routing::any};
use crate::service::Error;

#[derive(Debug, Clone)]
struct Control {
    base: url::Url,
    client: reqwest::Client,
}

/// The routes, or none if the client cannot be made.
pub(super) fn routes(api: Api, base: url::Url) -> Router<Api> {
    // It is on loopback, without TLS: whom the machine trusts need not be read.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let client = match client.build() {
        Ok(client) => client,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the sandbox's control API is not offered");
            return Router::new();
        }
    };
    Router::new()
        .route("/sandbox/{*path}", any(forward))
        .route_layer(middleware::from_fn_with_state(api, guard::authenticate))
        .route_layer(middleware::from_fn(guard::tell_left))
        .with_state(Control { base, client })
}

async fn forward(
    State(control): State<Control>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    let mut url = control
        .base
        .join(&path)
        .map_err(|_| Error::NotFound { what: "path" })?;
    if url.origin() != control.base.origin() || !url.path().starts_with(control.base.path()) {
        return Err(Error::NotFound { what: "path" }.into());
    }
    url.set_query(uri.query());
    let mut call = control.client.request(method, url);
    if !body.is_empty() {
        call = call
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
    }
    let unreachable = |_| Error::Unavailable {
        code: "sandbox_unreachable",
        detail: "the sandbox does not answer",
    };
    let answer = call.send().await.map_err(unreachable)?;
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = (status, Body::from_stream(answer.bytes_stream())).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
