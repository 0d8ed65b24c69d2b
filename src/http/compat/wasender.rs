//! The Wasender API: `/api/whatsapp-sessions`, `/api/send-message`, …, with one token for an account and one key for each session.
//!
//! Owns its paths, its words, its numbers in place of ids and the bodies of its webhooks. Must never decide what a user may do.
//! `app` asks for the [`dialect`].

use std::{convert::Infallible, num::NonZeroU32, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use entity::ids::SessionId;

use super::{Dialect, cors};
use crate::{
    http::Api,
    service::rates::{Rate, RateLimits},
};

mod account;
mod auth;
mod contacts;
mod content;
mod dto;
mod error;
mod form;
mod groups;
mod hook;
mod logs;
mod media;
mod messages;
mod payload;
mod sending;
mod sessions;
mod steering;

/// How fast a session sends whose `account_protection` is on, in this dialect's own words: one message in five seconds.
const PROTECTED: Rate = Rate {
    burst: NonZeroU32::MIN,
    each: Duration::from_secs(5),
};

/// What the handlers work with.
#[derive(Debug, Clone)]
struct Face {
    api: Api,
    protected: RateLimits<SessionId>,
}

/// The dialect, for the pages of these origins (`*` for all) and below this address; without any list it is switched off.
pub fn dialect((origins, public_url): (Option<Vec<String>>, String)) -> Dialect {
    let own = origins.clone();
    let dialect = Dialect::new(|api| match own {
        Some(origins) => routes(api, &origins),
        None => Router::new(),
    });
    let dialect = dialect.telling(hook::SHAPE, payload::Wasender::new(public_url));
    match origins {
        Some(origins) => dialect.claiming(steering::STATUS, auth::is_of_ours, move |api| {
            let face = Face::over(api);
            let speak = middleware::from_fn_with_state(face.clone(), error::speak);
            steering::status_route()
                .layer::<_, Infallible>(speak)
                .layer::<_, Infallible>(cors(&origins))
                .with_state(face)
        }),
        None => dialect,
    }
}

impl Face {
    fn over(api: &Api) -> Self {
        Self {
            api: api.clone(),
            protected: RateLimits::new(PROTECTED, api.clock.clone()),
        }
    }
}

fn routes(api: &Api, origins: &[String]) -> Router<Api> {
    let face = Face::over(api);
    // A file counts its own bytes.
    let files = media::routes().layer(DefaultBodyLimit::disable());
    account::routes()
        .merge(sessions::routes())
        .merge(steering::routes())
        .merge(logs::routes())
        .merge(sending::routes())
        .merge(messages::routes())
        .merge(contacts::routes())
        .merge(groups::routes())
        .merge(files)
        .layer(middleware::from_fn_with_state(face.clone(), error::speak))
        .layer(cors(origins))
        .with_state(face)
}
