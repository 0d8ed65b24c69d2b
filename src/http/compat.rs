//! The dialects: faces that speak as other services do, so that what was written for those works here.
//!
//! Owns what a dialect is made of. A dialect is a folder that translates and calls `service`; it holds no policy and knows no
//! other dialect. Deleting one takes its folder, its line here and its line in `app`; `tests/it/compat` holds them to that.
//! `app` hands their routes to [`super::router`], and the shapes of their webhooks to the sender.

use std::{fmt, sync::Arc};

use axum::Router;
use secrecy::SecretString;

use super::Api;
use crate::service::webhooks::Render;

pub mod header_session;
pub mod multisession;

/// The paths of a dialect, over an [`Api`].
type Routes = Box<dyn FnOnce(&Api) -> Router<Api> + Send>;

/// A dialect, as the operator has set it up.
pub struct Dialect {
    routes: Routes,
    shapes: Vec<(&'static str, Arc<dyn Render>)>,
}

impl Dialect {
    /// A dialect with these paths.
    fn new(routes: impl FnOnce(&Api) -> Router<Api> + Send + 'static) -> Self {
        Self {
            routes: Box::new(routes),
            shapes: Vec::new(),
        }
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

    /// Its paths over `api`.
    pub fn routes(self, api: &Api) -> Router<Api> {
        (self.routes)(api)
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
