//! The HTTP face: router, extractors, faults, sockets, and one folder per dialect.
//!
//! Translates between HTTP and `service`, and holds no policy. Must never touch the database or a session itself.
//! `app` makes the [`Api`] and serves [`router`].

use std::{
    net::IpAddr,
    ops::Deref,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    http::StatusCode,
    middleware,
};
use entity::ids::UserId;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::clock::SharedClock,
    lifecycle::{Stop, Tasks},
    service::{
        api_keys::ApiKeys,
        audit::Audit,
        auth::{Auth, AuthParts},
        channels::Channels,
        chats::Chats,
        communities::Communities,
        contacts::Contacts,
        credentials::SessionCredentials,
        event_log::EventLog,
        groups::Groups,
        health::Health,
        idempotency::Idempotency,
        linking::Linking,
        media::Media,
        messages::Messages,
        numbers::Numbers,
        profile::Profile,
        quotas::Quotas,
        rates::{RateLimits, Spender},
        sessions::Sessions,
        shares::Shares,
        tickets::Tickets,
        users::{Members, SetupToken, Users},
        webhooks::{WebhookParts, Webhooks},
    },
};

pub mod assets;
pub mod audit;
pub mod compat;
mod cors;
mod docs;
pub mod extract;
mod guard;
pub mod health;
mod idempotency;
mod live;
mod metrics;
mod openapi;
mod origin;
pub mod page;
pub mod problem;
mod request;
mod routing;
mod sandbox;
pub mod server;
mod settings;
pub mod v1;
mod ws;

pub use health::{About, Build, Info};
pub use live::{Live, LiveLimits};
pub use openapi::document;
pub use settings::Settings;

/// How long a handler may take; longer than the longest poll. Streams and sockets answer at once, so it does not
/// end them.
const HANDLER_TIMEOUT: Duration = Duration::from_mins(1);

/// What an [`Api`] is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The sign-in.
    pub auth: AuthParts,
    /// The verbs of sessions.
    pub sessions: Sessions,
    /// What sessions have of their own.
    pub credentials: SessionCredentials,
    /// The verbs of messages.
    pub messages: Messages,
    /// The verbs of the event log.
    pub log: EventLog,
    /// The verbs of files.
    pub media: Media,
    /// What tenants may use.
    pub quotas: Quotas,
    /// What the verbs of webhooks stand on.
    pub webhooks: WebhookParts,
    /// Sockets and streams end at its soft token.
    pub stop: Stop,
    /// Owns what outlives its request.
    pub tasks: Tasks,
    /// What this process is.
    pub about: Info,
    /// The numbers of this process.
    pub scrape: PrometheusHandle,
    /// What the operator has set.
    pub settings: Settings,
}

/// What the handlers work with. Each layer of each request holds one, so it is one pointer.
#[derive(Debug, Clone)]
pub struct Api(Arc<Handles>);

/// The handles behind an [`Api`].
#[derive(Debug)]
pub struct Handles {
    /// What this process is.
    pub about: About,
    /// Whether it can serve.
    pub health: Health,
    /// The numbers of this process.
    pub scrape: PrometheusHandle,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: extract::TrustedProxies,
    /// What the operator has set.
    pub settings: Arc<Settings>,
    /// Who is there.
    pub auth: Auth,
    /// Who may sign in.
    pub users: Users,
    /// Who else works in an account.
    pub members: Members,
    /// The one-time setup token.
    pub setup: SetupToken,
    /// Keys for programs.
    pub api_keys: ApiKeys,
    /// Tickets and link tokens.
    pub tickets: Tickets,
    /// Who has changed what.
    pub audit: Audit,
    /// Kept answers.
    pub idempotency: Idempotency,
    /// How fast a tenant may ask.
    pub limits: RateLimits<UserId>,
    /// How fast a credential may ask, if that has a limit of its own.
    pub limits_of_keys: Option<RateLimits<Spender>>,
    /// How fast an address may ask.
    pub limits_of_addresses: RateLimits<IpAddr>,
    /// What tenants may use.
    pub quotas: Quotas,
    /// Whose request goes on when the node is busy.
    pub shares: Shares,
    /// How fast an address may open sockets.
    pub handshakes: RateLimits<IpAddr>,
    /// The verbs of sessions.
    pub sessions: Sessions,
    /// What sessions have of their own.
    pub credentials: SessionCredentials,
    /// The verbs of messages.
    pub messages: Messages,
    /// Small numbers in place of ids.
    pub numbers: Numbers,
    /// The verbs of channels.
    pub channels: Channels,
    /// The verbs of chats, presence and calls.
    pub chats: Chats,
    /// The verbs of contacts.
    pub contacts: Contacts,
    /// The verbs of one's own account.
    pub profile: Profile,
    /// The verbs of groups.
    pub groups: Groups,
    /// The verbs of communities.
    pub communities: Communities,
    /// The verbs of the event log.
    pub log: EventLog,
    /// The verbs of files.
    pub media: Media,
    /// The verbs of webhooks.
    pub webhooks: Webhooks,
    /// Polls for a QR code.
    pub linking: Linking,
    /// How many sockets and streams there are.
    pub live: Live,
    /// The time.
    pub clock: SharedClock,
    /// Sockets and streams end at its soft token.
    pub stop: Stop,
    /// Owns what outlives its request.
    pub tasks: Tasks,
}

