//! The dialects: faces that speak as other services do, so that what was written for those works here.
//!
//! Owns what their credentials may be made of. A dialect is a folder that translates and calls `service`; it holds no policy
//! and knows no other dialect. Deleting one takes its folder, its line here and its line in `app`; `tests/it/compat` holds
//! them to that. `app` hands their routes to [`super::router`].

use secrecy::SecretString;

pub mod header_session;

/// How the operator lets callers into a dialect that has no users of its own.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// One token that acts for the first administrator.
    pub token: Option<SecretString>,
    /// Whether a request without a credential acts for them too.
    pub is_open: bool,
}
