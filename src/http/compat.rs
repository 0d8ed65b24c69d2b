//! The dialects: faces that speak as other services do, so that what was written for those works here.
//!
//! Owns what a dialect is made of. A dialect is a folder that translates and calls `service`; it holds no policy and knows no
//! other dialect. Deleting one takes its folder, its line here and its line in `app`; `tests/it/compat` holds them to that.
//! `app` hands their routes to [`super::router`], and the shapes of their webhooks to the sender.

use std::{collections::BTreeMap, fmt, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use secrecy::SecretString;
use tower::Service as _;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::{Api, cors::PREFLIGHT_MAX_AGE, routing::any};
use crate::service::webhooks::Render;

pub mod header_session;
pub mod multisession;
pub mod wasender;

/// The paths of a dialect, over an [`Api`].
type Routes = Box<dyn FnOnce(&Api) -> Router<Api> + Send>;

/// What a dialect answers at a path that another has, too.
type Answer = Box<dyn FnOnce(&Api) -> MethodRouter + Send>;

/// Whether a request is one of a dialect's, by its credential.
type Wants = fn(&HeaderMap) -> bool;

/// A path that several dialects have.
struct Claim {
    path: &'static str,
    wants: Wants,
    answer: Answer,
}

/// A dialect, as the operator has set it up.
pub struct Dialect {
    routes: Routes,
    claims: Vec<Claim>,
    shapes: Vec<(&'static str, Arc<dyn Render>)>,
}

impl Dialect {
    /// A dialect with these paths.
    fn new(routes: impl FnOnce(&Api) -> Router<Api> + Send + 'static) -> Self {
        Self {
            routes: Box::new(routes),
            claims: Vec::new(),
            shapes: Vec::new(),
        }
    }

    /// With a path that another dialect may have, too: a request goes to the first that wants it.
    fn claiming(
        mut self,
        path: &'static str,
        wants: Wants,
        answer: impl FnOnce(&Api) -> MethodRouter + Send + 'static,
    ) -> Self {
        let answer = Box::new(answer);
        self.claims.push(Claim {
            path,
            wants,
            answer,
        });
        self
    }

    /// With a shape of webhooks, which is told also while the paths are switched off.
    fn telling(mut self, name: &'static str, shape: impl Render + 'static) -> Self {
        self.shapes.push((name, Arc::new(shape)));
        self
    }

    /// The shapes of its webhooks, by their names.
    pub fn shapes(&self) -> Vec<(&'static str, Arc<dyn Render>)> {
        self.shapes.clone()
    }
}

/// The paths of all `dialects` over `api`.
pub fn routes(dialects: impl IntoIterator<Item = Dialect>, api: &Api) -> Router<Api> {
    let mut all = Router::new();
    let mut claims: BTreeMap<&str, Vec<(Wants, MethodRouter)>> = BTreeMap::new();
    for dialect in dialects {
        all = all.merge((dialect.routes)(api));
        for claim in dialect.claims {
            let answers = claims.entry(claim.path).or_default();
            answers.push((claim.wants, (claim.answer)(api)));
        }
    }
    for (path, answers) in claims {
        all = all.route(path, any(move |request| pick(answers.clone(), request)));
    }
    all
}

async fn pick(answers: Vec<(Wants, MethodRouter)>, request: Request) -> Response {
    let wanting = answers
        .into_iter()
        .find(|(wants, _)| wants(request.headers()));
    match wanting {
        Some((_, mut answer)) => answer
            .call(request)
            .await
            .unwrap_or_else(|never| match never {}),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect")
            .field("shapes", &self.shapes)
            .finish_non_exhaustive()
    }
}

/// How the operator lets callers into a dialect that has no users of its own.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// One token that acts for the first administrator.
    pub token: Option<SecretString>,
    /// Whether a request without a credential acts for them too.
    pub is_open: bool,
}

/// Which pages may use a dialect: those of `origins`, or of all with `*`. Nothing hangs on a cookie, so a page can do no more
/// than whoever knows its token.
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
        .expose_headers([
            header::RETRY_AFTER,
            HeaderName::from_static("x-ratelimit-limit"),
            HeaderName::from_static("x-ratelimit-remaining"),
            HeaderName::from_static("x-ratelimit-reset"),
        ])
        .max_age(PREFLIGHT_MAX_AGE)
}