impl Api {
    /// From its parts.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            auth,
            sessions,
            credentials,
            messages,
            log,
            webhooks,
            media,
            quotas,
            stop,
            tasks,
            about,
            scrape,
            settings,
        } = parts;
        let (db, clock) = (auth.db.clone(), auth.clock.clone());
        let users = Users::new(&auth);
        Self(Arc::new(Handles {
            about: About(Arc::new(about)),
            health: Health::new(db.clone(), stop.soft_token()),
            scrape,
            proxies: settings.proxies.clone(),
            auth: Auth::new(&auth),
            setup: SetupToken::new(&users),
            members: Members::new(users.clone()),
            users,
            api_keys: ApiKeys::new(db.clone(), clock.clone(), auth.revocations.clone()),
            tickets: Tickets::new(db.clone(), clock.clone()),
            numbers: Numbers::new(db.clone()),
            audit: Audit::new(db.clone(), clock.clone(), settings.audit_days),
            idempotency: Idempotency::new(db, clock.clone()),
            limits: RateLimits::new(settings.rate, clock.clone()),
            limits_of_keys: settings
                .rate_of_key
                .map(|rate| RateLimits::new(rate, clock.clone())),
            limits_of_addresses: RateLimits::new(settings.rate_of_address, clock.clone()),
            handshakes: RateLimits::new(settings.live.handshakes, clock.clone()),
            linking: Linking::new(sessions.clone(), log.clone(), clock.clone()),
            live: Live::new(settings.live),
            channels: Channels::new(&sessions),
            chats: Chats::new(&sessions),
            contacts: Contacts::new(&sessions),
            profile: Profile::new(&sessions),
            groups: Groups::new(&sessions),
            communities: Communities::new(&sessions),
            sessions,
            credentials,
            messages,
            log,
            media,
            quotas,
            shares: Shares::new(settings.at_once),
            settings: Arc::new(settings),
            webhooks: Webhooks::new(webhooks),
            clock,
            stop,
            tasks,
        }))
    }
}

impl Deref for Api {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.0
    }
}

/// Lets a handler ask for the one handle that it works with.
macro_rules! handed_out {
    ($($handle:ident: $type:ty),+ $(,)?) => {$(
        impl FromRef<Api> for $type {
            fn from_ref(api: &Api) -> Self {
                api.$handle.clone()
            }
        }
    )+};
}

handed_out!(
    about: About,
    health: Health,
    scrape: PrometheusHandle,
    proxies: extract::TrustedProxies,
    auth: Auth,
    users: Users,
    members: Members,
    quotas: Quotas,
    setup: SetupToken,
    api_keys: ApiKeys,
    tickets: Tickets,
    audit: Audit,
    sessions: Sessions,
    messages: Messages,
    media: Media,
    channels: Channels,
    chats: Chats,
    contacts: Contacts,
    profile: Profile,
    groups: Groups,
    communities: Communities,
    webhooks: Webhooks,
    linking: Linking,
);

/// The paths that are described, without what stands around them.
#[derive(Clone)]
struct Native {
    open: Router<Api>,
    metrics: Router<Api>,
    guarded: Router<Api>,
    slow: Router<Api>,
}

/// Made once: they come with their description, which takes long to write.
static NATIVE: LazyLock<Native> = LazyLock::new(|| Native {
    open: open().into(),
    metrics: metrics::guarded().into(),
    guarded: v1::guarded().into(),
    slow: v1::slow().into(),
});

/// Every path of the service, those of `dialects` included, ready to be served.
pub fn router(api: Api, dialects: impl IntoIterator<Item = compat::Dialect>) -> Router {
    let cors = cors::layer(&api.settings.cors_origins);
    let once = middleware::from_fn_with_state(api.clone(), idempotency::once);
    let authenticate = middleware::from_fn_with_state(api.clone(), guard::authenticate);
    let not_too_fast = middleware::from_fn_with_state(api.clone(), guard::not_too_fast);
    let tell_left = middleware::from_fn(guard::tell_left);
    let Native {
        open,
        metrics,
        guarded,
        slow,
    } = NATIVE.clone();
    // Whoever floods an address must not blind those who watch the service from there.
    let metrics = metrics
        .route_layer(authenticate.clone())
        .route_layer(tell_left.clone());
    let guarded = guarded
        .route_layer(once)
        .route_layer(authenticate.clone())
        .route_layer(not_too_fast.clone())
        .route_layer(tell_left.clone());
    let slow = slow
        .route_layer(authenticate)
        .route_layer(not_too_fast)
        .route_layer(tell_left)
        .route_layer(DefaultBodyLimit::disable());
    let phones = match &api.settings.sandbox_control {
        Some(base) => sandbox::routes(api.clone(), base.clone()),
        None => Router::new(),
    };
    let adrift = middleware::from_fn_with_state(api.stop.adrift_token(), request::unless_adrift);
    let dialects = compat::routes(dialects, &api);
    let noted = api.clone();
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, HANDLER_TIMEOUT);
    open.merge(metrics)
        .merge(guarded)
        .merge(phones)
        .merge(ws::routes())
        .merge(docs::routes())
        .merge(openapi::routes())
        .fallback(assets::page)
        .layer(timeout)
        .merge(slow)
        .layer(cors)
        // Which pages may use a dialect is its own matter.
        .merge(dialects.layer(timeout))
        .layer(middleware::from_fn_with_state(noted, audit::note))
        .layer(adrift)
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::observe))
        .with_state(api)
}

/// The paths that need no credential.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(health::routes())
        .merge(v1::open())
}

/// The paths that the document describes.
fn described() -> OpenApiRouter<Api> {
    open()
        .merge(metrics::guarded())
        .merge(v1::guarded())
        .merge(v1::slow())
}
