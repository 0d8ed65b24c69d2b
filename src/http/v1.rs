//! The native API, `/v1/…`: one file per resource.

use utoipa_axum::router::OpenApiRouter;

use super::{Api, health};

mod api_keys;
mod audit;
mod auth;
mod channels;
mod chats;
mod communities;
mod contacts;
mod deliveries;
mod events;
mod groups;
mod linking;
mod media;
mod members;
mod messages;
mod passkey;
mod profile;
mod quotas;
mod sessions;
mod users;
mod webhooks;

/// What needs no credential.
pub(super) fn open() -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new()
        .merge(health::about())
        .merge(auth::open());
    OpenApiRouter::new().nest("/v1", routes)
}

/// What needs one.
pub(super) fn guarded() -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new()
        .merge(auth::guarded())
        .merge(users::guarded())
        .merge(members::guarded())
        .merge(quotas::guarded())
        .merge(api_keys::guarded())
        .merge(audit::guarded())
        .merge(sessions::guarded())
        .merge(linking::guarded())
        .merge(passkey::guarded())
        .merge(messages::guarded())
        .merge(media::guarded())
        .merge(channels::guarded())
        .merge(chats::guarded())
        .merge(contacts::guarded())
        .merge(profile::guarded())
        .merge(groups::guarded())
        .merge(communities::guarded())
        .merge(events::guarded())
        .merge(webhooks::guarded())
        .merge(deliveries::guarded());
    OpenApiRouter::new().nest("/v1", routes)
}

/// What needs a credential and may take longer than a request does.
pub(super) fn slow() -> OpenApiRouter<Api> {
    OpenApiRouter::new().nest("/v1", media::slow())
}
