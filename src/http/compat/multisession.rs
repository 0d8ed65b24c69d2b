//! The WhatsApp Multi-Session API: `/api/…`, with signing in of its own, and sockets that bring the code.
//!
//! Owns its paths, its words and its two forms. Must never decide what a user may do. `app` asks for the [`dialect`].

use axum::{
    Router,
    extract::FromRef,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::Dialect;
use crate::http::{Api, PREFLIGHT_MAX_AGE, extract::TrustedProxies};

mod account;
mod auth;
mod chats;
mod dto;
mod error;
mod fields;
mod files;
mod form;
mod link;
mod messaging;
mod payload;
mod proxy;
mod sessions;
mod socket;
mod steering;
mod upload;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct Face {
    api: Api,
}

impl FromRef<Face> for TrustedProxies {
    fn from_ref(face: &Face) -> Self {
        face.api.proxies.clone()
    }
}

/// The dialect, for the pages of these origins (`*` for all); without any list it is switched off.
pub fn dialect(origins: Option<Vec<String>>) -> Dialect {
    Dialect::new(|api| match origins {
        Some(origins) => routes(api, &origins),
        None => Router::new(),
    })
    .telling("nested", payload::Nested)
    .telling("flat", payload::Flat)
}

fn routes(api: &Api, origins: &[String]) -> Router<Api> {
    account::routes()
        .merge(sessions::routes())
        .merge(steering::routes())
        .merge(proxy::routes())
        .merge(messaging::routes())
        .merge(files::routes())
        .merge(link::routes())
        .merge(chats::routes())
        .merge(socket::routes())
        .layer(middleware::from_fn(form::speak))
        .layer(cors(origins))
        .with_state(Face { api: api.clone() })
}

/// Nothing here hangs on a cookie, so a page can do no more than whoever knows its token.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(Any)
    } else {
        let named = origins
            .iter()
            .filter_map(|origin| HeaderValue::from_str(origin).ok());
        AllowOrigin::list(named)
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-requested-with"),
            HeaderName::from_static("x-session-id"),
            HeaderName::from_static("x-api-dialect"),
        ])
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_MAX_AGE)
}
