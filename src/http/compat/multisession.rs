//! The WhatsApp Multi-Session API: `/api/…`, with signing in of its own, and sockets that bring the code.
//!
//! Owns its paths, its words and its two forms. Must never decide what a user may do. `app` asks for the [`dialect`].

use std::convert::Infallible;

use axum::{Router, extract::FromRef, middleware};

use super::{Dialect, cors};
use crate::http::{Api, extract::TrustedProxies, guard::tell_left};

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
    let own = origins.clone();
    let dialect = Dialect::new(|api| match own {
        Some(origins) => routes(api, &origins),
        None => Router::new(),
    });
    let dialect = dialect
        .telling("nested", payload::Nested)
        .telling("flat", payload::Flat);
    match origins {
        Some(origins) => dialect.claiming(
            steering::STATUS,
            |_| true,
            move |api| {
                steering::status_route()
                    .layer::<_, Infallible>(middleware::from_fn(form::speak))
                    .layer::<_, Infallible>(middleware::from_fn(tell_left))
                    .layer::<_, Infallible>(cors(&origins))
                    .with_state(Face { api: api.clone() })
            },
        ),
        None => dialect,
    }
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
        .layer(middleware::from_fn(tell_left))
        .layer(cors(origins))
        .with_state(Face { api: api.clone() })
}
