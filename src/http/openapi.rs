//! The description of the API: generated from the handlers, served at `/openapi.json`, committed as
//! `docs/openapi.json`.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder,
    security::{
        ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
    },
    tag::TagBuilder,
};

use super::{Api, routing::get};

mod answers;
mod events;
mod hooks;
mod shapes;
mod words;

pub(super) use words::SessionStateWord;

const TAGS: [(&str, &str); 15] = [
    ("auth", "Sign in, stay signed in, sign out."),
    ("users", "People who may sign in. For administrators."),
    ("api-keys", "Keys for programs."),
    (
        "sessions",
        "WhatsApp sessions: create, link, connect, remove.",
    ),
    ("messages", "Send and list messages."),
    ("media", "Files that are sent and received."),
    (
        "chats",
        "What is done with a chat, who is there, and calls.",
    ),
    (
        "contacts",
        "People: who is on WhatsApp, what they show, who is blocked.",
    ),
    (
        "profile",
        "The linked account: its name, picture and privacy.",
    ),
    ("groups", "Groups: members, settings, invites."),
    (
        "communities",
        "Communities: groups of groups, with announcements.",
    ),
    (
        "channels",
        "Channels: make, follow, mute, and what was posted.",
    ),
    ("events", "The event log and the live stream."),
    (
        "webhooks",
        "Signed events for your server, and what became of each.",
    ),
    ("service", "This process."),
];

/// The whole document.
pub fn document() -> OpenApi {
    let mut document = super::described().into_openapi();
    events::complete(&mut document);
    shapes::complete(&mut document);
    answers::complete(&mut document);
    document
}

/// What stands above the paths.
pub(super) fn head() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An access token of `POST /v1/auth/login`, or an API key `wk_…`.",
        ))
        .build();
    let key = ApiKeyValue::with_description("X-Api-Key", "An API key `wk_…`.");
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Wharf")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Runs WhatsApp sessions: REST to steer them, sockets and webhooks to hear them. \
                     Faults are `application/problem+json`; `code` is the stable word.",
                ))
                .build(),
        )
        .tags(Some(TAGS.map(|(name, said)| {
            TagBuilder::new().name(name).description(Some(said)).build()
        })))
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme("bearer", SecurityScheme::Http(bearer))
                .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)))
                .build(),
        ))
        .security(Some([
            SecurityRequirement::new("bearer", [""; 0]),
            SecurityRequirement::new("api_key", [""; 0]),
        ]))
        .build()
}

/// The document as it is served; written once, when somebody asks: most never do.
static JSON: LazyLock<Bytes> = LazyLock::new(|| document().to_json().unwrap_or_default().into());

/// `/openapi.json`.
pub(super) fn routes() -> Router<Api> {
    let kind = HeaderValue::from_static("application/json");
    Router::new().route(
        "/openapi.json",
        get(async move || ([(header::CONTENT_TYPE, kind)], JSON.clone())),
    )
}
